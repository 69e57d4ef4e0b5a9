//! Server state: connections and INFO.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::admin::Backup;
use super::blocking::Waiter;
use super::call::{Call, Reply, ok};
use super::config::Config;
use super::keys;
use super::pubsub::PubSub;
use super::tracking::Tracking;
use crate::backend::Client;
use crate::outbox::Outbox;

/// Everything but the keys.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) peers: BTreeMap<u64, Peer>,
    pub(super) pubsub: PubSub,
    pub(super) tracking: Tracking,
    /// Blocked commands, oldest first.
    pub(super) waiting: Vec<Waiter>,
    pub(super) backups: BTreeMap<Bytes, Backup>,
    /// Scripts by SHA-1.
    pub(super) scripts: BTreeMap<Bytes, Bytes>,
    pub(super) config: Config,
    tickets: u64,
    /// Fraction of the wake-ups of blocked commands that are lost, from 0 to 1.
    pub(super) lost_wake_ups: f64,
}

/// A connection as other connections see it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) outbox: Arc<Outbox>,
    pub(super) name: Bytes,
    /// Connection time in milliseconds since the Unix epoch.
    pub(super) since: i64,
}

impl Peer {
    pub(super) fn new(client: &Client, now: i64) -> Self {
        Self {
            outbox: client.outbox.clone(),
            name: Bytes::new(),
            since: now,
        }
    }
}

impl Server {
    /// Loses what the server keeps in memory only, apart from the data.
    pub(super) fn crash(&mut self) {
        self.scripts.clear();
        self.config = Config::default();
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            peers: BTreeMap::new(),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            waiting: Vec::new(),
            backups: BTreeMap::new(),
            scripts: BTreeMap::new(),
            config: Config::default(),
            tickets: 0,
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

/// Replies with the sections that clients parse.
pub(super) fn info(call: &mut Call<'_>) -> Reply {
    let sections = [
        (
            "server",
            "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n\
             server_name:swarmkeydb\r\n"
                .to_owned(),
        ),
        (
            "clients",
            format!(
                "# Clients\r\nconnected_clients:{}\r\nblocked_clients:{}\r\n",
                call.server.peers.len(),
                call.server.waiting.len()
            ),
        ),
        (
            "replication",
            "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n".to_owned(),
        ),
        (
            "keyspace",
            format!(
                "# Keyspace\r\ndb0:keys={},expires={},avg_ttl=0\r\n",
                call.keyspace.len(),
                call.keyspace.expiring()
            ),
        ),
    ];
    let wanted = call.rest(1);
    let everything = wanted.iter().any(|name| {
        [&b"all"[..], b"default", b"everything"].contains(&name.to_ascii_lowercase().as_slice())
    });
    let text: Vec<String> = (sections.into_iter())
        .filter(|(section, _)| {
            let named = |name: &Bytes| name.eq_ignore_ascii_case(section.as_bytes());
            wanted.is_empty() || everything || wanted.iter().any(named)
        })
        .map(|(_, text)| text)
        .collect();
    Ok(Frame::build(|reply| {
        reply.verbatim(*b"txt", text.join("\r\n").as_bytes());
    }))
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

pub(super) fn select(call: &mut Call<'_>) -> Reply {
    keys::only_database(call.arg(1))?;
    Ok(ok())
}
