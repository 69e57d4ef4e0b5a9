//! One timer for all deadlines of a connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::{Instant, Sleep, sleep};

/// How much later than it was set for a timer fires if nothing is wrong. If it fires later, the
/// process, the machine or the browser's page was suspended.
const LATE: Duration = Duration::from_secs(1);

/// How long deadlines wait after a suspension: what arrived meanwhile has to be read first.
const GRACE: Duration = Duration::from_secs(3);

/// A timer that is rarely reset. Deadlines move back with every frame, and an occasional early
/// wake-up costs less than resetting the timer each time.
pub(super) struct DeadlineTimer {
    sleep: Pin<Box<Sleep>>,
    /// When the timer fires, if it is set.
    armed: Option<Instant>,
    /// Until when deadlines wait after a suspension.
    held: Option<Instant>,
}

/// Why the timer has fired, with the current time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    /// A deadline has passed or is about to.
    InTime(Instant),
    /// The task was suspended. No deadline counts for a moment.
    Late(Instant),
}

impl DeadlineTimer {
    /// Must be called within a tokio runtime.
    pub(super) fn new() -> Self {
        Self {
            sleep: Box::pin(sleep(Duration::ZERO)),
            armed: None,
            held: None,
        }
    }

    /// Forgets when the timer fires, for a time without deadlines or without polls. Otherwise, the
    /// next poll would find that it has fired late, and take that for a suspension.
    #[inline]
    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Ready when the timer has fired, which may be before the deadline.
    pub(super) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<Fired> {
        let deadline = self.held.map_or(deadline, |held| held.max(deadline));
        if self.armed.is_none_or(|armed| deadline < armed) {
            // A deadline may have passed before the timer is set. Then the timer is not late.
            self.armed = Some(deadline.max(Instant::now()));
            self.sleep.as_mut().reset(deadline);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        let late = now.saturating_duration_since(self.armed.take().unwrap_or(now));
        // A page in the background may have one timer a minute, so not twice in a row.
        let was_held = self.held.take().is_some();
        if late > LATE && !was_held {
            self.held = Some(now + GRACE);
            return Poll::Ready(Fired::Late(now));
        }
        Poll::Ready(Fired::InTime(now))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::{advance, sleep};

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
        let early = timer.poll(at(10), cx);
        assert_eq!(early, Poll::Ready(Fired::InTime(at(1))), "early");
        assert!(timer.poll(at(10), cx).is_pending());
        assert!(timer.poll(at(5), cx).is_pending());
        sleep(4 * SECOND).await;
        assert_eq!(timer.poll(at(5), cx), Poll::Ready(Fired::InTime(at(5))));
    }

    /// Guards against later deadlines because one had passed before the timer was set for it.
    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_has_passed_is_no_suspension() {
        let start = Instant::now();
        sleep(60 * SECOND).await;
        let mut timer = DeadlineTimer::new();
        let cx = &mut Context::from_waker(Waker::noop());
        let now = start + 60 * SECOND;
        assert_eq!(timer.poll(start, cx), Poll::Ready(Fired::InTime(now)));
    }

    /// Guards against late deadlines after a while without any.
    #[tokio::test(start_paused = true)]
    async fn a_timer_that_nobody_polled_was_not_suspended() {
        let start = Instant::now();
        let at = |second| start + second * SECOND;
        let mut timer = DeadlineTimer::new();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(timer.poll(at(1), cx).is_pending());
        timer.disarm();
        sleep(60 * SECOND).await;
        assert!(timer.poll(at(61), cx).is_pending());
        sleep(SECOND).await;
        assert_eq!(timer.poll(at(61), cx), Poll::Ready(Fired::InTime(at(61))));
    }

    /// Guards against deadlines that never pass while every timer fires late.
    #[tokio::test(start_paused = true)]
    async fn after_a_suspension_deadlines_wait_once() {
        let start = Instant::now();
        let at = |second| start + second * SECOND;
        let mut timer = DeadlineTimer::new();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(timer.poll(at(1), cx).is_pending());
        advance(60 * SECOND).await;
        assert_eq!(timer.poll(at(1), cx), Poll::Ready(Fired::Late(at(60))));
        assert!(timer.poll(at(1), cx).is_pending());
        assert!(timer.poll(at(2), cx).is_pending());
        advance(60 * SECOND).await;
        assert_eq!(timer.poll(at(1), cx), Poll::Ready(Fired::InTime(at(120))));
        assert!(timer.poll(at(121), cx).is_pending());
        advance(60 * SECOND).await;
        assert_eq!(timer.poll(at(121), cx), Poll::Ready(Fired::Late(at(180))));
    }
}
