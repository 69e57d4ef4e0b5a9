//! INFO, CONFIG, COMMAND, CLIENT, and the connection commands of SwarmKeyDb.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::super::call::{Call, Reply, count, ok};
use super::super::reject::Reject;
use super::super::server::Peer;
use super::super::{admin, connection, glob, script, tracking};
use super::{Naming, arity, number, upper, wrong_number};

pub(super) fn ping(call: &mut Call<'_>) -> Reply {
    Ok(match call.rest(1) {
        [] => Frame::simple("PONG"),
        [message, ..] => Frame::bulk(message.clone()),
    })
}

pub(super) fn echo(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    connection::echo(call)
}

/// QUIT in a transaction or a request: the connection stays.
pub(super) fn quit(_: &mut Call<'_>) -> Reply {
    Ok(ok())
}

/// `INFO [section]`.
pub(super) fn info(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() <= 2, Naming::Upper)?;
    let wanted = String::from_utf8_lossy(call.arg(1)).to_lowercase();
    let clients = (call.server.peers.values())
        .filter(|peer| peer.connected())
        .count();
    let keyspace = &call.keyspace;
    let memory = |name: &str| call.server.swarm_setting(name);
    let sections = [
        (
            "Server",
            "redis_version:7.0.0\r\nswarmkeydb_version:0.1.0\r\nuptime_in_seconds:0\r\n".to_owned(),
        ),
        ("Clients", format!("connected_clients:{clients}\r\n")),
        (
            "Memory",
            format!(
                "used_memory:0\r\nmaxmemory:{}\r\nmaxmemory_policy:{}\r\n",
                memory("maxmemory"),
                memory("maxmemory-policy")
            ),
        ),
        (
            "Stats",
            "total_commands_processed:0\r\nexpired_keys:0\r\nevicted_keys:0\r\n".to_owned(),
        ),
        (
            "Replication",
            "role:master\r\nconnected_slaves:0\r\n".to_owned(),
        ),
        (
            "CPU",
            "used_cpu_sys:0\r\nused_cpu_user:0\r\nused_cpu_sys_children:0\r\n\
             used_cpu_user_children:0\r\n"
                .to_owned(),
        ),
        (
            "Keyspace",
            format!(
                "db0:keys={},expires={},avg_ttl=0\r\n",
                keyspace.len(),
                keyspace.expiring()
            ),
        ),
    ];
    let text: String = (sections.iter())
        .filter(|(name, _)| matches!(wanted.as_str(), "" | "all") || name.to_lowercase() == wanted)
        .map(|(name, lines)| format!("# {name}\r\n{lines}"))
        .collect();
    Ok(Frame::bulk(text))
}

/// Parses a size: digits, and perhaps `kb`, `mb`, or `gb`.
fn size(text: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let (digits, scale) = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)]
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))
        .unwrap_or((text.as_str(), 1_i64));
    number::at_least(0, digits.as_bytes())
        .ok()?
        .checked_mul(scale)
}

/// Eviction policies that the server knows.
const POLICIES: [&str; 8] = [
    "allkeys-lfu",
    "allkeys-lru",
    "allkeys-random",
    "noeviction",
    "volatile-lfu",
    "volatile-lru",
    "volatile-random",
    "volatile-ttl",
];

/// Returns the form in which a setting is stored, or `None` if it is not valid.
fn setting(name: &str, value: &Bytes) -> Option<Bytes> {
    let text = match name {
        "maxmemory" => size(value)?.to_string(),
        "maxmemory-policy" => {
            let value = String::from_utf8_lossy(value).to_lowercase();
            POLICIES.contains(&value.as_str()).then_some(value)?
        }
        _ => number::at_least(1, value).ok()?.to_string(),
    };
    Some(text.into())
}

pub(super) fn config(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    match (call.arg(1).to_ascii_uppercase().as_slice(), call.rest(2)) {
        (b"GET", [pattern]) => {
            let found: Vec<_> = (call.server.swarm_config.iter())
                .filter(|(name, _)| glob::matches(pattern, name.as_bytes()))
                .collect();
            // The only map that a request with typed JSON gets; an empty one is a list.
            let typed = call.client.is_http && call.protocol == RespVersion::Resp3;
            let put = |builder: &mut FrameBuilder| {
                for (name, value) in &found {
                    builder.bulk(name.as_bytes());
                    builder.bulk(value);
                }
            };
            Ok(Frame::build(|reply| match typed && !found.is_empty() {
                true => reply.map(put),
                false => reply.array(put),
            }))
        }
        (b"SET", [name, value]) => {
            let name = String::from_utf8_lossy(name);
            let known = (call.server.swarm_config.iter_mut()).find(|(known, _)| **known == name);
            let Some((known, stored)) = known else {
                return Err(Reject::text("ERR Unsupported CONFIG parameter"));
            };
            let invalid = || Reject::new(format!("ERR Invalid argument '{known}'"));
            *stored = setting(known, value).ok_or_else(invalid)?;
            Ok(ok())
        }
        (b"RESETSTAT" | b"REWRITE", []) => Ok(ok()),
        _ => Err(arity(call, Naming::UpperCommand)),
    }
}

/// Error for an unknown subcommand of CLIENT or COMMAND.
fn unknown_subcommand(container: &str) -> Reject {
    Reject::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{container}'"
    ))
}

pub(super) fn client(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let is_http = call.client.is_http;
    match (call.arg(1).to_ascii_uppercase().as_slice(), call.rest(2)) {
        (b"ID", []) if is_http => Ok(Frame::integer(0)),
        (b"ID", []) => connection::id(call),
        (b"GETNAME", []) => connection::getname(call),
        (b"SETNAME", [_]) if is_http => Err(Reject::text(
            "ERR CLIENT SETNAME is only available for connected clients",
        )),
        (b"SETNAME", [name]) if name.is_empty() || name.contains(&b' ') => Err(Reject::text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        )),
        (b"SETNAME", [name]) => {
            let name = Bytes::copy_from_slice(name);
            if let Some(peer) = call.server.peers.get_mut(&call.client.id) {
                peer.name = name;
            }
            Ok(ok())
        }
        (b"INFO", []) if is_http => Ok(Frame::bulk(
            "id=0 addr=unknown name= cmd=unknown age=0 idle=0 flags=N db=0",
        )),
        (b"INFO", []) => {
            let peer = call.server.peers.get(&call.client.id);
            let age = peer.map_or(0, |peer| call.now.saturating_sub(peer.since) / 1000);
            let line = peer
                .map(|peer| line(call.client.id, peer))
                .unwrap_or_default();
            Ok(Frame::bulk(format!(
                "{line} age={age} idle=0 flags=N db=0 cmd=CLIENT"
            )))
        }
        (b"LIST", []) => {
            let peers = call
                .server
                .peers
                .iter()
                .filter(|(_, peer)| peer.connected());
            let lines: Vec<_> = peers
                .map(|(id, peer)| format!("{} cmd=CLIENT", line(*id, peer)))
                .collect();
            Ok(Frame::bulk(lines.join("\n") + "\n"))
        }
        (b"TRACKING", [switch, ..]) if !is_http => tracking_of(call, switch),
        _ => Err(unknown_subcommand("CLIENT")),
    }
}

/// Returns the beginning of a line of CLIENT LIST.
fn line(id: u64, peer: &Peer) -> String {
    let name = String::from_utf8_lossy(&peer.name);
    format!("id={id} addr={} name={name}", peer.address())
}

/// Any options are accepted, and have no effect.
fn tracking_of(call: &mut Call<'_>, switch: &Bytes) -> Reply {
    match switch.to_ascii_uppercase().as_slice() {
        b"ON" => tracking::track_everything(call, true),
        b"OFF" => tracking::track_everything(call, false),
        _ => Err(Reject::text("ERR syntax error in CLIENT TRACKING command")),
    }
}

pub(super) fn script(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let subcommand = upper(call.arg(1));
    let wrong = wrong_number(&format!("SCRIPT|{subcommand}"));
    match (subcommand.as_str(), call.rest(2)) {
        ("LOAD", [_]) => script::script_load(call),
        ("EXISTS", [_, ..]) => script::script_exists(call),
        ("FLUSH", _) => script::script_flush(call),
        ("KILL", _) => script::script_kill(call),
        ("LOAD" | "EXISTS", _) => Err(wrong),
        _ => Err(Reject::joined(&[
            b"ERR unknown subcommand '",
            call.arg(1),
            b"' for 'SCRIPT'",
        ])),
    }
}

/// Name, arity, and flags of the commands that COMMAND knows.
#[rustfmt::skip]
const COMMANDS: [(&str, i64, &[&str]); 47] = [
    ("backendmeta", 2, &["readonly"]),
    ("backup", 1, &["admin"]),
    ("client", -2, &["readonly"]),
    ("command", -1, &["readonly"]),
    ("config", -2, &["admin"]),
    ("decr", 2, &["write", "fast"]),
    ("decrby", 3, &["write", "fast"]),
    ("del", -2, &["write"]),
    ("discard", 1, &["transaction"]),
    ("echo", 2, &["fast"]),
    ("eval", -3, &["scripting"]),
    ("evalsha", -3, &["scripting"]),
    ("exec", 1, &["transaction"]),
    ("exists", -2, &["readonly"]),
    ("expire", 3, &["write"]),
    ("expireat", 3, &["write"]),
    ("get", 2, &["readonly", "fast"]),
    ("incr", 2, &["write", "fast"]),
    ("incrby", 3, &["write", "fast"]),
    ("info", -1, &["readonly"]),
    ("keys", 2, &["readonly"]),
    ("mget", -2, &["readonly"]),
    ("mset", -3, &["write"]),
    ("msetnx", -3, &["write"]),
    ("multi", 1, &["transaction"]),
    ("persist", 2, &["write"]),
    ("pexpire", 3, &["write"]),
    ("ping", -1, &["fast"]),
    ("psetex", 4, &["write"]),
    ("psubscribe", -2, &["pubsub"]),
    ("pttl", 2, &["readonly"]),
    ("publish", 3, &["pubsub"]),
    ("pubsub", -2, &["pubsub"]),
    ("punsubscribe", -1, &["pubsub"]),
    ("restoredb", -2, &["admin"]),
    ("rotatekey", 3, &["admin"]),
    ("scan", -2, &["readonly"]),
    ("script", -2, &["scripting"]),
    ("set", -3, &["write"]),
    ("setex", 4, &["write"]),
    ("subscribe", -2, &["pubsub"]),
    ("swarm.resync", -1, &["admin"]),
    ("ttl", 2, &["readonly"]),
    ("type", 2, &["readonly"]),
    ("unsubscribe", -1, &["pubsub"]),
    ("unwatch", 1, &["transaction"]),
    ("watch", -2, &["transaction"]),
];

fn put_row(array: &mut FrameBuilder, (name, arity, flags): &(&str, i64, &[&str])) {
    array.array(|row| {
        row.bulk(name.as_bytes());
        row.integer(*arity);
        row.array(|list| flags.iter().for_each(|flag| list.bulk(flag.as_bytes())));
        (0..3).for_each(|_| row.integer(1));
    });
}

pub(super) fn command(call: &mut Call<'_>) -> Reply {
    let named = |name: &Bytes| {
        let name = String::from_utf8_lossy(name).to_lowercase();
        COMMANDS.iter().find(|(known, ..)| *known == name)
    };
    let names = call.rest(2);
    let subcommand = call.rest(1).first().map(|sub| sub.to_ascii_uppercase());
    match (subcommand.as_deref(), names) {
        (None, _) => Ok(Frame::build(|reply| {
            reply.array(|array| COMMANDS.iter().for_each(|row| put_row(array, row)));
        })),
        (Some(b"COUNT"), []) => Ok(count(COMMANDS.len())),
        (Some(b"INFO"), _) => Ok(Frame::build(|reply| {
            reply.array(|array| {
                for name in names {
                    match named(name) {
                        Some(row) => put_row(array, row),
                        None => array.null(),
                    }
                }
            });
        })),
        (Some(b"DOCS"), _) => Ok(Frame::build(|reply| {
            reply.array(|array| {
                for name in names {
                    match named(name) {
                        Some((name, ..)) => array.array(|docs| {
                            let name = name.to_uppercase();
                            docs.bulk(b"summary");
                            docs.bulk(format!("SwarmKeyDb support for {name}.").as_bytes());
                            docs.bulk(b"since");
                            docs.bulk(b"1.0");
                        }),
                        None => array.null(),
                    }
                }
            });
        })),
        _ => Err(unknown_subcommand("COMMAND")),
    }
}

/// Checks the number of arguments of a command whose service the gateway only imitates.
fn imitated(
    call: &mut Call<'_>,
    fits: bool,
    naming: Naming,
    run: fn(&mut Call<'_>) -> Reply,
) -> Reply {
    call.expects(fits, naming)?;
    run(call)
}

pub(super) fn backup(call: &mut Call<'_>) -> Reply {
    imitated(call, call.args.len() == 1, Naming::AsTyped, admin::backup)
}

pub(super) fn restoredb(call: &mut Call<'_>) -> Reply {
    let fits = matches!(call.args.len(), 2 | 3);
    imitated(call, fits, Naming::Upper, admin::restoredb)
}

pub(super) fn rotatekey(call: &mut Call<'_>) -> Reply {
    imitated(
        call,
        call.args.len() == 3,
        Naming::AsTyped,
        admin::rotatekey,
    )
}

pub(super) fn backendmeta(call: &mut Call<'_>) -> Reply {
    imitated(
        call,
        call.args.len() == 2,
        Naming::AsTyped,
        admin::backendmeta,
    )
}

pub(super) fn resync(call: &mut Call<'_>) -> Reply {
    let fits = call.args.len() <= 2;
    imitated(call, fits, Naming::UpperCommand, admin::resync)
}

pub(super) fn authaddr(call: &mut Call<'_>) -> Reply {
    imitated(call, call.args.len() == 2, Naming::AsTyped, admin::identity)
}

pub(super) fn authdid(call: &mut Call<'_>) -> Reply {
    let fits = call.args.len() >= 2;
    imitated(call, fits, Naming::UpperCommand, admin::identity)
}
