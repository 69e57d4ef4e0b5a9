//! Server state apart from the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::acl::{self, Acl};
use super::admin::Backup;
use super::blocking::Waiter;
use super::call::{Call, Reply};
use super::config::Config;
use super::databases::Databases;
use super::latency::{Histograms, Latency};
use super::notify::Flags;
use super::pause::Pause;
use super::pubsub::PubSub;
use super::script::{Busy, Functions, Threads};
use super::slowlog::SlowLog;
use super::tracking::Tracking;
use crate::backend::Client;
use crate::listener_kind::ListenerKind;
use crate::outbox::Outbox;
use crate::stream::Addresses;

/// Everything but the keys.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) peers: BTreeMap<u64, Peer>,
    pub(super) databases: Databases,
    pub(super) pubsub: PubSub,
    pub(super) tracking: Tracking,
    /// Whether the task that removes expired keys runs.
    pub(super) watches_deadlines: bool,
    /// Blocked commands, oldest first.
    pub(super) waiting: Vec<Waiter>,
    /// Keys that blocked commands may find changed although no command has changed them, with
    /// their databases.
    pub(super) ready: Vec<(usize, Bytes)>,
    pub(super) backups: BTreeMap<Bytes, Backup>,
    /// Scripts by SHA-1.
    pub(super) scripts: BTreeMap<Bytes, Bytes>,
    pub(super) functions: Functions,
    /// How often commands have failed since the statistics were reset.
    pub(super) failed: BTreeMap<&'static str, u64>,
    pub(super) acl: Acl,
    pub(super) pause: Pause,
    /// Connections that MONITOR shows all commands.
    pub(super) monitors: BTreeSet<u64>,
    pub(super) slow: SlowLog,
    pub(super) latency: Latency,
    pub(super) histograms: Histograms,
    /// Number of keys that have been evicted.
    pub(super) evicted: u64,
    /// Threads that run scripts.
    pub(super) threads: Threads,
    /// The script that has run for so long that other commands are rejected.
    pub(super) busy: Option<Busy>,
    pub(super) config: Config,
    /// Which keyspace events are published.
    pub(super) notifications: Flags,
    /// Configuration of SwarmKeyDb.
    pub(super) swarm_config: BTreeMap<&'static str, Bytes>,
    tickets: u64,
    /// When the server started, in milliseconds since the Unix epoch.
    pub(super) started: i64,
    /// Number of connections and HTTP requests so far.
    pub(super) connections: u64,
    /// Statistics when they were reset last: how often each command had run, how many keys had
    /// expired, and how many connections there had been.
    pub(super) counts_at_reset: BTreeMap<String, u64>,
    pub(super) expired_at_reset: u64,
    pub(super) connections_at_reset: u64,
    /// Fraction of the wake-ups of blocked commands that are lost, from 0 to 1.
    pub(super) lost_wake_ups: f64,
}

/// A connection as other connections see it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) outbox: Arc<Outbox>,
    pub(super) name: Bytes,
    /// Name of the user.
    pub(super) user: Bytes,
    /// Name and version of the client library.
    pub(super) library: [Bytes; 2],
    pub(super) addresses: Addresses,
    /// Connection time in milliseconds since the Unix epoch.
    pub(super) since: i64,
    /// When the last command arrived.
    pub(super) active: i64,
    /// The last command, in upper case.
    pub(super) command: &'static str,
    /// Number of commands queued for EXEC, within MULTI.
    pub(super) queued: Option<usize>,
    listener: ListenerKind,
    /// Number of the selected database.
    pub(super) database: usize,
    /// The connection ends behind the next reply.
    pub(super) killed: bool,
}

impl Peer {
    pub(super) fn new(client: &Client, now: i64) -> Self {
        Self {
            outbox: client.outbox.clone(),
            name: Bytes::new(),
            user: Bytes::from_static(acl::DEFAULT.as_bytes()),
            library: [Bytes::new(), Bytes::new()],
            addresses: client.addresses,
            since: now,
            active: now,
            command: "",
            queued: None,
            listener: client.listener,
            database: 0,
            killed: false,
        }
    }

    /// Returns whether this is a connection, not a request.
    pub(super) fn connected(&self) -> bool {
        self.listener != ListenerKind::Http
    }

    /// Returns the address that SwarmKeyDb shows.
    pub(super) const fn address(&self) -> &'static str {
        match self.listener {
            ListenerKind::Tcp => "tcp",
            ListenerKind::Ws => "unknown:0",
            ListenerKind::Http => "unknown",
        }
    }
}

/// Returns the configuration of a SwarmKeyDb server that has just started.
fn default_swarm_config() -> BTreeMap<&'static str, Bytes> {
    let config = [
        ("hz", "10"),
        ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"),
        ("swarm-keydb-expiry-budget-ms", "25"),
    ];
    (config.into_iter())
        .map(|(name, value)| (name, Bytes::from_static(value.as_bytes())))
        .collect()
}

impl Server {
    /// Loses what the server keeps in memory only, apart from the data.
    pub(super) fn crash(&mut self) {
        self.scripts.clear();
        self.acl = Acl::default();
        self.pause = Pause::default();
        self.slow = SlowLog::default();
        self.latency = Latency::default();
        self.histograms = Histograms::default();
        self.config = Config::new(self.databases.len());
        self.swarm_config = default_swarm_config();
    }

    /// Returns a setting of SwarmKeyDb.
    pub(super) fn swarm_setting(&self, name: &str) -> String {
        let setting = self.swarm_config.get(name).map(Bytes::as_ref);
        String::from_utf8_lossy(setting.unwrap_or_default()).into_owned()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            peers: BTreeMap::new(),
            databases: Databases::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            watches_deadlines: false,
            waiting: Vec::new(),
            ready: Vec::new(),
            backups: BTreeMap::new(),
            scripts: BTreeMap::new(),
            functions: Functions::default(),
            failed: BTreeMap::new(),
            acl: Acl::default(),
            pause: Pause::default(),
            monitors: BTreeSet::new(),
            slow: SlowLog::default(),
            latency: Latency::default(),
            histograms: Histograms::default(),
            evicted: 0,
            threads: Threads::default(),
            busy: None,
            config: Config::default(),
            notifications: Flags::default(),
            swarm_config: default_swarm_config(),
            tickets: 0,
            started: 0,
            connections: 0,
            counts_at_reset: BTreeMap::new(),
            expired_at_reset: 0,
            connections_at_reset: 0,
            lost_wake_ups: 0.0,
        }
    }
}

impl Server {
    /// Decides at random whether a blocked command misses a wake-up.
    pub(super) fn loses_wake_up(&self) -> bool {
        self.lost_wake_ups > 0.0 && fastrand::f64() < self.lost_wake_ups
    }

    /// Returns a number unique among blocked commands and EXECs.
    pub(super) const fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }
}

/// Replies with seconds and microseconds.
pub(super) fn time(call: &mut Call<'_>) -> Reply {
    let (seconds, micros) = (call.now / 1000, call.now % 1000 * 1000);
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(seconds.to_string().as_bytes());
            array.bulk(micros.to_string().as_bytes());
        });
    }))
}
