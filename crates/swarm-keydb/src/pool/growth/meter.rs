//! Pace of one connection: how long the server works on its replies, and the window that follows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls that may be in flight on a connection that is new, or slow.
pub(super) const SMALLEST_WINDOW: usize = 4;

/// Calls that may be in flight on any connection.
const LARGEST_WINDOW: usize = 1 << 20;

/// Slow gaps that are remembered.
const SLOW_GAPS: usize = 16;

/// Time that the window may take to be answered, besides two round trips. The server then has
/// enough to do, and a new call waits for no longer than this behind the others.
const QUEUE: f64 = 0.010;

/// Time of work after which a reply counts half in the mean.
const MEMORY: f64 = 0.1;

/// A gap in which the server owed a reply for longer than the round trip explains.
#[derive(Debug, Clone, Copy)]
struct SlowGap {
    ended: Instant,
    seconds: f64,
}

#[derive(Debug)]
pub(super) struct Meter {
    answered: Option<Instant>,
    /// One bit for each of the last 16 gaps, set if the gap was slow.
    gaps: u16,
    slow: VecDeque<SlowGap>,
    window: usize,
    /// Time that the server worked, and the replies that it produced. Older work counts less.
    work: f64,
    replies: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            answered: None,
            gaps: 0,
            slow: VecDeque::new(),
            window: SMALLEST_WINDOW,
            work: 0.0,
            replies: 0.0,
        }
    }
}

impl Meter {
    /// Records replies that arrived together. `lone` is the round trip of a request that waits for
    /// no other.
    pub(super) fn note(
        &mut self,
        round_trip: Duration,
        replies: usize,
        lone: Duration,
        now: Instant,
    ) {
        // The server can have begun only when the previous reply had left it, and the request had
        // arrived.
        let since_request = round_trip.saturating_sub(lone);
        let service = self.answered.map_or(since_request, |previous| {
            since_request.min(now.saturating_duration_since(previous))
        });
        self.answered = Some(now);
        let seconds = service.as_secs_f64();
        let slow = service > slow_after(lone);
        self.gaps = self.gaps << 1 | u16::from(slow);
        if slow {
            self.slow.truncate(SLOW_GAPS - 1);
            self.slow.push_front(SlowGap {
                ended: now,
                seconds,
            });
        }
        let kept = MEMORY / (MEMORY + seconds);
        self.work = self.work * kept + seconds;
        self.replies = self.replies * kept + replies as f64;
        self.window = if slow {
            self.window
        } else {
            self.window.saturating_add(replies)
        }
        .min(self.useful(lone))
        .max(SMALLEST_WINDOW);
    }

    /// The window that keeps the server busy.
    fn useful(&self, lone: Duration) -> usize {
        let calls = (2.0 * lone.as_secs_f64() + QUEUE) * self.replies / self.work;
        if calls < LARGEST_WINDOW as f64 {
            calls as usize
        } else {
            LARGEST_WINDOW
        }
    }

    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// Whether calls on this connection wait for others: three of the last sixteen gaps were slow,
    /// or the last three slow gaps make up half of the time.
    pub(super) fn is_slow(&self, now: Instant) -> bool {
        let mut last = self.slow.iter().take(3);
        let Some(third) = last.clone().nth(2) else {
            return false;
        };
        let began = third
            .ended
            .checked_sub(Duration::from_secs_f64(third.seconds));
        let stalled: f64 = last.by_ref().map(|gap| gap.seconds).sum();
        self.gaps.count_ones() >= 3
            || began.is_some_and(|began| {
                stalled * 2.0 >= now.saturating_duration_since(began).as_secs_f64()
            })
    }

    /// Number of slow gaps since [`forget_gaps`](Self::forget_gaps), as far as remembered.
    pub(super) fn slow_gaps(&self) -> usize {
        self.slow.len()
    }

    /// Mean length of the slow gaps in seconds.
    pub(super) fn pace(&self) -> Option<f64> {
        let sum: f64 = self.slow.iter().map(|gap| gap.seconds).sum();
        (!self.slow.is_empty()).then(|| sum / self.slow.len() as f64)
    }

    pub(super) fn forget_gaps(&mut self) {
        self.gaps = 0;
        self.slow.clear();
    }
}

/// The longest time that a server may take for a reply which is not slow. Round trips vary.
fn slow_after(lone: Duration) -> Duration {
    lone / 2 + Duration::from_millis(1)
}
