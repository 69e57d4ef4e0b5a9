//! INFO: the sections and fields that clients parse.

use std::collections::BTreeMap;
use std::env::consts;
use std::fmt::Write;

use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::databases::Databases;
use super::keyspace::Keyspace;
use crate::hello::REDIS_VERSION;

/// A section: its name, and what writes its fields.
type Section = (&'static str, fn(&mut Call<'_>, &mut String));

/// In Redis' order.
const SECTIONS: [Section; 11] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", cpu),
    ("Commandstats", commandstats),
    ("Errorstats", errorstats),
    ("Cluster", cluster),
    ("Keyspace", keyspace),
];

/// `INFO [section …]`.
pub(super) fn info(call: &mut Call<'_>) -> Reply {
    let wanted: Vec<_> = (call.rest(1).iter())
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let wants = |name: &str| wanted.iter().any(|wanted| wanted == name.as_bytes());
    let everything = wants("all") || wants("everything");
    let default = everything || wanted.is_empty() || wants("default");
    let mut texts = Vec::new();
    for (name, put) in SECTIONS {
        let is_default = name != "Commandstats";
        if everything || default && is_default || wants(&name.to_ascii_lowercase()) {
            let mut text = format!("# {name}\r\n");
            put(call, &mut text);
            texts.push(text);
        }
    }
    Ok(Frame::build(|reply| {
        reply.verbatim(*b"txt", texts.join("\r\n").as_bytes());
    }))
}

/// Writes fields. Writing to a string cannot fail.
macro_rules! fields {
    ($text:expr, $($name:ident: $value:expr),* $(,)?) => {
        $(let _ = write!($text, concat!(stringify!($name), ":{}\r\n"), $value);)*
    };
}

fn server(call: &mut Call<'_>, text: &mut String) {
    let uptime = call.now.saturating_sub(call.server.started).max(0) / 1000;
    fields!(text,
        redis_version: REDIS_VERSION,
        redis_mode: "standalone",
        server_name: "swarmkeydb",
        os: format_args!("{} {}", consts::OS, consts::ARCH),
        arch_bits: usize::BITS,
        process_id: std::process::id(),
        server_time_usec: call.now.saturating_mul(1000),
        uptime_in_seconds: uptime,
        uptime_in_days: uptime / 86_400,
        hz: 10,
    );
}

fn clients(call: &mut Call<'_>, text: &mut String) {
    fields!(text,
        connected_clients: call.server.peers.len(),
        cluster_connections: 0,
        maxclients: 10_000,
        blocked_clients: call.server.waiting.len() + call.server.pause.waiting(),
        tracking_clients: call.server.tracking.clients(),
    );
}

fn memory(call: &mut Call<'_>, text: &mut String) {
    let used = used_memory(call.keyspace, &call.server.databases);
    let maximum = String::from_utf8_lossy(call.server.config.value("maxmemory")).into_owned();
    let human = |bytes: usize| {
        let kibibytes = bytes / 1024;
        format!("{kibibytes}.00K")
    };
    let (libraries, functions) = call.server.functions.count();
    fields!(text,
        used_memory: used,
        used_memory_human: human(used),
        used_memory_rss: used,
        used_memory_rss_human: human(used),
        used_memory_peak: used,
        used_memory_peak_human: human(used),
        used_memory_dataset: used,
        number_of_cached_scripts: call.server.scripts.len(),
        number_of_functions: functions,
        number_of_libraries: libraries,
        maxmemory: maximum,
        maxmemory_human: human(maximum.parse().unwrap_or(0)),
        maxmemory_policy: String::from_utf8_lossy(call.server.config.value("maxmemory-policy")),
        mem_fragmentation_ratio: "1.00",
        mem_allocator: "libc",
    );
}

/// Memory that a server without keys uses.
pub(super) const EMPTY: usize = 1 << 20;

/// Returns the approximate memory that Redis would use, in bytes.
pub(super) fn used_memory(selected: &Keyspace, databases: &Databases) -> usize {
    const OVERHEAD: usize = 64;
    let keys = (databases.others().chain([selected])).flat_map(|keyspace| keyspace.from(0));
    let sizes = keys.map(|(_, key, value)| OVERHEAD + key.len() + value.size());
    EMPTY + sizes.sum::<usize>()
}

fn persistence(call: &mut Call<'_>, text: &mut String) {
    fields!(text,
        loading: 0,
        async_loading: 0,
        rdb_changes_since_last_save: call.databases().map(|(_, keys)| keys.changes()).sum::<u64>(),
        rdb_bgsave_in_progress: 0,
        rdb_last_save_time: call.server.started / 1000,
        rdb_last_bgsave_status: "ok",
        aof_enabled: 0,
        aof_rewrite_in_progress: 0,
        aof_last_bgrewrite_status: "ok",
        aof_last_write_status: "ok",
    );
}

fn stats(call: &mut Call<'_>, text: &mut String) {
    let commands: u64 = counts(call).values().sum();
    let (channels, patterns) = call.server.pubsub.names();
    let [keys, items, prefixes] = call.server.tracking.sizes();
    fields!(text,
        total_connections_received: call.server.connections - call.server.connections_at_reset,
        total_commands_processed: commands,
        instantaneous_ops_per_sec: 0,
        rejected_connections: 0,
        expired_keys: call.expired() - call.server.expired_at_reset,
        evicted_keys: call.server.evicted,
        pubsub_channels: channels,
        pubsub_patterns: patterns,
        tracking_total_keys: keys,
        tracking_total_items: items,
        tracking_total_prefixes: prefixes,
        unexpected_error_replies: 0,
        total_error_replies: call.client.faults.errors().values().sum::<u64>(),
    );
}

fn replication(_: &mut Call<'_>, text: &mut String) {
    fields!(text,
        role: "master",
        connected_slaves: 0,
        master_failover_state: "no-failover",
        master_replid: "0".repeat(40),
        master_repl_offset: 0,
        second_repl_offset: -1,
        repl_backlog_active: 0,
    );
}

fn cpu(_: &mut Call<'_>, text: &mut String) {
    fields!(text, used_cpu_sys: "0.000000", used_cpu_user: "0.000000");
}

/// Returns how often each command has run since the statistics were reset.
fn counts(call: &Call<'_>) -> BTreeMap<String, u64> {
    let before = &call.server.counts_at_reset;
    let since = |(name, count): (String, u64)| {
        let count = count.saturating_sub(before.get(&name).copied().unwrap_or(0));
        (count > 0).then_some((name, count))
    };
    call.client
        .faults
        .counts()
        .into_iter()
        .filter_map(since)
        .collect()
}

fn errorstats(call: &mut Call<'_>, text: &mut String) {
    for (code, count) in call.client.faults.errors() {
        let _ = write!(text, "errorstat_{code}:count={count}\r\n");
    }
}

fn commandstats(call: &mut Call<'_>, text: &mut String) {
    for (name, calls) in counts(call) {
        let failed = call.server.failed.get(name.as_str()).unwrap_or(&0);
        let micros = call.server.histograms.micros(&name);
        let name = name.to_ascii_lowercase();
        let each = micros as f64 / calls as f64;
        let _ = write!(
            text,
            "cmdstat_{name}:calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls=0,\
             failed_calls={failed}\r\n"
        );
    }
}

fn cluster(_: &mut Call<'_>, text: &mut String) {
    fields!(text, cluster_enabled: 0);
}

fn keyspace(call: &mut Call<'_>, text: &mut String) {
    for (number, database) in call.databases() {
        let (keys, expires) = (database.len(), database.expiring());
        if keys > 0 {
            let _ = write!(
                text,
                "db{number}:keys={keys},expires={expires},avg_ttl=0\r\n"
            );
        }
    }
}
