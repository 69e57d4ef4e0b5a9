//! One timer for all deadlines of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// A timer that is rarely reset. Deadlines move back with every frame, and an occasional early
/// wake-up costs less than resetting the timer each time.
pub(super) struct DeadlineTimer {
    sleep: Pin<Box<Sleep>>,
    /// When the timer fires, if it is set.
    armed: Option<Instant>,
}

impl DeadlineTimer {
    /// Must be called within a tokio runtime.
    pub(super) fn new() -> Self {
        Self {
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
        }
    }

    /// Ready when the timer has fired, which may be before the deadline. Returns the current time.
    pub(super) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.armed = Some(deadline);
            self.sleep.as_mut().reset(deadline.into());
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.armed = None;
        Poll::Ready(tokio::time::Instant::now().into_std())
    }
}
