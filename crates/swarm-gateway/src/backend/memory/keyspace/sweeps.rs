//! Keys that have expired but not been swept yet, as on the deployed server.

use std::collections::HashSet;

use bytes::Bytes;

/// Time between two sweeps, in milliseconds.
const INTERVAL: i64 = 100;

/// Expired keys since the last sweep. Nothing reads them, but removing one counts.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    last: i64,
    expired: HashSet<Bytes>,
}

impl Sweeps {
    /// Records that a key has expired.
    pub(super) fn expired(&mut self, key: &Bytes) {
        self.expired.insert(key.clone());
    }

    /// Forgets all keys if a sweep is due. The first command after the interval sweeps.
    pub(super) fn sweep_if_due(&mut self, now: i64) {
        if now.saturating_sub(self.last) >= INTERVAL {
            self.last = now;
            self.expired.clear();
        }
    }

    /// Forgets a key. Returns whether it had expired since the last sweep.
    pub(super) fn forget(&mut self, key: &[u8]) -> bool {
        self.expired.remove(key)
    }
}
