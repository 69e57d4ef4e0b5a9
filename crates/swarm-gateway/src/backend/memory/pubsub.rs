//! Channel and pattern subscriptions, and message delivery.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use swarm_resp::Frame;

use super::State;
use super::call::{Call, Reply, count};
use super::glob;
use super::keyspace::Notice;
use super::link::{Local, Replies};
use super::notify::Flags;
use super::reject::Reject;
use super::server::Server;

/// Connections by what they have subscribed to.
type Listeners = BTreeMap<Bytes, BTreeSet<u64>>;

/// Subscriptions of all connections.
#[derive(Debug, Default)]
pub(super) struct PubSub {
    channels: Listeners,
    patterns: Listeners,
    shards: Listeners,
}

/// Subscriptions of one connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    channels: BTreeSet<Bytes>,
    patterns: BTreeSet<Bytes>,
    shards: BTreeSet<Bytes>,
}

/// Selects channels, patterns or sharded channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Channels,
    Patterns,
    Shards,
}

impl PubSub {
    const fn listeners(&mut self, which: Which) -> &mut Listeners {
        match which {
            Which::Channels => &mut self.channels,
            Which::Patterns => &mut self.patterns,
            Which::Shards => &mut self.shards,
        }
    }

    /// Returns the number of channels and of patterns with subscribers.
    pub(super) fn names(&self) -> (usize, usize) {
        (self.channels.len(), self.patterns.len())
    }

    /// Returns the number of channels, of patterns and of sharded channels that a connection has
    /// subscribed to.
    pub(super) fn count(&self, id: u64) -> [usize; 3] {
        let count =
            |listeners: &Listeners| listeners.values().filter(|ids| ids.contains(&id)).count();
        [&self.channels, &self.patterns, &self.shards].map(count)
    }

    /// Returns what a connection has subscribed to, and whether it is a pattern.
    pub(super) fn names_of(&self, id: u64) -> impl Iterator<Item = (Bytes, bool)> {
        let sets = [
            (&self.channels, false),
            (&self.patterns, true),
            (&self.shards, false),
        ];
        sets.into_iter().flat_map(move |(listeners, is_pattern)| {
            let own = listeners.iter().filter(move |(_, ids)| ids.contains(&id));
            own.map(move |(name, _)| (name.clone(), is_pattern))
        })
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &Bytes> {
        self.channels.keys()
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &Bytes> {
        self.patterns.keys()
    }

    /// Returns whether a connection has subscribed to anything.
    pub(super) fn is_subscriber(&self, id: u64) -> bool {
        self.count(id) != [0; 3]
    }

    /// Returns the number of subscribers of a channel.
    pub(super) fn subscribers(&self, channel: &Bytes) -> usize {
        self.channels.get(channel).map_or(0, BTreeSet::len)
    }

    fn leave(&mut self, which: Which, name: &Bytes, id: u64) {
        let listeners = self.listeners(which);
        if let Some(ids) = listeners.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                listeners.remove(name);
            }
        }
    }
}

impl Subscriptions {
    /// Returns the number of channels and patterns.
    pub(super) fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Returns whether there are any.
    pub(super) fn is_active(&self) -> bool {
        self.count() + self.shards.len() > 0
    }

    /// Returns the number that acknowledgments tell.
    fn count_of(&self, which: Which) -> usize {
        match which {
            Which::Channels | Which::Patterns => self.count(),
            Which::Shards => self.shards.len(),
        }
    }

    /// Removes all subscriptions.
    pub(super) fn clear(&mut self, pubsub: &mut PubSub, id: u64) {
        for which in [Which::Channels, Which::Patterns, Which::Shards] {
            for name in std::mem::take(self.names(which)) {
                pubsub.leave(which, &name, id);
            }
        }
    }

    const fn names(&mut self, which: Which) -> &mut BTreeSet<Bytes> {
        match which {
            Which::Channels => &mut self.channels,
            Which::Patterns => &mut self.patterns,
            Which::Shards => &mut self.shards,
        }
    }
}

/// Returns an acknowledgement: kind, name, and number of remaining subscriptions.
fn acknowledged(kind: &str, name: Option<&Bytes>, left: usize) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| {
            push.bulk(kind.as_bytes());
            match name {
                Some(name) => push.bulk(name),
                None => push.null(),
            }
            push.integer(i64::try_from(left).unwrap_or(i64::MAX));
        });
    })
}

fn enter(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    which: Which,
    kind: &str,
) -> Replies {
    let names = args.get(1..).unwrap_or_default();
    let acknowledge = |name: &Bytes| {
        let name = Bytes::copy_from_slice(name);
        let listeners = state.server.pubsub.listeners(which);
        let ids = listeners.entry(name.clone()).or_default();
        ids.insert(local.client.id);
        local.subscriptions.names(which).insert(name.clone());
        acknowledged(kind, Some(&name), local.subscriptions.count_of(which))
    };
    Ok(names.iter().map(acknowledge).collect())
}

/// Removes the named subscriptions, or all if no names are given.
fn leave(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    which: Which,
    kind: &str,
) -> Replies {
    let mut names = args.get(1..).unwrap_or_default().to_vec();
    if names.is_empty() {
        names.extend(local.subscriptions.names(which).iter().cloned());
    }
    if names.is_empty() {
        let left = local.subscriptions.count_of(which);
        return Ok(vec![acknowledged(kind, None, left)]);
    }
    let acknowledge = |name: &Bytes| {
        local.subscriptions.names(which).remove(name);
        state.server.pubsub.leave(which, name, local.client.id);
        acknowledged(kind, Some(name), local.subscriptions.count_of(which))
    };
    Ok(names.iter().map(acknowledge).collect())
}

pub(super) fn subscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    enter(local, state, args, Which::Channels, "subscribe")
}

pub(super) fn psubscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    enter(local, state, args, Which::Patterns, "psubscribe")
}

pub(super) fn unsubscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    leave(local, state, args, Which::Channels, "unsubscribe")
}

pub(super) fn punsubscribe(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    _: i64,
) -> Replies {
    leave(local, state, args, Which::Patterns, "punsubscribe")
}

/// `SSUBSCRIBE channel …`, which Redis refuses in EXEC.
pub(super) fn ssubscribe(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    if local.client.burst.is_some() {
        return Err(Reject::text(
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ));
    }
    enter(local, state, args, Which::Shards, "ssubscribe")
}

pub(super) fn sunsubscribe(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    _: i64,
) -> Replies {
    leave(local, state, args, Which::Shards, "sunsubscribe")
}

/// `SPUBLISH channel message`.
pub(super) fn spublish(call: &mut Call<'_>) -> Reply {
    let (channel, message) = (call.arg(1), call.arg(2));
    let frame = Frame::build(|reply| {
        let parts = [b"smessage", channel.as_ref(), message.as_ref()];
        reply.push_message(|push| parts.iter().for_each(|part| push.bulk(part)));
    });
    let mut heard = 0;
    for id in call.server.pubsub.shards.get(channel).into_iter().flatten() {
        if let Some(peer) = call.server.peers.get(id) {
            peer.outbox.push(frame.clone(), call.client.burst);
            heard += 1;
        }
    }
    Ok(count(heard))
}

/// Replies with the number of subscriptions that received the message.
pub(super) fn publish(call: &mut Call<'_>) -> Reply {
    let (channel, message) = (call.arg(1), call.arg(2));
    let burst = call.client.burst;
    Ok(count(call.server.publish(channel, message, burst)))
}

impl Server {
    /// Delivers a message to the subscribers of a channel and of matching patterns. Returns their
    /// number.
    pub(super) fn publish(&self, channel: &Bytes, message: &Bytes, burst: Option<u64>) -> usize {
        let matching: Vec<Bytes> = (self.pubsub.patterns())
            .filter(|pattern| glob::matches(pattern, channel))
            .cloned()
            .collect();
        deliver(self, channel, message, &matching, burst)
    }

    /// Publishes an event of a key: to its own channel, to that of the event, or to both.
    pub(super) fn publish_notice(&self, database: usize, notice: &Notice, flags: Flags) {
        let event = Bytes::from_static(notice.event.as_bytes());
        if flags.keyspace {
            let channel = format!("__keyspace@{database}__:").into_bytes();
            let channel = Bytes::from([&channel[..], &notice.key].concat());
            self.publish(&channel, &event, None);
        }
        if flags.keyevent {
            let channel = format!("__keyevent@{database}__:{}", notice.event);
            self.publish(&channel.into(), &notice.key, None);
        }
    }
}

/// Delivers a message to the subscribers of a channel and of patterns that match it. Returns their
/// number.
pub(super) fn deliver(
    server: &Server,
    channel: &Bytes,
    message: &Bytes,
    matching: &[Bytes],
    burst: Option<u64>,
) -> usize {
    let mut heard = 0;
    let mut send = |ids: &BTreeSet<u64>, parts: &[&[u8]]| {
        let frame = Frame::build(|reply| {
            reply.push_message(|push| parts.iter().for_each(|part| push.bulk(part)));
        });
        for peer in ids.iter().filter_map(|id| server.peers.get(id)) {
            peer.outbox.push(frame.clone(), burst);
            heard += 1;
        }
    };
    if let Some(ids) = server.pubsub.channels.get(channel) {
        send(ids, &[b"message", channel, message]);
    }
    for pattern in matching {
        if let Some(ids) = server.pubsub.patterns.get(pattern) {
            send(ids, &[b"pmessage", pattern, channel, message]);
        }
    }
    heard
}

/// `PUBSUB CHANNELS [pattern]`.
pub(super) fn pubsub_channels(call: &mut Call<'_>) -> Reply {
    names(call, &call.server.pubsub.channels)
}

/// `PUBSUB SHARDCHANNELS [pattern]`.
pub(super) fn pubsub_shardchannels(call: &mut Call<'_>) -> Reply {
    names(call, &call.server.pubsub.shards)
}

fn names(call: &Call<'_>, listeners: &Listeners) -> Reply {
    let pattern = match call.rest(2) {
        [] => None,
        [pattern] => Some(pattern),
        _ => {
            return Err(Reject::quoting(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                call.arg(1),
                b"'. Try PUBSUB HELP.",
            ]));
        }
    };
    let channels = listeners.keys();
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            channels
                .filter(|channel| pattern.is_none_or(|pattern| glob::matches(pattern, channel)))
                .for_each(|channel| array.bulk(channel));
        });
    }))
}

/// `PUBSUB NUMSUB [channel …]`.
pub(super) fn pubsub_numsub(call: &mut Call<'_>) -> Reply {
    Ok(counts(call, &call.server.pubsub.channels))
}

/// `PUBSUB SHARDNUMSUB [channel …]`.
pub(super) fn pubsub_shardnumsub(call: &mut Call<'_>) -> Reply {
    Ok(counts(call, &call.server.pubsub.shards))
}

fn counts(call: &Call<'_>, channels: &Listeners) -> Frame {
    Frame::build(|reply| {
        reply.array(|array| {
            for channel in call.rest(2) {
                let listeners = channels.get(channel).map_or(0, BTreeSet::len);
                array.bulk(channel);
                array.integer(i64::try_from(listeners).unwrap_or(i64::MAX));
            }
        });
    })
}

pub(super) fn pubsub_numpat(call: &mut Call<'_>) -> Reply {
    Ok(count(call.server.pubsub.patterns.len()))
}
