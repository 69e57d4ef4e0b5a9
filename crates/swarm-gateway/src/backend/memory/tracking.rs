//! CLIENT TRACKING: invalidation pushes for keys that a client has read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::State;
use super::call::{Call, Reply, ok};
use super::reject::Reject;
use super::server::{Peer, Server};
use super::table::{Reads, Spec};
use crate::backend::Client;

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

/// Tracking options of a client.
#[derive(Debug, Clone, Default)]
struct Mode {
    /// Broadcast mode: notifies of keys with these prefixes, whether or not they were read.
    broadcast: Option<Vec<Bytes>>,
    /// NOLOOP: ignores the client's own changes.
    no_loop: bool,
    /// Remembers keys only after `CLIENT CACHING YES` (OPTIN), or not after `CLIENT CACHING NO`
    /// (OPTOUT).
    opt_in: bool,
    opt_out: bool,
    /// Value of the last `CLIENT CACHING`, which applies to the next command.
    caching: Option<bool>,
    /// Also sends plain arrays in RESP2, as deployed servers do.
    in_resp2: bool,
}

impl Mode {
    fn parse(mut args: &[Bytes]) -> Result<Self, Reject> {
        let mut mode = Self::default();
        let (mut broadcast, mut prefixes) = (false, Vec::new());
        while let Some((option, rest)) = args.split_first() {
            args = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"BCAST", _) => {
                    broadcast = true;
                    rest
                }
                (b"PREFIX", [prefix, rest @ ..]) => {
                    prefixes.push(Bytes::copy_from_slice(prefix));
                    rest
                }
                (b"NOLOOP", _) => {
                    mode.no_loop = true;
                    rest
                }
                (b"OPTIN", _) => {
                    mode.opt_in = true;
                    rest
                }
                (b"OPTOUT", _) => {
                    mode.opt_out = true;
                    rest
                }
                (b"REDIRECT", [_, ..]) => {
                    return Err(Reject::text("ERR REDIRECT is not supported; use RESP3"));
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        if !prefixes.is_empty() && !broadcast {
            return Err(Reject::text(
                "ERR PREFIX option requires BCAST mode to be enabled",
            ));
        }
        if broadcast && (mode.opt_in || mode.opt_out) {
            return Err(Reject::text(
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ));
        }
        if mode.opt_in && mode.opt_out {
            return Err(Reject::text(
                "ERR You can't specify both OPTIN mode and OPTOUT mode",
            ));
        }
        mode.broadcast = broadcast.then_some(prefixes);
        Ok(mode)
    }

    /// Options that deployed servers apply regardless of the request: every key written by others.
    fn of_everything() -> Self {
        Self {
            broadcast: Some(Vec::new()),
            no_loop: true,
            in_resp2: true,
            ..Self::default()
        }
    }

    fn wants(&self, key: &[u8]) -> bool {
        self.broadcast.as_ref().is_some_and(|prefixes| {
            prefixes.is_empty() || prefixes.iter().any(|prefix| key.starts_with(prefix))
        })
    }
}

impl Tracking {
    /// Removes a client.
    pub(super) fn forget(&mut self, id: u64) {
        if self.clients.remove(&id).is_some() {
            self.readers.retain(|_, readers| {
                readers.remove(&id);
                !readers.is_empty()
            });
        }
    }

    /// Remembers the keys that a client reads.
    pub(super) fn read(&mut self, id: u64, spec: &Spec, args: &[Bytes]) {
        if self.clients.is_empty() {
            return;
        }
        let Some(mode) = self.clients.get_mut(&id) else {
            return;
        };
        if spec.name == "CLIENT|CACHING" {
            return;
        }
        let caching = mode.caching.take();
        let wanted = caching.unwrap_or(!mode.opt_in);
        if mode.broadcast.is_some() || !wanted {
            return;
        }
        for key in spec.reads.keys(args) {
            let readers = self.readers.entry(Bytes::copy_from_slice(key));
            readers.or_default().insert(id);
        }
    }

    /// Notifies interested clients that a key has changed.
    pub(super) fn changed(&mut self, peers: &BTreeMap<u64, Peer>, key: &Bytes, audience: Audience) {
        if self.clients.is_empty() || audience == Audience::Nobody {
            return;
        }
        let readers = self.readers.remove(key).unwrap_or_default();
        let push = Frame::build(|reply| {
            reply.push_message(|push| {
                push.bulk(b"invalidate");
                push.array(|keys| keys.bulk(key));
            });
        });
        for (id, mode) in &self.clients {
            let own = mode.no_loop && audience == Audience::AllBut(*id);
            if own || !(readers.contains(id) || mode.wants(key)) {
                continue;
            }
            if let Some(peer) = peers.get(id)
                && (mode.in_resp2 || peer.outbox.protocol() == RespVersion::Resp3)
            {
                peer.outbox.push(push.clone(), None);
            }
        }
    }
}

impl Reads {
    /// Returns the keys among the arguments.
    fn keys(self, args: &[Bytes]) -> &[Bytes] {
        match self {
            Self::Nothing => &[],
            Self::First => args.get(1..2).unwrap_or_default(),
            Self::All => args.get(1..).unwrap_or_default(),
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
    let Server {
        tracking, peers, ..
    } = &mut state.server;
    for key in keys {
        state.keyspace.announce(key);
        tracking.changed(peers, key, audience);
    }
}

/// Switches tracking of every key that others name in a command.
pub(super) fn track_everything(call: &mut Call<'_>, on: bool) -> Reply {
    let (id, clients) = (call.client.id, &mut call.server.tracking.clients);
    if on {
        clients.insert(id, Mode::of_everything());
    } else {
        call.server.tracking.forget(id);
    }
    Ok(ok())
}

/// `CLIENT TRACKING ON|OFF [BCAST] [PREFIX p]… [OPTIN] [OPTOUT] [NOLOOP]`.
pub(super) fn tracking(call: &mut Call<'_>) -> Reply {
    let id = call.client.id;
    let switch = call.arg(2).to_ascii_uppercase();
    let mode = match switch.as_slice() {
        b"ON" if call.client.quirks.tracks_everything => Mode::of_everything(),
        b"ON" => Mode::parse(call.rest(3))?,
        b"OFF" => {
            Mode::parse(call.rest(3))?;
            call.server.tracking.forget(id);
            return Ok(ok());
        }
        _ => return Err(Reject::SYNTAX),
    };
    call.server.tracking.clients.insert(id, mode);
    Ok(ok())
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
    let yes = match answer.as_slice() {
        b"YES" if mode.opt_in => true,
        b"NO" if mode.opt_out => false,
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
    };
    mode.caching = Some(yes);
    Ok(ok())
}
