//! Many independent commands, for a thread that waits for all of them.

use std::time::Duration;

use crate::client;
use crate::command::{Command, Executor};
use crate::error::Result;
use crate::{Frame, Handles, Queued};

use super::runtime::Runtime;

/// Many independent commands, each with its own result: see [`Bulk`](crate::Bulk).
///
/// # Examples
///
/// ```
/// # use swarm_keydb::blocking::Client;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let client = Client::connect(gateway.ws_url())?;
/// let bulk = client.bulk();
/// let handles: Vec<_> = (0..1_000).map(|n| bulk.set(format!("user:{n}"), n)).collect();
/// for reply in bulk.send(handles)? {
///     reply?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `send` is called"]
#[derive(Debug)]
pub struct Bulk {
    inner: client::Bulk,
    runtime: Runtime,
}

impl Bulk {
    pub(super) const fn new(inner: client::Bulk, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    /// Sets the maximum time of each command from when it is sent, instead of the client's
    /// `request_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.inner = self.inner.timeout(timeout);
        self
    }

    /// Returns the number of queued commands.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Returns whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Sends the commands and returns their replies in the shape of `handles`.
    ///
    /// # Errors
    ///
    /// Each reply is a result of its own. The outer error means that the call was made on the
    /// client's own thread.
    pub fn send<H: Handles>(self, handles: H) -> Result<H::Replies> {
        self.runtime.wait(self.inner.send(handles))
    }

    /// Sends the commands and returns all replies undecoded.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    pub fn send_raw(self) -> Result<Vec<Result<Frame>>> {
        self.runtime.wait(self.inner.send_raw())
    }
}

impl Executor for Bulk {
    /// A handle that gives the reply once the bulk is sent.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, command: Command<R>) -> Queued<R> {
        self.inner.execute(command)
    }
}
