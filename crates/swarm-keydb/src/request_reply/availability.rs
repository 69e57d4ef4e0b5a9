//! Availability of the server, according to the shared connection. While that is down, leases and
//! subscriptions do not dial.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_transport::{TransportError, TransportErrorKind};

use crate::credentials::Login;
use crate::failure::{Failure, Late, Outage, Wait};
use crate::runtime::{Instant, sleep_until};
use crate::status::{State, Status};

/// Time that the HTTP fallback must have been in use before leases and subscriptions fail. They
/// wait during shorter outages.
const FALLBACK_GRACE: Duration = Duration::from_secs(1);

/// State of the shared connection, for the other connections of the client. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Availability {
    status: Arc<Status>,
    login: Login,
    /// Failed dials of any other connection, until a dial succeeds.
    failed: Arc<Mutex<Outage>>,
}

impl Availability {
    pub(crate) fn new(status: Arc<Status>, login: Login) -> Self {
        Self {
            status,
            login,
            failed: Arc::default(),
        }
    }

    /// Records the result of dialing another connection.
    pub(crate) fn note_dial(&self, failed: Option<&Arc<TransportError>>) {
        let mut outage = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) => {
                let now = Instant::now();
                outage.since.get_or_insert(now);
                outage.note_attempt(error, now);
            }
            None => *outage = Outage::default(),
        }
    }

    /// Waits until the shared connection works or has ended for good.
    ///
    /// # Errors
    ///
    /// When the server refuses the current credentials, or only the fallback can be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub(crate) async fn wait(&self) -> Result<(), Failure> {
        let mut links = self.status.links();
        loop {
            let link = links.borrow_and_update().clone();
            let failed = link.failed;
            if let Some(failed) = &failed
                && failed.refused == Some(self.login.version())
            {
                return Err(failed.failure.clone());
            }
            // `self` owns the sender, so waiting cannot fail.
            let changed = links.changed();
            match link.state {
                State::Connected | State::Closed => return Ok(()),
                State::Connecting | State::Reconnecting => {
                    let _changed = changed.await;
                }
                State::Fallback => tokio::select! {
                    biased;
                    _changed = changed => {}
                    () = sleep_until(link.since + FALLBACK_GRACE) => {
                        let error = failed.map_or_else(not_connected_yet, |failed| failed.error);
                        let address = self.address();
                        return Err(Failure::OnlyFallback { address, error });
                    }
                },
            }
        }
    }

    /// Waits until [`wait`](Self::wait) would fail, and returns its error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub(crate) async fn wait_unavailable(&self) -> Failure {
        let mut links = self.status.links();
        loop {
            links.mark_unchanged();
            if let Err(failure) = self.wait().await {
                return failure;
            }
            let _changed = links.changed().await;
        }
    }

    /// Waits until the fallback is no longer in use.
    pub(crate) async fn wait_fallback_closed(&self) {
        let mut links = self.status.links();
        let _over = links.wait_for(|link| link.state != State::Fallback).await;
    }

    /// Whether the server is known to refuse the current credentials.
    pub(crate) fn is_refused(&self) -> bool {
        let failed = self.status.links().borrow().failed.clone();
        failed.is_some_and(|failed| failed.refused == Some(self.login.version()))
    }

    /// Whether the shared connection works.
    pub(crate) fn is_connected(&self) -> bool {
        self.status.links().borrow().state == State::Connected
    }

    /// Address of the server, without secrets.
    pub(crate) fn address(&self) -> Option<Arc<str>> {
        self.status.address()
    }

    /// Returns the failure of a call that waited for the shared connection until its timeout.
    pub(crate) fn why_unsent(&self, waited: Duration) -> Failure {
        self.status.why_unsent(waited, None)
    }

    /// Returns why no connection could be opened within a timeout. `None` if no attempt has failed.
    pub(crate) fn why_unreachable(&self, waited: Duration) -> Option<Failure> {
        let shared = self.status.outage();
        let own = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let outage = [&shared, &*own]
            .into_iter()
            .find(|outage| outage.attempts > 0)?;
        Some(Failure::Timeout(Arc::new(Late {
            sent: false,
            address: self.status.address(),
            waited: Some(waited),
            wait: Wait::Connection(outage.clone(), None),
        })))
    }
}

fn not_connected_yet() -> Arc<TransportError> {
    let what = "the attempt to connect has not completed yet";
    Arc::new(TransportError::new(TransportErrorKind::Timeout, what))
}
