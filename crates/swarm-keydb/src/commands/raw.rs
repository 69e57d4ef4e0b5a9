//! Any command at all, and which ones the shared connection must not carry.

use std::borrow::Cow;

use swarm_resp::{Frame, Request, ToArgs};

use crate::command::{Builder, Executor};
use crate::error::Error;

/// Commands that have no method of their own.
pub trait RawCommands: Executor {
    /// Any command, for those without a method of their own. Each word of `command` is sent as an argument.
    ///
    /// Sent once, never again: nothing is known of what it does. Commands that change the session (AUTH, HELLO, MULTI,
    /// WATCH, SUBSCRIBE and the like) are refused: other tasks share the connection.
    ///
    /// **Reply:** the frame as it came; an error reply is an error.
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
        let mut command = Builder::new(command).args(args).build();
        if let Some(reason) = command.request.as_ref().ok().and_then(session_command) {
            command.request = Err(Error::argument(reason).for_command(command.name.clone()));
        }
        self.execute(command)
    }
}

impl<E: Executor> RawCommands for E {}

/// Why a command must not be sent over a connection that others share.
fn session_command(request: &Request) -> Option<&'static str> {
    let mut words = request
        .args()
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
    let (first, second) = (words.next()?, words.next());
    match (first.as_str(), second.as_deref()) {
        (
            "AUTH" | "HELLO" | "RESET" | "QUIT" | "SELECT" | "MULTI" | "EXEC" | "DISCARD" | "WATCH"
            | "UNWATCH" | "READONLY" | "READWRITE" | "ASKING",
            _,
        )
        | ("CLIENT", Some("TRACKING" | "CACHING" | "NO-EVICT" | "NO-TOUCH")) => {
            Some("it would change the connection for every task that shares it")
        }
        (
            "SUBSCRIBE" | "UNSUBSCRIBE" | "PSUBSCRIBE" | "PUNSUBSCRIBE" | "SSUBSCRIBE"
            | "SUNSUBSCRIBE" | "MONITOR" | "SYNC" | "PSYNC",
            _,
        )
        | ("CLIENT", Some("REPLY")) => {
            Some("it would put the replies of every task that shares the connection out of step")
        }
        _ => None,
    }
}
