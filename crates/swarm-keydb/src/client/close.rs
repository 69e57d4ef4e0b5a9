//! Closing a client.

use std::time::Duration;

use super::{Client, Shared};
use crate::request_reply::deadline_in;
use crate::runtime::Instant;

/// Result of closing a client: see [`Client::close_within`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether commands were abandoned"]
pub struct Closed {
    /// Number of commands on the shared connection, of all handles, that failed because they were
    /// still pending at the limit. Those that had been sent may have run: see the
    /// [`outcome`](crate::Error::outcome) of each error.
    pub abandoned: usize,
    /// Number of writes that were sent and not answered, on all connections. The server may still
    /// run them: their connections stay open in the background until the replies arrive, for at
    /// most [`drain_timeout`](crate::ClientOptions::drain_timeout). If the program exits earlier,
    /// such a command may be left half done.
    pub unanswered: usize,
}

impl Closed {
    /// Returns whether no command was abandoned and no reply to a write is pending.
    pub const fn is_complete(&self) -> bool {
        self.abandoned == 0 && self.unanswered == 0
    }
}

impl Client {
    /// Closes the client, for this handle and all clones, once all earlier commands are answered or
    /// have timed out. Writes whose futures were dropped count, too.
    ///
    /// Later commands, and those that still wait for capacity in the request queue, fail with kind
    /// [`Closed`](crate::ErrorKind::Closed). Dedicated connections close immediately, and blocking
    /// commands on them fail, unless a reply to a write is pending. Subscriptions end.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client still closes.
    pub async fn close(&self) {
        self.close_by(None).await;
    }

    /// Closes the client like [`close`](Self::close), within a time limit.
    ///
    /// Commands that are still pending at the limit fail with kind
    /// [`Closed`](crate::ErrorKind::Closed); the outcome of each error says whether the command may
    /// have run. Returns the number of these commands, and the number of writes whose replies are
    /// still pending.
    ///
    /// If several handles close the client, the earliest deadline applies.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client still closes.
    ///
    /// # Examples
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
        let status = self.shared.connection.status();
        Closed {
            abandoned: status.abandoned(),
            unanswered: status.unanswered() + leased,
        }
    }

    /// Returns the number of pending replies to writes on leased connections.
    async fn close_by(&self, by: Option<Instant>) -> usize {
        let Shared {
            connection,
            leases,
            subscriptions,
            ..
        } = &*self.shared;
        tokio::join!(
            leases.close(by),
            connection.close(by),
            subscriptions.close()
        )
        .0
    }
}
