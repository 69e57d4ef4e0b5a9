//! Timeouts that may be longer than a clock can express.

use std::time::Duration;

use tokio::time::Instant;

/// Farther away than any connection lives, and still within what timers take.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The instant `timeout` after `start`. A timeout that overflows the clock, as [`Duration::MAX`] does, never passes.
pub(crate) fn after(start: Instant, timeout: Duration) -> Instant {
    start + timeout.min(NEVER)
}
