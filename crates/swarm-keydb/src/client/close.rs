//! Closing a client, and what became of its last commands.

use std::time::{Duration, Instant};

use super::{Client, Shared};
use crate::request_reply::deadline_in;

/// How closing a client went: see [`Client::close_within`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether commands were given up"]
pub struct Closed {
    /// How many commands on the shared connection that somebody waited for were given up, of all handles together. Those that had been sent may have run; the
    /// [`outcome`](crate::Error::outcome) of each one's error says which.
    pub abandoned: usize,
    /// How many commands that write were sent and not answered, on all connections. The server may still run them: their connections
    /// stay open in the background until the replies come, for [`drain_timeout`](crate::ClientOptions::drain_timeout) at the most. A
    /// program that exits before may leave such a command half done.
    pub unanswered: usize,
}

impl Closed {
    /// Whether every command before the closing was answered or failed for a reason of its own, and the server owes no reply to a
    /// write.
    pub const fn is_complete(&self) -> bool {
        self.abandoned == 0 && self.unanswered == 0
    }
}

impl Client {
    /// Closes the connection once the commands before it are answered or have timed out, for this handle and all its clones. That
    /// includes commands that write whose futures were dropped. Later commands, and those that still wait for room in the queue,
    /// fail with an error of kind [`Closed`](crate::ErrorKind::Closed). Leased connections close at once, and what blocks on them
    /// fails, unless they owe a reply to a command that writes. Subscriptions end.
    ///
    /// **Cancel safety:** dropping the future does not undo the closing.
    pub async fn close(&self) {
        self.close_by(None).await;
    }

    /// As [`close`](Self::close), within a time: commands that are not answered by then fail with an error of kind
    /// [`Closed`](crate::ErrorKind::Closed), whose outcome says whether they may have run. Reports how many those were, and how many
    /// that write the server still owes a reply.
    ///
    /// If several handles close the client, the earliest deadline applies.
    ///
    /// **Cancel safety:** dropping the future does not undo the closing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_keydb::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let write = tokio::spawn(client.set("last", "words"));
    /// # tokio::task::yield_now().await;
    /// let closed = client.close_within(Duration::from_secs(5)).await;
    /// assert!(closed.is_complete());
    /// write.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close_within(&self, limit: Duration) -> Closed {
        let leased = self.close_by(Some(deadline_in(limit))).await;
        let status = self.shared.mailbox.status();
        Closed {
            abandoned: status.abandoned(),
            unanswered: status.unanswered() + leased,
        }
    }

    /// Says how many replies to commands that write are still owed on leased connections.
    async fn close_by(&self, by: Option<Instant>) -> usize {
        let Shared {
            mailbox,
            leases,
            subscriptions,
            ..
        } = &*self.shared;
        tokio::join!(leases.close(by), mailbox.close(by), subscriptions.close()).0
    }
}
