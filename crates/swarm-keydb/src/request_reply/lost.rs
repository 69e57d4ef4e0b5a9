//! What becomes of calls and of the client's state when a connection is lost or cannot be made.

use super::{Failure, RequestReply, Role};
use crate::connection::{Lifetime, Loss, Next, Stop};
use crate::status::{FailedDial, State};

impl RequestReply {
    /// Fails what cannot wait for another connection, and opens or closes the fallback.
    ///
    /// # Errors
    ///
    /// When there will be no other connection.
    pub(super) fn recover(&mut self, loss: &Loss) -> Result<(), Stop> {
        let error = &loss.error;
        self.engine.disconnected(error);
        (self.liveness_check, self.unreachable) = (None, false);
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
            if let Some(fallback) = &mut self.fallback {
                fallback.give_grace();
            }
        } else {
            self.engine.note_unreachable(error);
            self.status.note_failed_dial(FailedDial {
                refused: setback.refused.then_some(setback.login),
                failure: failure.clone(),
                error: error.clone(),
            });
            if self.role == Role::Shared {
                self.learned.forget();
            }
        }
        let hides_refusal = !setback.may_fall_back || setback.refused;
        if hides_refusal {
            self.shut_fallback(error);
        } else if !was_ready {
            self.want_fallback();
        }
        if !was_ready && self.started.is_some() {
            if hides_refusal || self.fallback.is_none() {
                self.tell_started(Err(failure.clone()));
                return Err(Stop::Ended);
            }
            self.cannot_start = Some(failure.clone());
        }
        if setback.is_final {
            self.refuse_all(failure);
            return Err(Stop::Ended);
        }
        if setback.refused {
            // Waiting does not help.
            self.engine.fail_waiting(failure);
        }
        Ok(())
    }

    /// Reports how the first attempt to connect went, if somebody still waits for that.
    pub(super) fn tell_started(&mut self, outcome: Result<(), Failure>) {
        self.cannot_start = None;
        if let Some(started) = self.started.take() {
            let _gone = started.send(outcome);
        }
    }

    /// The fallback cannot be reached. If the first attempt to connect has failed, the start has failed.
    pub(super) fn give_up_start(&mut self) {
        if let Some(failure) = self.cannot_start.take() {
            self.tell_started(Err(failure));
            self.given_up = true;
        }
    }
}
