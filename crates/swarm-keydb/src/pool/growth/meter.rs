//! Pace of one connection: how long the server works on its replies, and the window that follows.

use std::collections::VecDeque;
use std::time::Duration;

use crate::runtime::Instant;

/// Calls that may be in flight on a connection that is new.
const FIRST_WINDOW: usize = 4;

/// Calls that may be in flight on a connection that is slow: one that runs, and one behind it.
const SMALLEST_WINDOW: usize = 2;

/// Calls that may be in flight on any connection.
const LARGEST_WINDOW: usize = 1 << 20;

/// Slow gaps that are remembered.
const SLOW_GAPS: usize = 32;

/// Time after which a slow gap is forgotten.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Round trip that need not be hidden.
const NEAR: Duration = Duration::from_millis(1);

/// Work on a reply after which it is slow, besides the variation of round trips.
const SLOW: Duration = Duration::from_micros(500);

/// Time that the window may take to be answered, besides two round trips. The server then has
/// enough to do, and a new call waits for no longer than this behind the others.
const QUEUE: f64 = 0.030;

/// Time of work after which a reply counts half in the mean.
const MEMORY: f64 = 0.1;

/// Standard error of the mean slow gap that is small enough, as a part of the mean.
const MOST_ERROR: f64 = 0.25;

/// A gap in which the server owed a reply for longer than the round trip explains.
#[derive(Debug, Clone, Copy)]
struct SlowGap {
    ended: Instant,
    seconds: f64,
}

impl SlowGap {
    /// Seconds from its beginning until `now`.
    fn seconds_until(&self, now: Instant) -> f64 {
        self.seconds + now.saturating_duration_since(self.ended).as_secs_f64()
    }
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
            window: FIRST_WINDOW,
            work: 0.0,
            replies: 0.0,
        }
    }
}

impl Meter {
    /// The connection can send calls.
    pub(super) const fn opened(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Records replies that arrived together, and returns whether they were slow. `lone` is the
    /// round trip of a request that waits for no other.
    pub(super) fn note(
        &mut self,
        round_trip: Duration,
        replies: usize,
        lone: Duration,
        now: Instant,
    ) -> bool {
        // The server can have begun only when the previous reply had left it, and the request had
        // arrived.
        let since_request = round_trip.saturating_sub(lone);
        let service = self.answered.map_or(since_request, |previous| {
            since_request.min(now.saturating_duration_since(previous))
        });
        self.answered = Some(now);
        let seconds = service.as_secs_f64();
        let kept = MEMORY / (MEMORY + seconds);
        self.work = self.work * kept + seconds;
        self.replies = self.replies * kept + replies as f64;
        let count = u32::try_from(replies).unwrap_or(u32::MAX).max(1);
        let is_slow = service > slow_after(lone, count);
        self.gaps = self.gaps << 1 | u16::from(is_slow);
        if is_slow {
            let is_old = |gap: &SlowGap| now.saturating_duration_since(gap.ended) > REMEMBERED;
            while self.slow.len() >= SLOW_GAPS || self.slow.back().is_some_and(is_old) {
                self.slow.pop_back();
            }
            self.slow.push_front(SlowGap {
                ended: now,
                seconds,
            });
        }
        is_slow
    }

    /// Opens the window after replies, as TCP's slow start does, or closes it if they were slow.
    pub(super) fn set_window(
        &mut self,
        replies: usize,
        lone: Duration,
        is_slow: bool,
        is_limited: bool,
    ) {
        if !(is_slow && is_limited) {
            self.open_window(replies);
        }
        if is_limited {
            self.window = self.window.min(self.useful(lone)).max(SMALLEST_WINDOW);
        }
    }

    pub(super) fn open_window(&mut self, replies: usize) {
        self.window = self.window.saturating_add(replies).min(LARGEST_WINDOW);
    }

    /// The window that keeps the server busy.
    fn useful(&self, lone: Duration) -> usize {
        self.replies_in(2.0 * lone.as_secs_f64() + QUEUE)
    }

    /// The window for a serial server: one call that runs, and one behind it, or as many as hide
    /// the round trip.
    pub(super) fn serial_window(&self, lone: Duration) -> usize {
        let hidden = 2.0 * lone.saturating_sub(NEAR).as_secs_f64();
        let hiding = self.replies_in(hidden).clamp(1, LARGEST_WINDOW - 1) + 1;
        // Little is known after a few fast replies.
        hiding.min(self.window.max(SMALLEST_WINDOW))
    }

    /// Replies for which the server works this long.
    fn replies_in(&self, seconds: f64) -> usize {
        if self.replies == 0.0 || seconds == 0.0 {
            return 0;
        }
        // Infinite if the server has not worked.
        let replies = seconds * self.replies / self.work;
        match replies < LARGEST_WINDOW as f64 {
            true => replies as usize,
            false => LARGEST_WINDOW,
        }
    }

    pub(super) const fn window(&self) -> usize {
        self.window
    }

    /// Whether calls on this connection wait for others: three of the last sixteen gaps were slow,
    /// or the last three slow gaps make up half of the time; and that was not only for a moment.
    pub(super) fn is_slow(&self, now: Instant) -> bool {
        let Some(third) = self.slow.get(2) else {
            return false;
        };
        let stalled: f64 = self.slow.iter().take(3).map(|gap| gap.seconds).sum();
        let is_often = self.gaps.count_ones() >= 3 || stalled * 2.0 >= third.seconds_until(now);
        is_often && self.has_slow_gaps(3, 0.25, now)
    }

    /// Whether the mean of the slow gaps means something: there are this many, over some seconds,
    /// and more if they differ.
    pub(super) fn has_slow_gaps(&self, count: usize, seconds: f64, now: Instant) -> bool {
        let (gaps, Some(oldest)) = (self.slow.len(), self.slow.back()) else {
            return false;
        };
        if gaps >= SLOW_GAPS {
            return true;
        }
        let mean = self.pace().unwrap_or_default();
        let squares: f64 = self
            .slow
            .iter()
            .map(|gap| (gap.seconds - mean).powi(2))
            .sum();
        let error = squares.sqrt() / gaps as f64;
        gaps >= count && oldest.seconds_until(now) >= seconds && error <= MOST_ERROR * mean
    }

    /// When the connection is stalled, if it owes a reply.
    pub(super) fn stalled_at(&self, lone: Duration) -> Option<Instant> {
        Some(self.answered? + slow_after(lone, 1))
    }

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

/// The longest time after which some replies are not slow. Round trips vary.
fn slow_after(lone: Duration, replies: u32) -> Duration {
    lone / 2 + SLOW.saturating_mul(replies)
}
