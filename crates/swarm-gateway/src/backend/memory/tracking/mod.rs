//! CLIENT TRACKING: invalidation pushes for keys that a client has read.

mod mode;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::State;
use super::call::{Call, Reply, ok};
use super::number;
use super::reject::Reject;
use super::server::Server;
use super::table::{Reads, Spec};
use crate::backend::Client;
use mode::Mode;

/// Channel on which a client in RESP2 receives what others redirect to it.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Tracking clients, and the keys that each has read since its last invalidation.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    clients: BTreeMap<u64, Mode>,
    readers: HashMap<Bytes, BTreeSet<u64>>,
}

/// Clients to notify of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    All,
    /// All except the given client if it has set NOLOOP.
    AllBut(u64),
    Nobody,
}

impl Audience {
    /// Returns the clients to notify of a command of this one.
    pub(super) const fn of(client: &Client) -> Self {
        if client.is_http {
            Self::Nobody
        } else {
            Self::AllBut(client.id)
        }
    }
}

impl Tracking {
    /// Removes a client that has disconnected.
    pub(super) fn forget(&mut self, id: u64) {
        if self.clients.remove(&id).is_some() {
            self.readers.retain(|_, readers| {
                readers.remove(&id);
                !readers.is_empty()
            });
        }
    }

    /// Remembers the keys that a command reads.
    pub(super) fn read(&mut self, id: u64, spec: &Spec, args: &[Bytes]) {
        self.remember(id, spec.reads.keys(args));
    }

    /// Remembers the keys that a script names, if a command that it calls reads.
    pub(super) fn read_by_script(&mut self, id: u64, spec: &Spec, keys: &[Bytes]) {
        if spec.reads != Reads::Nothing {
            self.remember(id, keys);
        }
    }

    fn remember(&mut self, id: u64, keys: &[Bytes]) {
        if self.clients.get(&id).is_none_or(|mode| !mode.remembers()) {
            return;
        }
        for key in keys {
            let readers = self.readers.entry(Bytes::copy_from_slice(key));
            readers.or_default().insert(id);
        }
    }

    /// Ends the effect of CLIENT CACHING, behind the next command.
    pub(super) fn end_caching(&mut self, id: u64) {
        if let Some(mode) = self.clients.get_mut(&id) {
            mode.caching = false;
        }
    }

    /// Returns whether changes concern a tracking client, or keys that one has read before it
    /// switched tracking off.
    pub(super) fn is_in_use(&self) -> bool {
        !self.clients.is_empty() || !self.readers.is_empty()
    }

    /// Returns the number of tracking clients.
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Returns the number of remembered keys, of their readers, and of prefixes.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let prefixes: BTreeSet<_> = (self.clients.values())
            .filter_map(|mode| mode.broadcast.as_ref())
            .flatten()
            .collect();
        let readers = self.readers.values().map(BTreeSet::len).sum();
        [self.readers.len(), readers, prefixes.len()]
    }
}

impl Server {
    /// Notifies interested clients of changed keys.
    pub(super) fn invalidate(&mut self, keys: &[Bytes], audience: Audience) {
        if self.tracking.clients.is_empty() || audience == Audience::Nobody {
            return;
        }
        let is_own = |mode: &Mode, id: u64| mode.no_loop && audience == Audience::AllBut(id);
        for key in keys {
            for id in self.tracking.readers.remove(key).unwrap_or_default() {
                let mode = self.tracking.clients.get(&id);
                if mode.is_some_and(|mode| mode.broadcast.is_none() && !is_own(mode, id)) {
                    self.send_invalidation(id, Some(&[key]));
                }
            }
        }
        let keys: BTreeSet<_> = keys.iter().collect();
        let mut messages = Vec::new();
        for (id, mode) in &self.tracking.clients {
            for prefix in mode.broadcast.iter().flatten() {
                let wanted = keys.iter().filter(|key| key.starts_with(prefix));
                let wanted: Vec<_> = wanted.copied().collect();
                if wanted.is_empty() || is_own(mode, *id) {
                    continue;
                }
                // Deployed servers announce each key by itself.
                let size = if mode.in_resp2 { 1 } else { wanted.len() };
                messages.extend(wanted.chunks(size).map(|keys| (*id, keys.to_vec())));
            }
        }
        for (id, keys) in messages {
            self.send_invalidation(id, Some(&keys));
        }
    }

    /// Notifies all tracking clients that all keys have been removed.
    pub(super) fn invalidate_all(&mut self) {
        self.tracking.readers.clear();
        let ids: Vec<_> = self.tracking.clients.keys().copied().collect();
        for id in ids {
            self.send_invalidation(id, None);
        }
    }

    /// Forgets keys beyond the maximum, as if they had changed.
    pub(super) fn limit_tracking(&mut self) {
        if self.tracking.readers.is_empty() {
            return;
        }
        let most = self.config.number("tracking-table-max-keys");
        while most > 0 && self.tracking.readers.len() > most {
            let Some(key) = self.tracking.readers.keys().next().cloned() else {
                return;
            };
            self.invalidate(&[key], Audience::All);
        }
    }

    /// Sends an invalidation of keys, or of all keys, to a client or where it redirects to.
    fn send_invalidation(&mut self, id: u64, keys: Option<&[&Bytes]>) {
        let Some(mode) = self.tracking.clients.get_mut(&id) else {
            return;
        };
        let target = mode.redirect.unwrap_or(id);
        let Some(peer) = self.peers.get(&target) else {
            mode.is_broken = true;
            if let Some(peer) = self.peers.get(&id)
                && peer.outbox.protocol() == RespVersion::Resp3
            {
                let push = Frame::build(|reply| {
                    reply.push_message(|push| {
                        push.bulk(b"tracking-redir-broken");
                        push.integer(i64::try_from(target).unwrap_or(i64::MAX));
                    });
                });
                peer.outbox.push(push, None);
            }
            return;
        };
        let kind: &[&[u8]] = if mode.in_resp2 || peer.outbox.protocol() == RespVersion::Resp3 {
            &[b"invalidate"]
        } else if mode.redirect.is_some() && self.pubsub.is_subscriber(target) {
            &[b"message", CHANNEL]
        } else {
            return;
        };
        let push = Frame::build(|reply| {
            reply.push_message(|push| {
                kind.iter().for_each(|word| push.bulk(word));
                match keys {
                    Some(keys) => push.array(|array| keys.iter().for_each(|key| array.bulk(key))),
                    None => push.null(),
                }
            });
        });
        peer.outbox.push(push, None);
    }
}

impl Reads {
    /// Returns the keys among the arguments.
    pub(super) fn keys(self, args: &[Bytes]) -> &[Bytes] {
        match self {
            Self::Nothing => &[],
            Self::First => args.get(1..2).unwrap_or_default(),
            Self::Second => args.get(2..3).unwrap_or_default(),
            Self::FirstTwo => args.get(1..3).unwrap_or_default(),
            Self::All => args.get(1..).unwrap_or_default(),
            Self::Counted => {
                let number = args.get(1).and_then(|number| number::integer(number).ok());
                let number = number.and_then(|number| usize::try_from(number).ok());
                args.get(2..number.unwrap_or(0).saturating_add(2))
                    .unwrap_or_default()
            }
            Self::Streams => {
                let mut words = args.iter();
                let found = words.any(|word| word.eq_ignore_ascii_case(b"STREAMS"));
                let rest = words.as_slice();
                if found {
                    rest.get(..rest.len() / 2).unwrap_or_default()
                } else {
                    &[]
                }
            }
        }
    }
}

/// Announces the keys of a command that has succeeded, whatever it did.
pub(super) fn announce(state: &mut State, keys: &[Bytes], audience: Audience) {
    if audience == Audience::Nobody {
        return;
    }
    for key in keys {
        state.keyspace.announce(key);
        state.server.invalidate(std::slice::from_ref(key), audience);
    }
}

/// Switches tracking of every key that others name in a command.
pub(super) fn track_everything(call: &mut Call<'_>, on: bool) -> Reply {
    let (id, clients) = (call.client.id, &mut call.server.tracking.clients);
    if on {
        clients.insert(id, Mode::of_everything());
        call.observe();
    } else {
        call.server.tracking.forget(id);
    }
    Ok(ok())
}

/// `CLIENT TRACKING ON|OFF [REDIRECT id] [BCAST] [PREFIX p]… [OPTIN] [OPTOUT] [NOLOOP]`.
pub(super) fn tracking(call: &mut Call<'_>) -> Reply {
    let id = call.client.id;
    let switch = call.arg(2).to_ascii_uppercase();
    let peers = &call.server.peers;
    let parse = || Mode::parse(call.rest(3), |id| peers.contains_key(&id));
    let mode = match switch.as_slice() {
        b"ON" if call.client.quirks.tracks_everything => Mode::of_everything(),
        b"ON" => match call.server.tracking.clients.get(&id) {
            Some(before) => parse()?.after(before)?,
            None => parse()?,
        },
        b"OFF" => {
            parse()?;
            // What the client has read is remembered, in case that it switches tracking on again.
            call.server.tracking.clients.remove(&id);
            return Ok(ok());
        }
        _ => return Err(Reject::SYNTAX),
    };
    call.server.tracking.clients.insert(id, mode);
    call.observe();
    Ok(ok())
}

/// Returns the client that the invalidations of another one go to: 0 if they are not redirected,
/// and -1 without tracking.
pub(super) fn redirection(server: &Server, id: u64) -> i64 {
    let mode = server.tracking.clients.get(&id);
    mode.map_or(-1, |mode| {
        i64::try_from(mode.redirect.unwrap_or(0)).unwrap_or(i64::MAX)
    })
}

pub(super) fn getredir(call: &mut Call<'_>) -> Reply {
    Ok(Frame::integer(redirection(call.server, call.client.id)))
}

pub(super) fn trackinginfo(call: &mut Call<'_>) -> Reply {
    let mode = call.server.tracking.clients.get(&call.client.id);
    let words = mode.map_or_else(|| vec!["off"], Mode::words);
    let prefixes = mode.and_then(|mode| mode.broadcast.as_ref());
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"flags");
            map.set(|flags| words.iter().for_each(|word| flags.bulk(word.as_bytes())));
            map.bulk(b"redirect");
            map.integer(redirection(call.server, call.client.id));
            map.bulk(b"prefixes");
            map.array(|array| {
                let prefixes = prefixes.into_iter().flatten();
                prefixes.for_each(|prefix| array.bulk(prefix));
            });
        });
    }))
}

/// `CLIENT CACHING YES|NO`: whether to remember the keys of the next command.
pub(super) fn caching(call: &mut Call<'_>) -> Reply {
    let answer = call.arg(2).to_ascii_uppercase();
    let mode = call.server.tracking.clients.get_mut(&call.client.id);
    let mode = mode.filter(|mode| mode.opt_in || mode.opt_out);
    let mode = mode.ok_or(Reject::text(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled",
    ))?;
    match answer.as_slice() {
        b"YES" if mode.opt_in => {}
        b"NO" if mode.opt_out => {}
        b"YES" => {
            return Err(Reject::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        b"NO" => {
            return Err(Reject::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        _ => return Err(Reject::SYNTAX),
    }
    mode.caching = true;
    Ok(ok())
}
