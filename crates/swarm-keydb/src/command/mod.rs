//! Commands as plain values, and the executors that take them.

mod builder;
mod name;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use swarm_resp::{ArgSink, ConvertError, Frame, Request};

#[cfg(feature = "cache")]
pub(crate) use self::builder::Caching;
pub(crate) use self::builder::{Builder, CommandOptions, MAX_COUNT, milliseconds};
use crate::error::{Error, Result};
use crate::failure::Failure;

/// A command whose reply is an `R`: the encoded request, and how to convert the reply.
///
/// The command methods build commands and pass them to the [`Executor`] that they are called on.
/// The docs of `Executor` have examples.
///
/// `Debug` shows the name and the number of arguments, never an argument.
#[must_use = "a command does nothing until it is passed to an executor"]
pub struct Command<R> {
    pub(crate) builder: Builder,
    pub(crate) decode: Decode<R>,
}

/// How a reply is decoded.
pub(crate) enum Decode<R> {
    /// By the type's own conversion, which may keep the frame's bytes.
    Convert(fn(Frame) -> Result<R, ConvertError>),
    /// By a function of the command.
    Read(fn(&Frame) -> Result<R, ConvertError>),
}

impl<R> Decode<R> {
    #[inline]
    pub(crate) fn read(&self, frame: Frame) -> Result<R, ConvertError> {
        match self {
            Self::Convert(convert) => convert(frame),
            Self::Read(read) => read(&frame),
        }
    }
}

impl<R> Command<R> {
    /// Returns the name, without arguments: `GET`, `XGROUP CREATE`.
    pub fn name(&self) -> &str {
        &self.builder.name
    }

    /// Returns why the command must not be sent, if an argument was rejected: an error of kind
    /// [`Argument`](crate::ErrorKind::Argument).
    pub const fn rejection(&self) -> Option<&Error> {
        self.builder.rejection.as_ref()
    }

    /// Returns a copy of the encoded command: its name and all arguments.
    ///
    /// Do not send the request of a command that was [rejected](Self::rejection). The client also
    /// checks each request when it sends it, because only then is it known what the server accepts;
    /// a custom executor must do so itself.
    pub fn request(&self) -> Request {
        let mut copy = Request::builder("");
        for arg in self.builder.request.written() {
            ArgSink::arg(&mut copy, arg);
        }
        copy.build()
    }

    /// Converts a reply to the command's type.
    ///
    /// # Errors
    ///
    /// Kind [`Server`](crate::ErrorKind::Server) or [`Auth`](crate::ErrorKind::Auth) if the reply
    /// is an error, and [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if it cannot be
    /// converted to `R`.
    pub fn decode(&self, reply: Frame) -> Result<R> {
        let decoded = match reply.as_error() {
            Some(error) => Err(Error::from_failure(Failure::Server(error))),
            None => self.decode.read(reply).map_err(Error::convert),
        };
        decoded.map_err(|error| error.for_command(self.builder.name.clone()))
    }

    /// Whether an argument was rejected, so that the command must not be sent.
    pub(crate) const fn is_rejected(&self) -> bool {
        self.builder.rejection.is_some()
    }

    /// Takes the reason why the command must not be sent, if an argument was rejected.
    pub(crate) const fn take_rejection(&mut self) -> Option<Error> {
        self.builder.rejection.take()
    }
}

impl<R> fmt::Debug for Command<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.builder.name.split_ascii_whitespace().count();
        f.debug_struct("Command")
            .field("name", &self.builder.name)
            .field("args", &self.builder.len().saturating_sub(words))
            .field("rejected", &self.is_rejected())
            .finish_non_exhaustive()
    }
}

/// Whether and how long the server may block before it replies.
///
/// A blocking command delays all later commands on its connection, so the client never sends one
/// over the shared connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Blocking {
    /// Replies immediately.
    #[default]
    No,
    /// Replies within this time.
    For(Duration),
    /// May never reply.
    Forever,
    /// A stream read encoded by the client, which can be split into several reads that block for
    /// shorter times. Blocks for this time in total; [`Duration::MAX`] means forever.
    Read(Duration),
}

/// Takes commands: a [`Client`](crate::Client) sends them, a [`Pipeline`](crate::Pipeline) queues
/// them.
///
/// Every executor has all command methods, by the traits of the [`prelude`](crate::prelude). Bound
/// by the trait in generic code, or implement it to wrap another executor or to test without a
/// server.
///
/// To act on the reply too, for example to measure latency, let [`Output`](Self::Output) be a
/// future of your own that contains the wrapped executor's output and polls it. A boxed `dyn
/// Future` does not compile here, because it requires `R: 'static`.
///
/// # Examples
///
/// Count writes on any executor:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use swarm_keydb::{Client, Command, Executor, prelude::*};
///
/// struct Counted<E> {
///     inner: E,
///     writes: AtomicU64,
/// }
///
/// impl<E: Executor> Executor for Counted<E> {
///     type Output<R> = E::Output<R>;
///
///     fn execute<R>(&self, command: Command<R>) -> E::Output<R> {
///         if command.name() == "SET" {
///             self.writes.fetch_add(1, Ordering::Relaxed);
///         }
///         self.inner.execute(command)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let client = Counted { inner: client, writes: AtomicU64::new(0) };
/// client.set("name", "ann").await?;
/// client.get("name").await?;
/// assert_eq!(client.writes.into_inner(), 1);
/// # Ok(())
/// # }
/// ```
///
/// Reply to commands without a server:
///
/// ```
/// use swarm_keydb::{Command, Executor, Frame, Result, prelude::*};
///
/// struct Always(Frame);
///
/// impl Executor for Always {
///     type Output<R> = Result<R>;
///
///     fn execute<R>(&self, command: Command<R>) -> Result<R> {
///         command.decode(self.0.clone())
///     }
/// }
///
/// assert_eq!(Always(Frame::integer(7)).incr("visits")?, 7);
/// # Ok::<(), swarm_keydb::Error>(())
/// ```
pub trait Executor {
    /// What a command method returns on this handle for a reply of type `R`: a future, a handle, or
    /// the reply itself.
    type Output<R>;

    /// Executes a command.
    fn execute<R>(&self, command: Command<R>) -> Self::Output<R>;
}
