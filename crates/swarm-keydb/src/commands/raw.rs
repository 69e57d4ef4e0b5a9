//! Commands without a method.

use std::borrow::Cow;
use std::time::Duration;

use swarm_resp::{Frame, FromFrame, ToArgs};

use super::words::guard;
use crate::command::{Blocking, Builder, Executor};
use crate::request_reply::Retry;

/// Any command, including those without a method.
pub trait RawCommands: Executor {
    /// Sends any command, including those without a method. Each word of `command` is sent as an
    /// argument.
    ///
    /// Returns the reply as received; an error reply is an error. The client retries the command
    /// only if the command is known to be read-only, like the methods for reads:
    /// the
    /// [list of commands](crate::guide::commands) names them.
    ///
    /// Commands that change the session, such as AUTH, SELECT, CLIENT SETNAME, and WATCH, need an
    /// [`Exclusive`](crate::Exclusive) handle. No handle sends commands whose replies do not match
    /// requests one to one, such as SUBSCRIBE, MONITOR, and CLIENT TRACKING, or commands that have
    /// a handle (MULTI, EXEC, DISCARD). Use [`raw_blocking`](Self::raw_blocking) for blocking
    /// commands.
    ///
    /// # Errors
    ///
    /// Kind [`Argument`](crate::ErrorKind::Argument) for the commands above, and if the command's
    /// name contains a line break (CR or LF). On SwarmKeyDb also if a key is empty, if a key,
    /// subcommand or group name contains a line break or is not UTF-8, or if the increment of
    /// `INCRBY` is not an integer. Redis, Valkey and KeyDB get the arguments unchanged. The client
    /// checks arguments when it sends the command, because only then it knows the server.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let reply = client.raw("ECHO", "hello").await?;
    /// assert_eq!(reply.as_str(), Some("hello"));
    /// # Ok(())
    /// # }
    /// ```
    fn raw(&self, command: impl Into<Cow<'static, str>>, args: impl ToArgs) -> Self::Output<Frame> {
        self.raw_as(command, args)
    }

    /// Like [`raw`](Self::raw), but converts the reply to `T`: see [`FromFrame`].
    ///
    /// # Errors
    ///
    /// The errors of [`raw`](Self::raw), and kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the reply cannot be converted to
    /// `T`. The text says which element of a list has another type.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.mset((("visits", 7), ("name", "ann"))).await?;
    /// let visits: u64 = client.raw_as("GET", "visits").await?;
    /// assert_eq!(visits, 7);
    ///
    /// let error = client.raw_as::<Vec<u64>>("MGET", ["visits", "name"]).await.unwrap_err();
    /// let text = "that cannot be read as an integer that fits u64, at position 1 of the reply";
    /// assert!(error.to_string().starts_with("MGET: ") && error.to_string().ends_with(text));
    /// # Ok(())
    /// # }
    /// ```
    fn raw_as<T: FromFrame>(
        &self,
        command: impl Into<Cow<'static, str>>,
        args: impl ToArgs,
    ) -> Self::Output<T> {
        let mut command = Builder::raw(command).args(args).build();
        guard(&mut command);
        self.execute(command)
    }

    /// Sends any command that may block on the server, such as BLPOP. `block` is the maximum time
    /// that the server blocks, or `None` if it may block forever. Pass the same time in the
    /// arguments.
    ///
    /// Returns the reply as received; an error reply is an error. The client never retries the
    /// command.
    ///
    /// A [`Client`](crate::Client) runs the command on a leased connection, so it does not delay
    /// other tasks. The reply may take as long as the command blocks plus a margin, and at least
    /// the request timeout.
    ///
    /// The client sends the arguments unchanged. Avoid `BLOCK 0` with SwarmKeyDb: the server can
    /// miss a wake-up, and the command would never return although entries are available. Block for
    /// a few seconds, in a loop; [`xread_with`](crate::StreamCommands::xread_with) and
    /// [`xreadgroup_with`](crate::StreamCommands::xreadgroup_with) do so for you. A finite time
    /// also limits how long a dead server goes undetected, and how long SwarmKeyDb may deliver
    /// entries over TCP to a client that has disconnected.
    ///
    /// # Errors
    ///
    /// The errors of [`raw`](Self::raw), and kind [`Timeout`](crate::ErrorKind::Timeout) if all
    /// dedicated connections are in use. Kind [`Argument`](crate::ErrorKind::Argument) over HTTP,
    /// which does not support blocking commands.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes the leased connection, so the server stops
    /// blocking. Data that the command removes at that moment is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let time = Duration::from_millis(20);
    /// let args = ["BLOCK", "20", "STREAMS", "news", "0-0"];
    /// let nothing = client.raw_blocking("XREAD", args, time).await?;
    /// assert!(nothing.is_null());
    /// # Ok(())
    /// # }
    /// ```
    fn raw_blocking(
        &self,
        command: impl Into<Cow<'static, str>>,
        args: impl ToArgs,
        block: impl Into<Option<Duration>>,
    ) -> Self::Output<Frame> {
        let mut command = Builder::raw(command).args(args).build::<Frame>();
        guard(&mut command);
        command.builder.retry = Retry::Never;
        command.builder.blocking = block.into().map_or(Blocking::Forever, Blocking::For);
        self.execute(command)
    }
}

impl<E: Executor> RawCommands for E {}
