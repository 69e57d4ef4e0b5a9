//! Handling of a connection that was lost or could not be made: its calls, the fallback, and the
//! client's state.

use std::sync::Arc;
use std::time::Duration;

use swarm_transport::TransportError;

use super::{Failure, Relocation, RequestReply, Role};
use crate::connection::{Fault, Lifetime, Loss, Next, Stop};
use crate::runtime::Instant;
use crate::status::{FailedDial, State};

/// An attempt to connect that has less time is not worth while.
const MIN_ATTEMPT: Duration = Duration::from_millis(50);

/// Returns the current time.
pub(super) fn now() -> Instant {
    Instant::now()
}

impl RequestReply {
    /// Fails the calls that cannot wait for another connection, and opens or closes the fallback.
    ///
    /// # Errors
    ///
    /// When there will be no other connection.
    pub(super) fn recover(&mut self, loss: &Loss) -> Result<(), Stop> {
        let error = &loss.error;
        self.engine.disconnected(error, now());
        self.leave_pool();
        (self.liveness_check, self.unreachable) = (None, false);
        self.relocation = Relocation::None;
        self.status.set(if self.fallback_is_open() {
            State::Fallback
        } else {
            State::Reconnecting
        });
        let Next::Failed(setback) = &loss.next else {
            return Ok(());
        };
        let failure = &setback.failure;
        let was_ready = loss.lifetime != Lifetime::Failed;
        if was_ready {
            self.status.note_lost(error);
            if let Some(fallback) = &mut self.fallback {
                fallback.start_grace();
            }
        } else {
            self.status.note_failed_dial(FailedDial {
                refused: setback.refused.then_some(setback.login),
                failure: failure.clone(),
                error: error.clone(),
            });
            if self.role == Role::Shared {
                self.learned.forget();
                if let Some(dispatcher) = &mut self.dispatcher {
                    dispatcher.forget();
                }
            }
        }
        self.note_outage();
        let hides_refusal = !setback.may_fall_back || setback.refused;
        if hides_refusal {
            self.disable_fallback(error);
        } else if !was_ready {
            self.dial_fallback();
        }
        if !was_ready && self.may_still_start(error) {
            self.cannot_start = Some(failure.clone());
        } else if !was_ready && self.started.is_some() {
            if hides_refusal || self.fallback.is_none() {
                let failure = self.start_failure(failure);
                self.report_started(Err(failure));
                return Err(Stop::Ended);
            }
            self.cannot_start = Some(failure.clone());
        }
        if setback.is_final {
            self.log_end(error);
            self.fail_all(failure);
            return Err(Stop::Ended);
        }
        self.begin_outage(error, !was_ready && !error.is_transient());
        if setback.refused {
            // Another attempt with these credentials would fail the same way.
            self.fail_waiting_calls(failure);
        }
        Ok(())
    }

    /// There is no connection that works: logs that once. `is_lasting` tells whether every attempt
    /// fails like this one.
    pub(super) fn begin_outage(&mut self, error: &Arc<TransportError>, is_lasting: bool) {
        self.status.note_lost(error);
        self.note_load();
        // A client that has not started yet returns the error instead.
        if self.role == Role::Shared && self.cannot_start.is_none() {
            let address = self.status.address();
            let fault = Fault {
                error,
                is_lasting,
                waiting: Some(self.status.queued()),
            };
            self.outages.failed(address.as_deref(), &fault);
        }
    }

    /// Logs that the client is of no use any more.
    fn log_end(&self, error: &Arc<TransportError>) {
        if self.role == Role::Shared {
            let address = self.status.address();
            let server = address.as_deref().unwrap_or("custom connector");
            tracing::warn!(server, %error, "no connection to the server; not reconnecting");
        }
    }

    /// There is a connection that works.
    pub(super) fn set_connected(&mut self) {
        let address = self.status.address();
        let attempts = self.status.outage().attempts;
        self.outages.over(address.as_deref(), Some(attempts));
        self.status.set(State::Connected);
    }

    /// Tells the engine why there is no connection, for the errors of calls that wait for one.
    pub(super) fn note_outage(&mut self) {
        let outage = self.status.outage();
        self.engine.session_mut().note_outage(outage);
    }

    /// When the first connection must be open, if attempts are repeated until then.
    pub(super) fn start_by(&self) -> Option<Instant> {
        self.start_by.filter(|_| self.started.is_some())
    }

    /// Whether another attempt follows a first one that has failed.
    fn may_still_start(&self, error: &TransportError) -> bool {
        let is_in_time = |by: Instant| now() + MIN_ATTEMPT < by;
        error.is_transient() && self.start_by().is_some_and(is_in_time)
    }

    /// Returns why there is no first connection. That the last attempt had no time says less than
    /// why earlier ones have failed.
    fn start_failure(&mut self, last: &Failure) -> Failure {
        let is_late = matches!(last, Failure::Lost { error, .. } if error.is_timeout());
        match self.cannot_start.take() {
            Some(earlier) if is_late => earlier,
            _ => last.clone(),
        }
    }

    /// Reports the outcome of the first attempt to connect, if its caller still waits.
    pub(super) fn report_started(&mut self, outcome: Result<(), Failure>) {
        self.cannot_start = None;
        if let Some(started) = self.started.take() {
            let _gone = started.send(outcome);
        }
    }

    /// Records that the fallback cannot be reached. If the first attempt to connect has failed,
    /// too, the client fails to start.
    pub(super) fn fail_start(&mut self) {
        if let Some(failure) = self.cannot_start.take() {
            self.report_started(Err(failure));
            self.start_failed = true;
        }
    }
}
