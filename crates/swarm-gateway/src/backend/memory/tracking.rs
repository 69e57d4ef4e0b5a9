//! CLIENT TRACKING: who is told when a key changes that it has read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::call::{Call, Reply, ok};
use super::reject::Reject;
use super::server::Peer;
use super::table::{Reads, Spec};

/// Who tracks, and what each has read since it was last audience.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    clients: BTreeMap<u64, Mode>,
    readers: HashMap<Bytes, BTreeSet<u64>>,
}

/// Who is told that a key changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    All,
    /// All but those who do not want to hear of their own changes, of which this is one.
    AllBut(u64),
    Nobody,
}

/// What a client asked to be told of.
#[derive(Debug, Clone, Default)]
struct Mode {
    /// Keys with one of these prefixes, read or not.
    broadcast: Option<Vec<Bytes>>,
    /// Not of its own changes.
    no_loop: bool,
    /// Keys are remembered only after `CLIENT CACHING YES`, or not after `CLIENT CACHING NO`.
    opt_in: bool,
    opt_out: bool,
    /// What `CLIENT CACHING` said about the next command.
    caching: Option<bool>,
    /// Also where pushes are plain arrays: as deployed servers do.
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

    /// What deployed servers do whatever is asked: tell of every key that others write.
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
    /// Forgets a client.
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

    /// Tells who wants to know that a key changed.
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
    /// The keys among the arguments.
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

/// `CLIENT CACHING YES|NO`: whether the keys of the next command are remembered.
pub(super) fn caching(call: &mut Call<'_>) -> Reply {
    let answer = call.arg(2).to_ascii_uppercase();
    let mode = call.server.tracking.clients.get_mut(&call.client.id);
    let mode = mode.filter(|mode| mode.opt_in || mode.opt_out);
    let mode = mode.ok_or(Reject::text(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
         enabled",
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
