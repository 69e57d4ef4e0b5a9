//! Any command at all.

use std::borrow::Cow;
use std::time::Duration;

use swarm_resp::{Frame, ToArgs};

use super::session::{blocking_command, refuse, session_command};
use super::words::guard;
use crate::command::{Blocking, Builder, Executor};

/// Commands that have no method of their own.
pub trait RawCommands: Executor {
    /// Any command, for those without a method of their own. Each word of `command` is sent as an argument.
    ///
    /// Sent once, never again: nothing is known of what it does. Commands that change the session (AUTH, HELLO, MULTI,
    /// WATCH, SUBSCRIBE and the like) are refused: other tasks share the connection. Those that block go through
    /// [`raw_blocking`](Self::raw_blocking), for the same reason.
    ///
    /// **Reply:** the frame as it came; an error reply is an error.
    ///
    /// **Errors:** of kind [`Argument`](crate::ErrorKind::Argument) when a command, subcommand, key or group name holds a line
    /// break (CR or LF), which SwarmKeyDb would repeat in an error without escaping it; or when the increment of `INCRBY` is not
    /// a whole number, to which SwarmKeyDb never replies.
    ///
    /// ```
    /// # use swarm_keydb::{Client, prelude::*};
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
        let mut command = Builder::named(command).args(args).build();
        guard(&mut command);
        refuse(&mut command, session_command);
        refuse(&mut command, blocking_command);
        self.execute(command)
    }

    /// Any command that the server answers when there is something to tell, such as BLPOP: after `block` at the latest, or
    /// perhaps never if that is `None`. Say the same here as in the arguments.
    ///
    /// A [`Client`](crate::Client) runs it on a leased connection, so that nobody waits behind it. The reply may take as long as
    /// the command blocks and a little longer, and never less than the request timeout. Sent once, never again.
    ///
    /// The command is sent as it is. Avoid `BLOCK 0` with SwarmKeyDb: the server can miss a wake-up, and the command would
    /// then never return, although there is something to read. Block for a few seconds, in a loop.
    /// [`xread_with`](crate::StreamCommands::xread_with) and [`xreadgroup_with`](crate::StreamCommands::xreadgroup_with)
    /// do so for you. A finite time also bounds how long a dead server goes unnoticed, and for how long SwarmKeyDb may
    /// deliver entries over TCP to a client that is gone.
    ///
    /// **Reply:** the frame as it came; an error reply is an error.
    ///
    /// **Errors:** as [`raw`](Self::raw); of kind [`Timeout`](crate::ErrorKind::Timeout) when all leases are in use. Over HTTP it
    /// is refused.
    ///
    /// **Cancel safety:** dropping the future closes the connection, and with it the server stops blocking. What it takes in that
    /// moment is lost.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use swarm_keydb::{Client, prelude::*};
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
        let mut command = Builder::named(command).args(args).build();
        guard(&mut command);
        command.draft.blocking = block.into().map_or(Blocking::Forever, Blocking::For);
        refuse(&mut command, session_command);
        self.execute(command)
    }
}

impl<E: Executor> RawCommands for E {}
