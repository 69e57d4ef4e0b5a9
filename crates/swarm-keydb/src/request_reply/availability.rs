//! Availability of the server, as the shared connection sees it: while that is down, leases and subscriptions do not
//! dial.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_transport::{TransportError, TransportErrorKind};
use tokio::time::sleep_until;

use crate::credentials::Login;
use crate::failure::Failure;
use crate::status::{State, Status};

/// How long the HTTP fallback must have been in use before leases and subscriptions fail. They wait out a shorter
/// outage.
const MOMENT: Duration = Duration::from_secs(1);

/// State of the shared connection, for the other connections of the client.
#[derive(Clone, Debug)]
pub(crate) struct Availability {
    status: Arc<Status>,
    login: Login,
    /// Error of the last failed dial of another connection, until one succeeds.
    beside: Arc<Mutex<Option<Arc<TransportError>>>>,
}

impl Availability {
    pub(crate) fn new(status: Arc<Status>, login: Login) -> Self {
        Self {
            status,
            login,
            beside: Arc::default(),
        }
    }

    /// Notes the result of a dial of another connection.
    pub(crate) fn note_dial(&self, failed: Option<&Arc<TransportError>>) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = failed.cloned();
    }

    /// Waits until the shared connection works or has ended for good.
    ///
    /// # Errors
    ///
    /// When waiting does not help: the server refuses the credentials, or only the fallback can be reached.
    ///
    /// **Cancel safety:** the future may be dropped at any time.
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
            // The sender lives as long as the status.
            let changed = links.changed();
            match link.state {
                State::Connected | State::Closed => return Ok(()),
                State::Connecting | State::Reconnecting => {
                    let _changed = changed.await;
                }
                State::Fallback => tokio::select! {
                    biased;
                    _changed = changed => {}
                    () = sleep_until(link.since + MOMENT) => {
                        let error = failed.map_or_else(unanswered, |failed| failed.error);
                        return Err(Failure::OnlyFallback(error));
                    }
                },
            }
        }
    }

    /// Waits until [`wait`](Self::wait) would fail.
    ///
    /// **Cancel safety:** the future may be dropped at any time.
    pub(crate) async fn barred(&self) -> Failure {
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
    pub(crate) async fn fallback_is_over(&self) {
        let mut links = self.status.links();
        let _over = links.wait_for(|link| link.state != State::Fallback).await;
    }

    /// Whether the server is known to refuse the current credentials.
    pub(crate) fn is_refused(&self) -> bool {
        let failed = self.status.links().borrow().failed.clone();
        failed.is_some_and(|failed| failed.refused == Some(self.login.version()))
    }

    /// The failure of a call that was not sent in time.
    pub(crate) fn why_unsent(&self) -> Failure {
        let failed = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.status.why_unsent(), &*failed) {
            (Failure::Timeout { .. }, Some(error)) => Failure::Unreachable(Arc::clone(error)),
            (failure, _) => failure,
        }
    }
}

fn unanswered() -> Arc<TransportError> {
    let what = "the server has not answered the attempt to connect yet";
    Arc::new(TransportError::new(TransportErrorKind::Timeout, what))
}
