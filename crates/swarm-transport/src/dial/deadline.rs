//! Deadlines for timeouts that may exceed the clock's range.

use std::time::Duration;

use tokio::time::Instant;

/// Longer than any connection lives, and within the range of timers.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Returns `start + timeout`. A timeout beyond the range of the clock, such as [`Duration::MAX`],
/// never expires.
pub(crate) fn deadline_after(start: Instant, timeout: Duration) -> Instant {
    start + timeout.min(NEVER)
}
