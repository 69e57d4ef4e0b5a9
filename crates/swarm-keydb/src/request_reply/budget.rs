//! How many calls may be queued or in flight, and how many bytes.

use tokio::sync::Semaphore;

use super::engine::Requests;

/// Limits of the calls that are queued or in flight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(super) commands: usize,
    pub(super) bytes: usize,
    /// Minimum size of a call, which bounds the number of calls, too.
    pub(super) least: usize,
    /// Whether calls wait for capacity.
    pub(super) waits: bool,
}

impl Budget {
    pub(crate) fn new(commands: usize, bytes: usize) -> Self {
        let commands = commands.clamp(1, Semaphore::MAX_PERMITS);
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            commands,
            bytes: bytes.max(commands),
            least: (bytes / commands).max(1),
            waits: true,
        }
    }

    /// Sets whether calls wait for capacity.
    pub(crate) const fn waiting(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// Returns the size of requests. Requests that are larger than the budget take all of it and go
    /// alone.
    pub(super) fn share(self, requests: &Requests) -> u32 {
        let least = self.least.saturating_mul(requests.len()).min(self.bytes);
        let size = requests.encoded_len().clamp(least, self.bytes);
        // The semaphore grants no more at once.
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_its_size_but_at_least_an_equal_share_and_at_most_everything() {
        let request =
            |size: usize| Requests::One(swarm_resp::Request::new("SET", "0".repeat(size)));
        let budget = Budget::new(8, 800);
        assert_eq!(budget.share(&request(1)), 100);
        assert!((500..600).contains(&budget.share(&request(500))));
        assert_eq!(budget.share(&request(5000)), 800);
        assert_eq!(Budget::new(0, 0).share(&request(1)), 1);
    }
}
