//! Eviction: removes keys while more memory than `maxmemory` is used, as `maxmemory-policy` says.

use bytes::Bytes;

use super::keyspace::{Class, Keyspace};
use super::{State, info};

/// Which keys may be evicted, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Only keys with a time to live.
    volatile: bool,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Random,
    /// Those that have not been used for longest. Also stands for the frequency of use, which is
    /// not counted.
    Idle,
    /// Those that expire first.
    Deadline,
}

impl Policy {
    /// Returns the policy with a name, or `None` if nothing is evicted.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let (keys, order) = name.split_at_checked(name.iter().position(|byte| *byte == b'-')?)?;
        let order = match order {
            b"-random" => Order::Random,
            b"-lru" | b"-lfu" => Order::Idle,
            b"-ttl" => Order::Deadline,
            _ => return None,
        };
        let volatile = keys == b"volatile";
        Some(Self { volatile, order })
    }

    /// Returns the key of a database to evict first.
    fn victim(self, keyspace: &Keyspace, now: i64) -> Option<Bytes> {
        if !self.volatile && self.order == Order::Random {
            return keyspace.random().cloned();
        }
        let keys = keyspace.from(0).map(|(_, key, _)| key);
        let candidates = keys.filter_map(|key| {
            let deadline = keyspace.deadline(key).flatten();
            (deadline.is_some() || !self.volatile).then_some((key, deadline))
        });
        let rank = |(key, deadline): &(&Bytes, Option<i64>)| match self.order {
            Order::Random => 0,
            Order::Idle => -keyspace.idle(key, now),
            Order::Deadline => deadline.unwrap_or(i64::MAX),
        };
        candidates.min_by_key(rank).map(|(key, _)| key.clone())
    }
}

/// Evicts keys until `maxmemory` suffices, or until there are none.
pub(super) fn evict(state: &mut State, now: i64) {
    let Some((most, policy)) = state.server.config.evicts_above() else {
        return;
    };
    while info::used_memory(&state.keyspace, &state.server.databases) > most {
        let databases = state.server.databases.len();
        let selected = state.server.databases.selected();
        let found = (0..databases).find_map(|database| {
            let victim = policy.victim(state.database(database), now)?;
            Some((database, victim))
        });
        if let Some((database, key)) = &found {
            let keyspace = state.database(*database);
            keyspace.remove(key);
            keyspace.notify(Class::EVICTED, "evicted", key);
            state.server.evicted += 1;
        }
        state.select(selected);
        if found.is_none() {
            return;
        }
    }
}
