//! The consumers of a client, to stop them together.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::membership::Membership;

/// Consumers of all clones of a client.
#[derive(Default)]
pub(in crate::client) struct Consumers(Mutex<Vec<Weak<Membership>>>);

impl Consumers {
    pub(super) fn add(&self, membership: &Arc<Membership>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|consumer| consumer.strong_count() > 0);
        all.push(Arc::downgrade(membership));
    }

    /// Stops the consumers that exist.
    pub(super) fn stop(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Released first: dropping the last handle of a client must not happen under the lock.
        let consumers: Vec<_> = all.iter().filter_map(Weak::upgrade).collect();
        drop(all);
        consumers.iter().for_each(|consumer| consumer.stop());
    }
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumers").finish_non_exhaustive()
    }
}
