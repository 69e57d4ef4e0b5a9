//! Connection commands that touch no keys.

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::call::{Call, Reply, ok};
use super::number;
use super::reject::Reject;
use super::server::{Peer, Server};

pub(super) fn ping(call: &mut Call<'_>) -> Reply {
    let message = match call.rest(1) {
        [] => None,
        [message] => Some(message.clone()),
        _ => return Err(Reject::arity("ping")),
    };
    if call.subscribed && call.protocol == RespVersion::Resp2 {
        let message = message.unwrap_or_default();
        return Ok(Frame::array(&[Frame::bulk("pong"), Frame::bulk(message)]));
    }
    Ok(message.map_or_else(|| Frame::simple("PONG"), Frame::bulk))
}

pub(super) fn echo(call: &mut Call<'_>) -> Reply {
    Ok(Frame::bulk(call.arg(1).clone()))
}

pub(super) fn id(call: &mut Call<'_>) -> Reply {
    Ok(Frame::integer(
        i64::try_from(call.client.id).unwrap_or(i64::MAX),
    ))
}

pub(super) fn getname(call: &mut Call<'_>) -> Reply {
    let peer = call.server.peers.get(&call.client.id);
    let name = peer.map(|peer| &peer.name).filter(|name| !name.is_empty());
    Ok(name.map_or_else(Frame::null, |name| Frame::bulk(name.clone())))
}

pub(super) fn setname(call: &mut Call<'_>) -> Reply {
    set_name(call.server, call.client.id, call.arg(2))?;
    Ok(ok())
}

/// Sets the name of a connection: printable characters without spaces.
pub(super) fn set_name(server: &mut Server, id: u64, name: &Bytes) -> Result<(), Reject> {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(Reject::text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    if let Some(peer) = server.peers.get_mut(&id) {
        peer.name = Bytes::copy_from_slice(name);
    }
    Ok(())
}

/// Formats a connection as a line of CLIENT LIST.
fn line(id: u64, peer: &Peer, now: i64) -> String {
    let name = String::from_utf8_lossy(&peer.name);
    let age = now.saturating_sub(peer.since) / 1000;
    let resp = match peer.outbox.protocol() {
        RespVersion::Resp2 => 2,
        RespVersion::Resp3 => 3,
    };
    format!("id={id} name={name} age={age} idle=0 flags=N db=0 user=default resp={resp}\n")
}

fn text(lines: &str) -> Frame {
    Frame::build(|reply| reply.verbatim(*b"txt", lines.as_bytes()))
}

pub(super) fn info(call: &mut Call<'_>) -> Reply {
    let peer = call.server.peers.get(&call.client.id);
    Ok(text(&peer.map_or_else(String::new, |peer| {
        line(call.client.id, peer, call.now)
    })))
}

/// `CLIENT LIST [TYPE type | ID id …]`.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let wanted = Wanted::parse(call.rest(2))?;
    let peers = call.server.peers.iter();
    let lines: String = peers
        .filter(|(id, _)| wanted.contains(call.server, **id))
        .map(|(id, peer)| line(*id, peer, call.now))
        .collect();
    Ok(text(&lines))
}

/// Connections that CLIENT LIST shows.
enum Wanted {
    All,
    /// Whether they have subscriptions.
    Subscribers(bool),
    /// Replicas or their master, of which there are none.
    Nobody,
    Listed(Vec<u64>),
}

impl Wanted {
    fn parse(options: &[Bytes]) -> Result<Self, Reject> {
        let [option, values @ ..] = options else {
            return Ok(Self::All);
        };
        match (option.to_ascii_uppercase().as_slice(), values) {
            (b"TYPE", [kind]) => match kind.to_ascii_lowercase().as_slice() {
                b"normal" => Ok(Self::Subscribers(false)),
                b"pubsub" => Ok(Self::Subscribers(true)),
                b"master" | b"replica" | b"slave" => Ok(Self::Nobody),
                _ => Err(Reject::quoting(&[b"ERR Unknown client type '", kind, b"'"])),
            },
            (b"ID", [_, ..]) => {
                let id = |text: &Bytes| {
                    let id = number::integer(text)
                        .ok()
                        .and_then(|id| u64::try_from(id).ok());
                    id.filter(|id| *id > 0)
                };
                let ids: Option<Vec<_>> = values.iter().map(id).collect();
                ids.map(Self::Listed)
                    .ok_or(Reject::text("ERR Invalid client ID"))
            }
            _ => Err(Reject::SYNTAX),
        }
    }

    fn contains(&self, server: &Server, id: u64) -> bool {
        match self {
            Self::All => true,
            Self::Subscribers(subscribed) => (server.pubsub.count(id) != (0, 0)) == *subscribed,
            Self::Nobody => false,
            Self::Listed(ids) => ids.contains(&id),
        }
    }
}
