//! MEMORY apart from USAGE. The store uses no allocator of its own, so the figures are estimates.

use swarm_resp::{Frame, FrameBuilder};

use super::call::{Call, Reply, ok};
use super::help;
use super::info;
use super::table::{Spec, data};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("MEMORY|DOCTOR", 2, doctor),
    data("MEMORY|HELP", 2, help::help),
    data("MEMORY|MALLOC-STATS", 2, malloc_stats),
    data("MEMORY|PURGE", 2, purge),
    data("MEMORY|STATS", 2, stats),
];

/// Memory below which Redis gives no advice, in bytes.
const LITTLE: usize = 5 << 20;

const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues \
    detector can't be used in these conditions. Please, leave for your mission on Earth and fill \
    it with some data. The new Sam and I will be back to our programming as soon as I finished \
    rebooting.\n";

const HEALTHY: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account \
    for what occurs on this base.\n";

fn text(text: &str) -> Frame {
    Frame::build(|reply| reply.verbatim(*b"txt", text.as_bytes()))
}

fn doctor(call: &mut Call<'_>) -> Reply {
    let used = info::used_memory(call.keyspace, &call.server.databases);
    Ok(text(if used < LITTLE { EMPTY } else { HEALTHY }))
}

fn malloc_stats(_: &mut Call<'_>) -> Reply {
    Ok(text("Stats not supported for the current allocator"))
}

fn purge(_: &mut Call<'_>) -> Reply {
    Ok(ok())
}

fn put(map: &mut FrameBuilder, name: &str, number: usize) {
    map.bulk(name.as_bytes());
    map.integer(i64::try_from(number).unwrap_or(i64::MAX));
}

fn put_ratio(map: &mut FrameBuilder, name: &str, ratio: f64) {
    map.bulk(name.as_bytes());
    map.double(ratio);
}

/// `MEMORY STATS`, with Redis' fields. Fragmentation is not known.
fn stats(call: &mut Call<'_>) -> Reply {
    /// Used by Redis for the entry of a key, and for that of its deadline.
    const ENTRY: usize = 72;
    const DEADLINE: usize = 24;
    let used = info::used_memory(call.keyspace, &call.server.databases);
    let sizes =
        |(number, keys): (usize, &super::keyspace::Keyspace)| (number, keys.len(), keys.expiring());
    let databases: Vec<_> = call.databases().map(sizes).collect();
    let filled = || databases.iter().filter(|(_, keys, _)| *keys > 0);
    let keys: usize = filled().map(|(_, keys, _)| keys).sum();
    let overhead: usize = filled()
        .map(|(_, keys, expiring)| keys * ENTRY + expiring * DEADLINE)
        .sum();
    let start = info::EMPTY;
    let overhead = overhead + start;
    let data = used.saturating_sub(overhead);
    let inside = used.saturating_sub(start);
    let part = match inside {
        0 => 0.0,
        inside => data as f64 * 100.0 / inside as f64,
    };
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            put(map, "peak.allocated", used);
            put(map, "total.allocated", used);
            put(map, "startup.allocated", start);
            let none = [
                "replication.backlog",
                "clients.slaves",
                "clients.normal",
                "cluster.links",
                "aof.buffer",
                "lua.caches",
                "functions.caches",
            ];
            none.iter().for_each(|name| put(map, name, 0));
            for (number, keys, expiring) in filled() {
                map.bulk(format!("db.{number}").as_bytes());
                map.map(|database| {
                    put(database, "overhead.hashtable.main", keys * ENTRY);
                    put(database, "overhead.hashtable.expires", expiring * DEADLINE);
                    put(database, "overhead.hashtable.slot-to-keys", 0);
                });
            }
            put(map, "overhead.total", overhead);
            put(map, "keys.count", keys);
            put(
                map,
                "keys.bytes-per-key",
                inside.checked_div(keys).unwrap_or(0),
            );
            put(map, "dataset.bytes", data);
            put_ratio(map, "dataset.percentage", part);
            put_ratio(map, "peak.percentage", 100.0);
            put(map, "allocator.allocated", used);
            put(map, "allocator.active", used);
            put(map, "allocator.resident", used);
            put_ratio(map, "allocator-fragmentation.ratio", 1.0);
            put(map, "allocator-fragmentation.bytes", 0);
            put_ratio(map, "allocator-rss.ratio", 1.0);
            put(map, "allocator-rss.bytes", 0);
            put_ratio(map, "rss-overhead.ratio", 1.0);
            put(map, "rss-overhead.bytes", 0);
            put_ratio(map, "fragmentation", 1.0);
            put(map, "fragmentation.bytes", 0);
        });
    }))
}
