//! A command as a plain value, and what can take one.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, FromFrame, Request, RequestBuilder, ToArg, ToArgs};

use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::key::{ToKey, ToKeys};
use crate::request_reply::Retry;
use crate::server::{Marks, has_line_break};

/// A command whose reply is an `R`: the encoded request, and how to convert the reply.
///
/// The command methods build commands and pass them to the [`Executor`] that they are called on. See there for an example of
/// your own.
///
/// `Debug` shows the name and the number of arguments, never an argument.
#[must_use = "a command does nothing until it is passed to an executor"]
pub struct Command<R> {
    pub(crate) builder: Builder,
    pub(crate) decode: Decode<R>,
}

/// How a reply is read.
pub(crate) enum Decode<R> {
    /// As its type says, which may keep the frame's bytes.
    Convert(fn(Frame) -> Result<R, ConvertError>),
    /// By a function of its own.
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
        self.builder.refused.as_ref()
    }

    /// Encodes the command, with its name and all arguments. The encoding is a copy.
    ///
    /// Do not send the request of a command that was [rejected](Self::rejection). The client also checks requests when it sends
    /// them, because what the server accepts is only known then; an executor of your own has to check them itself.
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
    /// Returns an error of kind [`Server`](crate::ErrorKind::Server) or [`Auth`](crate::ErrorKind::Auth) if the reply is an error,
    /// and of kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if it cannot be converted to `R`.
    pub fn decode(&self, reply: Frame) -> Result<R> {
        let decoded = match reply.as_error() {
            Some(error) => Err(Error::from(Failure::Server(error))),
            None => self.decode.read(reply).map_err(Error::convert),
        };
        decoded.map_err(|error| error.for_command(self.builder.name.clone()))
    }

    /// Whether an argument was refused, so that it must not be sent.
    pub(crate) const fn is_refused(&self) -> bool {
        self.builder.refused.is_some()
    }

    /// Why it must not be sent, if an argument was refused.
    pub(crate) const fn take_refusal(&mut self) -> Option<Error> {
        self.builder.refused.take()
    }
}

impl<R> fmt::Debug for Command<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.builder.name.split_ascii_whitespace().count();
        f.debug_struct("Command")
            .field("name", &self.builder.name)
            .field("args", &self.builder.len().saturating_sub(words))
            .field("rejected", &self.is_refused())
            .finish_non_exhaustive()
    }
}

/// Whether the server keeps a reply back until there is something to tell. Everything behind such a command on the same
/// connection waits with it, so it never goes over the one that others share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Blocking {
    /// It answers at once.
    #[default]
    No,
    /// It answers after this time at the latest.
    For(Duration),
    /// It may never answer.
    Forever,
    /// A read of streams that the client encoded, so it may be split into several that block shorter. It blocks for this
    /// time in total; [`Duration::MAX`] means forever.
    Read(Duration),
}

/// Takes commands: a [`Client`](crate::Client) sends them, a [`Pipeline`](crate::Pipeline) queues them.
///
/// Every executor has all command methods, by the traits of the [`prelude`](crate::prelude). Bound by the trait in generic code, or
/// implement it to wrap another executor or to test without a server.
///
/// # Examples
///
/// Count commands, whatever sends them:
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
/// Answer commands without a server:
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
    /// What a command method returns on this handle, for a command whose reply is an `R`: a future, a handle or the reply.
    type Output<R>;

    /// Takes a command.
    fn execute<R>(&self, command: Command<R>) -> Self::Output<R>;
}

/// Puts a command together, rejects arguments that make no sense on any server, and marks those that some servers cannot take.
///
/// It is large, for a small command lies in it whole; so what every command calls is always inlined, lest it be moved with
/// each call.
pub(crate) struct Builder {
    pub(crate) name: Cow<'static, str>,
    /// What is to be sent. Whoever takes the command chooses where its bytes are to lie.
    pub(crate) request: RequestBuilder,
    /// Why it is not to be sent.
    refused: Option<Error>,
    pub(crate) retry: Retry,
    pub(crate) alone: bool,
    /// Whether the caller chose the command, so that an executor must [vet](crate::commands::vet) it.
    pub(crate) raw: bool,
    /// Whether the server may keep the reply back, and for how long.
    pub(crate) blocking: Blocking,
    /// What it contains that some servers cannot take, or need a precaution for.
    pub(crate) marks: Marks,
}

impl Builder {
    /// Starts a command of the table. Each word of its name is sent as an argument.
    #[inline(always)]
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            request: Request::builder(name),
            refused: None,
            retry: Retry::Never,
            alone: false,
            raw: false,
            blocking: Blocking::No,
            marks: Marks::NONE,
        }
    }

    /// Starts a command whose name comes from the caller.
    pub(crate) fn raw(name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let mut builder = Self {
            raw: true,
            request: Request::builder(&name),
            name,
            ..Self::new("")
        };
        if builder.name.trim().is_empty() {
            builder.refuse(Error::argument("a command needs a name"));
        } else if has_line_break(builder.name.as_bytes()) {
            builder.name = Cow::Borrowed("(unnamed)");
            builder.refuse(Error::argument(
                "the command's name holds a line break; remove it",
            ));
        }
        builder
    }

    /// The command only reads, so it may be sent again when a reply was lost.
    #[inline(always)]
    pub(crate) const fn read_only(mut self) -> Self {
        self.retry = Retry::ReadOnly;
        self
    }

    /// The command writes, but twice is as once: it may be sent again where the policy allows it.
    #[inline(always)]
    pub(crate) const fn idempotent(mut self) -> Self {
        self.retry = Retry::Idempotent;
        self
    }

    /// The command must not be sent again after all.
    pub(crate) const fn never_again(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The reply may repeat text that SwarmKeyDb does not escape.
    #[inline(always)]
    pub(crate) const fn fenced(mut self) -> Self {
        self.mark(Marks::FENCE);
        self
    }

    /// Adds marks.
    #[inline(always)]
    pub(crate) const fn mark(&mut self, marks: Marks) {
        self.marks = self.marks.and(marks);
    }

    /// How many arguments there are so far.
    pub(crate) const fn len(&self) -> usize {
        self.request.len()
    }

    /// The command must be on the wire alone.
    pub(crate) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Puts an argument that may be anything.
    #[inline(always)]
    pub(crate) fn arg(mut self, arg: impl ToArg) -> Self {
        self.request.arg(arg);
        self
    }

    /// Puts arguments that may be anything.
    #[inline(always)]
    pub(crate) fn args(mut self, args: impl ToArgs) -> Self {
        self.request.args(args);
        self
    }

    /// Puts a name that the server may repeat in an error: a group, a consumer, a digest.
    pub(crate) fn echoed(mut self, text: impl ToArg) -> Self {
        let text = text.to_arg();
        self.mark(Marks::of_name(&text));
        ArgSink::arg(&mut self.request, &text);
        self
    }

    /// Puts one key.
    #[inline(always)]
    pub(crate) fn key(mut self, key: impl ToKey) -> Self {
        KeySink(&mut self).arg(&key.to_key());
        self
    }

    /// Puts keys, at least one.
    pub(crate) fn keys(mut self, keys: impl ToKeys) -> Self {
        let before = self.request.len();
        keys.write_keys(&mut KeySink(&mut self));
        if self.request.len() == before {
            self.refuse(Error::argument("no key was given; name at least one"));
        }
        self
    }

    /// Puts the number of keys, then the keys.
    pub(crate) fn counted_keys(mut self, keys: impl ToKeys) -> Self {
        let mut count = Count(0);
        keys.write_keys(&mut count);
        self.request.arg(count.0);
        keys.write_keys(&mut KeySink(&mut self));
        self
    }

    /// Puts keys and their values in turn, at least one.
    pub(crate) fn pairs<K: ToKey, V: ToArg>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let before = self.request.len();
        for (key, value) in pairs {
            self = self.key(key).arg(value);
        }
        if self.request.len() == before {
            self.refuse(Error::argument(
                "no pair was given; name at least one key and its value",
            ));
        }
        self
    }

    /// Starts a command that takes a time to live: in seconds, or, when that would cut something off, by another name in
    /// milliseconds.
    pub(crate) fn timed(name: &'static str, precise: &'static str, ttl: Duration) -> Self {
        Self::new(if ttl.subsec_nanos() == 0 {
            name
        } else {
            precise
        })
    }

    /// Puts a time to live in the unit of the command that [`timed`](Self::timed) chose.
    pub(crate) fn ttl(mut self, ttl: Duration) -> Self {
        if ttl.subsec_nanos() > 0 {
            return self.ttl_milliseconds(ttl);
        }
        self.refuse_zero(ttl);
        self.arg(ttl.as_secs())
    }

    /// Puts a time to live in milliseconds.
    pub(crate) fn ttl_milliseconds(mut self, ttl: Duration) -> Self {
        self.refuse_zero(ttl);
        self.arg(milliseconds(ttl))
    }

    fn refuse_zero(&mut self, ttl: Duration) {
        if ttl.is_zero() {
            self.refuse(Error::argument(
                "a time to live of zero; give a longer one, or use del to remove the key",
            ));
        }
    }

    /// Puts a point in time in whole seconds, rounded up.
    pub(crate) fn time_seconds(mut self, time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => self.arg(
                since
                    .as_millis()
                    .div_ceil(1000)
                    .try_into()
                    .unwrap_or(u64::MAX),
            ),
            Err(_) => {
                self.refuse(Error::argument(
                    "the time lies before 1970; use del to remove the key",
                ));
                self
            }
        }
    }

    /// Puts options.
    pub(crate) fn options(mut self, options: impl CommandOptions) -> Self {
        if let Err(error) = options.validate() {
            self.refuse(error);
        }
        self.blocking = options.blocking();
        self.mark(options.marks());
        self.args(options)
    }

    /// Refuses the command. The first reason stands.
    #[cold]
    pub(crate) fn refuse(&mut self, error: Error) {
        let name = self.name.clone();
        self.refused.get_or_insert(error.for_command(name));
    }

    #[inline(always)]
    pub(crate) fn build<R: FromFrame>(self) -> Command<R> {
        Command {
            builder: self,
            decode: Decode::Convert(R::from_owned),
        }
    }

    /// Builds a command whose reply is read by a function of its own.
    #[inline(always)]
    pub(crate) fn build_with<R>(self, decode: fn(&Frame) -> Result<R, ConvertError>) -> Command<R> {
        Command {
            builder: self,
            decode: Decode::Read(decode),
        }
    }
}

/// Options of a command, which may contradict each other.
pub(crate) trait CommandOptions: ToArgs {
    /// Whether the options make sense together.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// What the options contain that some servers cannot take.
    fn marks(&self) -> Marks {
        Marks::NONE
    }

    /// Whether the command blocks with these options.
    fn blocking(&self) -> Blocking {
        Blocking::No
    }
}

/// The largest `COUNT` that SwarmKeyDb takes. More is as much as there is.
pub(crate) const MAX_COUNT: u64 = (1 << 31) - 1;

/// A duration as the server counts it, rounded up so that it is never shorter than asked for.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Counts arguments.
struct Count(usize);

impl ArgSink for Count {
    fn arg(&mut self, _: &[u8]) {
        self.0 += 1;
    }
}

/// Takes keys, and marks those that some servers cannot take.
struct KeySink<'a>(&'a mut Builder);

impl ArgSink for KeySink<'_> {
    #[inline]
    fn arg(&mut self, key: &[u8]) {
        self.0.mark(Marks::of_key(key));
        ArgSink::arg(&mut self.0.request, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_its_name_and_no_argument() {
        let command = Builder::new("XGROUP CREATE").key("secret").build::<()>();
        let shown = format!("{command:?}");
        assert_eq!(
            shown,
            "Command { name: \"XGROUP CREATE\", args: 1, rejected: false, .. }"
        );
        let args: Vec<_> = command.request().args().map(<[u8]>::to_vec).collect();
        assert_eq!(args, [&b"XGROUP"[..], b"CREATE", b"secret"]);
        assert!(command.rejection().is_none());
    }

    #[test]
    fn a_rejected_command_says_why() {
        let command = Builder::new("DEL").keys([""; 0]).build::<()>();
        assert!(command.rejection().is_some_and(Error::is_argument));
    }

    #[test]
    fn a_reply_decodes_to_the_type_of_its_command_or_an_error_that_names_it() {
        let command = Builder::new("GET").key("k").build::<i64>();
        assert_eq!(command.decode(Frame::integer(3)).ok(), Some(3));
        let error = command.decode(Frame::error("ERR x")).unwrap_err();
        assert!(error.is_server());
        assert_eq!(error.command(), Some("GET"));
        let error = command.decode(Frame::simple("x")).unwrap_err();
        assert!(error.is_unexpected_reply());
    }

    #[test]
    fn no_key_is_rejected_before_the_server_is_known_and_some_are_marked() {
        let line_break = Marks::LINE_BREAK.and(Marks::FENCE);
        for (key, marks) in [
            (" ", Marks::NONE),
            ("\t", Marks::NONE),
            ("\0", Marks::NONE),
            ("", Marks::EMPTY_NAME),
            ("\r", line_break),
            ("\n", line_break),
            ("a\r\nb", line_break),
        ] {
            let command = Builder::new("GET").key(key).build::<()>();
            assert!(!command.is_refused(), "{key:?}");
            assert_eq!(command.builder.marks, marks, "{key:?}");
        }
    }
}
