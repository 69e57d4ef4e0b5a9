//! Commands without a method of their own.

use std::borrow::Cow;
use std::time::Duration;

use swarm_resp::{Frame, ToArgs};

use super::words::guard;
use crate::command::{Blocking, Builder, Executor};
use crate::request_reply::Retry;

/// Commands that have no method of their own.
pub trait RawCommands: Executor {
    /// Sends any command, for those without a method. Each word of `command` is sent as an argument.
    ///
    /// The client retries the command only if it is known to be read-only, as the methods for commands that read:
    /// [`docs/COMMANDS.md`](https://github.com/scholtz/swarm-keydb/blob/main/docs/COMMANDS.md) lists them.
    ///
    /// On a shared connection, commands that change the session (AUTH, SELECT, CLIENT SETNAME, WATCH and the like) are refused;
    /// an [`Exclusive`](crate::Exclusive) handle sends them. No handle sends commands that would put replies out of order
    /// (SUBSCRIBE, MONITOR, CLIENT TRACKING and the like), or that have a handle of their own (MULTI, EXEC, DISCARD). Commands
    /// that block go through [`raw_blocking`](Self::raw_blocking).
    ///
    /// **Reply:** the frame as received; an error reply is an error.
    ///
    /// **Errors:** of kind [`Argument`](crate::ErrorKind::Argument) for the commands above, and if the command's name contains
    /// a line break (CR or LF). On SwarmKeyDb also if a key is empty, if a key, subcommand or group name contains a line break or
    /// is not UTF-8, or if the increment of `INCRBY` is not an integer. Redis, Valkey and KeyDB get the arguments unchanged. The
    /// client checks arguments when it sends the command, because only then it knows the server.
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
        let mut command = Builder::raw(command).args(args).build();
        guard(&mut command);
        self.execute(command)
    }

    /// Sends any command whose reply may wait for an event, such as BLPOP. `block` is the longest time that the server waits, or
    /// `None` if it may wait forever. Give the same time here as in the arguments.
    ///
    /// A [`Client`](crate::Client) runs the command on a leased connection, so it delays no other task. The reply may take as
    /// long as the command blocks plus a margin, and at least the request timeout. The client never retries the command.
    ///
    /// The arguments are sent unchanged. Avoid `BLOCK 0` with SwarmKeyDb: the server can miss a wake-up, and the command would
    /// never return although there is something to read. Block for a few seconds, in a loop;
    /// [`xread_with`](crate::StreamCommands::xread_with) and [`xreadgroup_with`](crate::StreamCommands::xreadgroup_with)
    /// do so for you. A finite time also bounds how long a dead server goes unnoticed, and for how long SwarmKeyDb may
    /// deliver entries over TCP to a client that is gone.
    ///
    /// **Reply:** the frame as received; an error reply is an error.
    ///
    /// **Errors:** as [`raw`](Self::raw); of kind [`Timeout`](crate::ErrorKind::Timeout) when all leases are in use. Not
    /// available over HTTP.
    ///
    /// **Cancel safety:** dropping the future closes the leased connection, so the server stops blocking. Data that the command
    /// takes at that moment is lost.
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
        let mut command = Builder::raw(command).args(args).build();
        guard(&mut command);
        command.builder.retry = Retry::Never;
        command.builder.blocking = block.into().map_or(Blocking::Forever, Blocking::For);
        self.execute(command)
    }
}

impl<E: Executor> RawCommands for E {}
