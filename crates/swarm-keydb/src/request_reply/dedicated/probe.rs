//! Checks a connection before it is kept for its next use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::super::engine::{Requests, Retry, Timing};
use super::super::handle::ConnectionHandle;
use super::{Dedicated, Place};
use crate::connection::Nonce;

/// Maximum time for the reply to the check. No other reply is pending on the connection.
const LIMIT: Duration = Duration::from_secs(1);

/// Checks in progress.
#[derive(Debug, Default)]
pub(super) struct Probes {
    count: AtomicUsize,
    ended: Notify,
}

/// A check in progress. Dropped when its result is known.
struct Probe(Arc<Probes>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_waiters();
    }
}

impl Dedicated {
    /// Keeps the connection if PING with a nonce is answered by that nonce, and closes it
    /// otherwise. Runs in the background and holds the place until then.
    pub(super) fn probe(self: &Arc<Self>, connection: ConnectionHandle, place: Place) {
        self.probes.count.fetch_add(1, Ordering::AcqRel);
        let probe = Probe(Arc::clone(&self.probes));
        let owner = Arc::downgrade(self);
        self.factory.tasks.spawn(async move {
            let in_step = is_in_step(&connection).await;
            let Some(dedicated) = owner.upgrade() else {
                return;
            };
            if in_step && connection.is_idle() {
                dedicated.keep(connection, place);
                drop(probe);
            } else {
                tracing::debug!("a returned connection failed its check and is closed");
                dedicated.discard(&connection, place, ());
            }
        });
    }

    /// Takes an idle connection for a lease, whose holder must have a place. Waits for checks in
    /// progress, which take less time than dialing; `None` if none of them yields a connection.
    pub(crate) async fn idle_or_probed(&self) -> Option<ConnectionHandle> {
        loop {
            let mut ended = std::pin::pin!(self.probes.ended.notified());
            ended.as_mut().enable();
            let idle = self.take_idle();
            if idle.is_some() || self.probes.count.load(Ordering::Acquire) == 0 {
                return idle;
            }
            ended.await;
        }
    }
}

/// Whether replies on the connection still match requests.
async fn is_in_step(connection: &ConnectionHandle) -> bool {
    let nonce = Nonce::new();
    let timing = Timing {
        timeout: LIMIT,
        grows: false,
        blocks: false,
    };
    let request = Requests::One(nonce.request("PING"));
    let answers = connection.call_batch(request, timing, Retry::Never).await;
    matches!(&answers.replies[..], [Ok(reply)] if nonce.is_echoed_by(reply))
}
