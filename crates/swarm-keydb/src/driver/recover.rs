//! What follows the end of a connection, or of an attempt to make one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Broken, Driver, Role};
use crate::credentials::LoginVersion;
use crate::engine::{Caller, Engine, Failure};
use crate::status::{FailedDial, State};

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lived {
    /// It was not made, or its handshake did not end.
    Never,
    /// It was ready, and answered nothing after that.
    Briefly,
    AndServed,
}

impl Lived {
    pub(super) fn of<C: Caller>(engine: &Engine<C>) -> Self {
        match (engine.is_ready(), engine.has_served()) {
            (false, _) => Self::Never,
            (true, false) => Self::Briefly,
            (true, true) => Self::AndServed,
        }
    }
}

impl Driver {
    /// Fails what cannot wait, and waits as long as the next attempt to connect should. `login` is what this one logged in with.
    /// `None` when the client ends.
    pub(super) async fn recover(
        &mut self,
        broken: Broken,
        lived: Lived,
        login: LoginVersion,
    ) -> Option<()> {
        let was_ready = lived != Lived::Never;
        let unreadable_hello = broken.is_unreadable_hello();
        let left = matches!(broken, Broken::Left);
        let may_fall_back = broken.may_fall_back();
        let refused = broken.refused_credentials().cloned();
        let error = Arc::new(broken.into_error());
        tracing::debug!(%error, "connection lost");
        self.engine.disconnected(&error);
        (self.inquiry, self.unreachable) = (None, false);
        self.status.set(if self.detour_is_open() {
            State::Fallback
        } else {
            State::Reconnecting
        });
        if unreadable_hello {
            // The next handshake does without it.
            return Some(());
        }
        let failure = match refused {
            Some(error) => Failure::Auth { sent: false, error },
            None => Failure::Lost {
                sent: false,
                error: Arc::clone(&error),
            },
        };
        let refused = failure.is_about_credentials();
        if (refused || left) && self.login.version() != login {
            // Others have taken the place of the credentials that were refused.
            return Some(());
        }
        if left {
            let delay = self.backoff.renewal_delay();
            return self.while_offline(sleep(delay)).await;
        }
        let retry_after = error.retry_after();
        if was_ready {
            if let Some(detour) = &mut self.detour {
                detour.give_grace();
            }
        } else {
            self.engine.note_unreachable(&error);
            self.status.note_failed_dial(FailedDial {
                refused: refused.then_some(login),
                failure: failure.clone(),
                error: Arc::clone(&error),
            });
            if self.role == Role::Shared {
                self.learned.forget();
            }
        }
        if !may_fall_back || refused {
            self.shut_detour(&error);
        } else if !was_ready {
            self.want_detour();
        }
        if !was_ready && self.started.is_some() {
            if refused || !may_fall_back || self.detour.is_none() {
                self.tell_started(Err(failure));
                return None;
            }
            self.cannot_start = Some(failure.clone());
        }
        if !self.reconnect {
            self.refuse_all(&failure);
            return None;
        }
        if refused {
            // Waiting will not help those who wait.
            self.engine.fail_waiting(&failure);
        }
        let delay = if lived == Lived::AndServed {
            self.backoff.redial_delay(retry_after)
        } else {
            self.backoff
                .next_delay_as_asked(Instant::now(), retry_after)
        };
        self.pause(delay, login).await
    }

    /// Waits before the next attempt to connect, or until there are new credentials to log in with.
    async fn pause(&mut self, delay: Duration, login: LoginVersion) -> Option<()> {
        let credentials = self.login.clone();
        let pause = async move {
            tokio::select! {
                () = sleep(delay) => {}
                () = credentials.replaced(login) => {}
            }
        };
        self.while_offline(pause).await
    }

    /// Says how the first attempt to connect went, if somebody still wants to know.
    pub(super) fn tell_started(&mut self, outcome: Result<(), Failure>) {
        self.cannot_start = None;
        if let Some(started) = self.started.take() {
            let _gone = started.send(outcome);
        }
    }

    /// The fallback cannot be reached. When the connection could not be made before, the start has failed.
    pub(super) fn give_up_start(&mut self) {
        if let Some(failure) = self.cannot_start.take() {
            self.tell_started(Err(failure));
            self.given_up = true;
        }
    }
}
