//! One timer for all deadlines of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::{Instant, Sleep, sleep};

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
            sleep: Box::pin(sleep(Duration::ZERO)),
            armed: None,
        }
    }

    /// Ready when the timer has fired, which may be before the deadline. Returns the current time.
    pub(super) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<Instant> {
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.armed = Some(deadline);
            self.sleep.as_mut().reset(deadline);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.armed = None;
        Poll::Ready(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_an_earlier_deadline_resets_the_timer() {
        let start = Instant::now();
        let at = |second| start + second * SECOND;
        let mut timer = DeadlineTimer::new();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(timer.poll(at(1), cx).is_pending());
        assert!(timer.poll(at(10), cx).is_pending());
        sleep(SECOND).await;
        assert_eq!(timer.poll(at(10), cx), Poll::Ready(at(1)), "early");
        assert!(timer.poll(at(10), cx).is_pending());
        assert!(timer.poll(at(5), cx).is_pending());
        sleep(4 * SECOND).await;
        assert_eq!(timer.poll(at(5), cx), Poll::Ready(at(5)));
    }
}
