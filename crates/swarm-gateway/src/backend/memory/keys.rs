//! Keys whatever they hold.

use super::call::{Call, Reply, count};

pub(super) fn del(call: &mut Call<'_>) -> Reply {
    let removed = (call.rest(1).iter())
        .filter(|key| call.keyspace.remove(key).is_some())
        .count();
    Ok(count(removed))
}

/// A key that is named twice counts twice.
pub(super) fn exists(call: &mut Call<'_>) -> Reply {
    let present = (call.rest(1).iter())
        .filter(|key| call.keyspace.contains(key))
        .count();
    Ok(count(present))
}
