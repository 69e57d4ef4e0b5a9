//! CLIENT subcommands that concern other connections, and WAIT.

use std::net::SocketAddr;

use bytes::Bytes;
use swarm_resp::Frame;

use super::acl::Acl;
use super::call::{Block, Call, Reply, count, ok};
use super::number;
use super::reject::Reject;
use super::server::Peer;
use super::table::{Spec, data};
use crate::outbox::Ending;

const BAD_TIMEOUT: Reject = Reject::text("ERR timeout is not an integer or out of range");

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("CLIENT|KILL", -3, kill),
    data("CLIENT|NO-EVICT", 3, no_evict),
    data("CLIENT|UNBLOCK", -3, unblock),
    data("WAIT", 3, wait),
];

/// `CLIENT NO-EVICT ON|OFF`: no connection is ever evicted.
fn no_evict(call: &mut Call<'_>) -> Reply {
    match call.arg(2).to_ascii_uppercase().as_slice() {
        b"ON" | b"OFF" => Ok(ok()),
        _ => Err(Reject::SYNTAX),
    }
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`.
fn unblock(call: &mut Call<'_>) -> Reply {
    let with_error = match call.rest(3) {
        [] => false,
        [reason] if reason.eq_ignore_ascii_case(b"TIMEOUT") => false,
        [reason] if reason.eq_ignore_ascii_case(b"ERROR") => true,
        [_] => {
            return Err(Reject::text(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
        _ => {
            return Err(Reject::quoting(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                call.arg(1),
                b"'. Try CLIENT HELP.",
            ]));
        }
    };
    let id = u64::try_from(number::integer(call.arg(2))?);
    let unblocked = id.is_ok_and(|id| call.server.unblock(id, with_error));
    Ok(Frame::integer(unblocked.into()))
}

/// `WAIT replicas timeout`: there are no replicas, so the reply is 0, at once or after the timeout.
fn wait(call: &mut Call<'_>) -> Reply {
    let replicas = call.integer(1)?;
    let timeout = number::integer(call.arg(2)).map_err(|_| BAD_TIMEOUT)?;
    if timeout < 0 {
        return Err(Reject::text("ERR timeout is negative"));
    }
    if replicas > 0 {
        call.block = Some(Block {
            keys: Vec::new(),
            deadline: (timeout > 0).then(|| call.now.saturating_add(timeout)),
            otherwise: Frame::integer(0),
            args: call.args.to_vec(),
        });
    }
    Ok(Frame::integer(0))
}

/// Connections that CLIENT KILL ends.
#[derive(Debug, Default)]
struct Victims<'a> {
    id: Option<u64>,
    remote: Option<&'a Bytes>,
    local: Option<&'a Bytes>,
    user: Option<&'a Bytes>,
    /// Whether they have subscriptions.
    subscribed: Option<bool>,
    /// Replicas or their master, of which there are none.
    nobody: bool,
    spares_caller: bool,
}

impl<'a> Victims<'a> {
    fn parse(options: &'a [Bytes], acl: &Acl) -> Result<Self, Reject> {
        let mut victims = Self {
            spares_caller: true,
            ..Self::default()
        };
        if let [address] = options {
            return Ok(Self {
                remote: Some(address),
                ..Self::default()
            });
        }
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let value = options.next().ok_or(Reject::SYNTAX)?;
            match option.to_ascii_uppercase().as_slice() {
                b"ID" => {
                    let error = "ERR client-id should be greater than 0";
                    victims.id = u64::try_from(number::at_least(1, value, error)?).ok();
                }
                b"TYPE" => match value.to_ascii_lowercase().as_slice() {
                    b"normal" => victims.subscribed = Some(false),
                    b"pubsub" => victims.subscribed = Some(true),
                    b"master" | b"replica" | b"slave" => victims.nobody = true,
                    _ => {
                        return Err(Reject::quoting(&[
                            b"ERR Unknown client type '",
                            value,
                            b"'",
                        ]));
                    }
                },
                b"ADDR" => victims.remote = Some(value),
                b"LADDR" => victims.local = Some(value),
                b"USER" if acl.has_user(value) => victims.user = Some(value),
                b"USER" => {
                    return Err(Reject::quoting(&[b"ERR No such user '", value, b"'"]));
                }
                b"SKIPME" => match value.to_ascii_lowercase().as_slice() {
                    b"yes" => victims.spares_caller = true,
                    b"no" => victims.spares_caller = false,
                    _ => return Err(Reject::SYNTAX),
                },
                _ => return Err(Reject::SYNTAX),
            }
        }
        Ok(victims)
    }

    fn contains(&self, call: &Call<'_>, id: u64, peer: &Peer) -> bool {
        let is_at = |wanted: Option<&Bytes>, address: Option<SocketAddr>| {
            let address = address.map(|address| address.to_string());
            wanted.is_none_or(|wanted| {
                address.is_some_and(|address| address.as_bytes() == &wanted[..])
            })
        };
        let subscribed = || call.server.pubsub.is_subscriber(id);
        !self.nobody
            && (self.id.is_none_or(|wanted| wanted == id))
            && self.user.is_none_or(|user| peer.user == user)
            && is_at(self.remote, peer.addresses.remote)
            && is_at(self.local, peer.addresses.local)
            && (self.subscribed.is_none_or(|wanted| wanted == subscribed()))
            && !(self.spares_caller && id == call.client.id)
    }
}

/// `CLIENT KILL address` or `CLIENT KILL [ID id] [TYPE type] [ADDR address] [LADDR address]
/// [USER user] [SKIPME YES|NO]`.
fn kill(call: &mut Call<'_>) -> Reply {
    let victims = Victims::parse(call.rest(2), &call.server.acl)?;
    let peers = call.server.peers.iter();
    let killed = peers.filter(|(id, peer)| victims.contains(call, **id, peer));
    let killed: Vec<u64> = killed.map(|(id, _)| *id).collect();
    for id in &killed {
        call.server.stop_waiting(*id);
        if *id == call.client.id {
            // The reply precedes the end.
            if let Some(peer) = call.server.peers.get_mut(id) {
                peer.killed = true;
            }
        } else if let Some(peer) = call.server.peers.remove(id) {
            // From now on, nobody sees it, although its socket may stay open for a while.
            peer.outbox.end(Ending::Killed);
        }
    }
    match (call.args.len(), killed.is_empty()) {
        (3, true) => Err(Reject::text("ERR No such client")),
        (3, false) => Ok(ok()),
        _ => Ok(count(killed.len())),
    }
}
