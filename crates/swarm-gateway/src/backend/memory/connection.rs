//! Connection commands that touch no keys.

use std::net::SocketAddr;

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::call::{Call, Reply, ok};
use super::number;
use super::reject::Reject;
use super::server::{Peer, Server};
use super::tracking;

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

/// `CLIENT SETINFO LIB-NAME|LIB-VER value`.
pub(super) fn setinfo(call: &mut Call<'_>) -> Reply {
    let (option, value) = (call.arg(2), call.arg(3));
    let place = match option.to_ascii_uppercase().as_slice() {
        b"LIB-NAME" => 0,
        b"LIB-VER" => 1,
        _ => {
            return Err(Reject::quoting(&[
                b"ERR Unrecognized option '",
                option,
                b"'",
            ]));
        }
    };
    if !value.iter().all(u8::is_ascii_graphic) {
        let option = option.to_ascii_lowercase();
        let reason = b" cannot contain spaces, newlines or special characters.";
        return Err(Reject::quoting(&[b"ERR ", &option, reason]));
    }
    let peer = call.server.peers.get_mut(&call.client.id);
    if let Some(known) = peer.and_then(|peer| peer.library.get_mut(place)) {
        *known = Bytes::copy_from_slice(value);
    }
    Ok(ok())
}

/// Formats a connection as a line of CLIENT LIST. Of the sizes of buffers, only that of the running
/// command is known.
/// `input` is the size of the command that the connection runs.
pub(super) fn line(server: &Server, now: i64, id: u64, peer: &Peer, input: usize) -> String {
    let seconds = |since: i64| now.saturating_sub(since) / 1000;
    let (age, idle) = (seconds(peer.since), seconds(peer.active));
    let address = |address: Option<SocketAddr>| {
        address.map_or_else(|| "?:0".to_owned(), |address| address.to_string())
    };
    let (addr, laddr) = (
        address(peer.addresses.remote),
        address(peer.addresses.local),
    );
    let [sub, psub, ssub] = server.pubsub.count(id);
    let flags: String = [
        (server.monitors.contains(&id), 'O'),
        (sub + psub + ssub > 0, 'P'),
        (peer.queued.is_some(), 'x'),
        (server.is_blocked(id) || server.pause.contains(id), 'b'),
    ]
    .iter()
    .filter_map(|(is_set, flag)| is_set.then_some(*flag))
    .collect();
    let flags = if flags.is_empty() { "N" } else { &flags };
    let multi = peer.queued.and_then(|queued| i64::try_from(queued).ok());
    let multi = multi.unwrap_or(-1);
    let command = match peer.command {
        "" => "NULL".to_owned(),
        name => name.to_ascii_lowercase(),
    };
    let resp = match peer.outbox.protocol() {
        RespVersion::Resp2 => 2,
        RespVersion::Resp3 => 3,
    };
    let database = peer.database;
    let redirect = tracking::redirection(server, id);
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let (name, user) = (text(&peer.name), text(&peer.user));
    let [library, version] = peer.library.each_ref().map(text);
    format!(
        "id={id} addr={addr} laddr={laddr} fd=0 name={name} age={age} idle={idle} flags={flags} \
         db={database} sub={sub} psub={psub} ssub={ssub} multi={multi} qbuf={input} qbuf-free=0 \
         argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd={command} \
         user={user} redir={redirect} resp={resp} lib-name={library} lib-ver={version}\n"
    )
}

fn own_line(call: &Call<'_>, id: u64, peer: &Peer) -> String {
    let input = if id == call.client.id {
        request_size(call.args)
    } else {
        0
    };
    line(call.server, call.now, id, peer, input)
}

/// Returns the size of a command as it is sent.
fn request_size(args: &[Bytes]) -> usize {
    let header = |number: usize| number.to_string().len() + 3;
    let arg = |arg: &Bytes| header(arg.len()) + arg.len() + 2;
    header(args.len()) + args.iter().map(arg).sum::<usize>()
}

fn text(lines: &str) -> Frame {
    Frame::build(|reply| reply.verbatim(*b"txt", lines.as_bytes()))
}

pub(super) fn info(call: &mut Call<'_>) -> Reply {
    let peer = call.server.peers.get(&call.client.id);
    Ok(text(&peer.map_or_else(String::new, |peer| {
        own_line(call, call.client.id, peer)
    })))
}

/// `CLIENT LIST [TYPE type | ID id …]`.
pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let wanted = Wanted::parse(call.rest(2))?;
    let peers = call.server.peers.iter();
    let lines: String = peers
        .filter(|(id, _)| wanted.contains(call.server, **id))
        .map(|(id, peer)| own_line(call, *id, peer))
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
                // No connection has a number that is not positive.
                let id = |text: &Bytes| {
                    let id = number::integer(text).ok()?;
                    Some(u64::try_from(id).unwrap_or(0))
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
            Self::Subscribers(subscribed) => server.pubsub.is_subscriber(id) == *subscribed,
            Self::Nobody => false,
            Self::Listed(ids) => ids.contains(&id),
        }
    }
}
