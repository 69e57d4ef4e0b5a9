//! Commands that SwarmKeyDb knows, and the keys that each of them announces.

use bytes::Bytes;

use super::super::link;
use super::super::reject::Reject;
use super::super::table::{Run, Spec};
use super::super::transaction;
use super::{decoded, keys, pubsub, server, streams, strings, upper, watch};

/// Keys that WATCH and CLIENT TRACKING take for written once a command has succeeded, whether or
/// not it had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announces {
    Nothing,
    /// The argument at this position, which for some commands is no key.
    At(usize),
    /// All arguments.
    All,
    /// Every second argument.
    Pairs,
}

struct Row {
    spec: Spec,
    announces: Announces,
}

const fn reads(name: &'static str, run: super::super::table::Data) -> Row {
    Row {
        spec: Spec::upstream(name, Run::Data(run)),
        announces: Announces::Nothing,
    }
}

const fn writes(name: &'static str, run: super::super::table::Data, announces: Announces) -> Row {
    Row {
        announces,
        ..reads(name, run)
    }
}

const fn exec(name: &'static str) -> Row {
    Row {
        spec: Spec::upstream(name, Run::Exec).immediate(),
        announces: Announces::Nothing,
    }
}

const fn connection(name: &'static str, run: super::super::table::RunConnection) -> Row {
    Row {
        spec: Spec::upstream(name, Run::Connection(run)).immediate(),
        announces: Announces::Nothing,
    }
}

const fn script(name: &'static str) -> Row {
    Row {
        spec: Spec::upstream(name, Run::Script),
        announces: Announces::Nothing,
    }
}

use Announces::{All, At, Pairs};

/// Sorted by name.
#[rustfmt::skip]
static TABLE: &[Row] = &[
    reads("AUTHADDR", server::authaddr),
    reads("AUTHDID", server::authdid),
    reads("BACKENDMETA", server::backendmeta),
    reads("BACKUP", server::backup),
    reads("CLIENT", server::client),
    reads("COMMAND", server::command),
    reads("CONFIG", server::config),
    writes("DECR", strings::decr, At(1)),
    writes("DECRBY", strings::decrby, At(1)),
    writes("DEL", keys::del, All),
    connection("DISCARD", transaction::discard),
    reads("ECHO", server::echo),
    script("EVAL"),
    script("EVALSHA"),
    exec("EXEC"),
    reads("EXISTS", keys::exists),
    writes("EXPIRE", keys::expire, At(1)),
    writes("EXPIREAT", keys::expireat, At(1)),
    reads("GET", strings::get),
    writes("INCR", strings::incr, At(1)),
    writes("INCRBY", strings::incrby, At(1)),
    reads("INFO", server::info),
    reads("KEYS", keys::keys),
    writes("MDEL", keys::del, All),
    reads("MGET", strings::mget),
    writes("MSET", strings::mset, Pairs),
    writes("MSETNX", strings::msetnx, Pairs),
    connection("MULTI", transaction::multi),
    writes("PERSIST", keys::persist, At(1)),
    writes("PEXPIRE", keys::pexpire, At(1)),
    reads("PING", server::ping),
    writes("PSETEX", strings::psetex, At(1)),
    connection("PSUBSCRIBE", pubsub::psubscribe),
    reads("PTTL", keys::pttl),
    reads("PUBLISH", pubsub::publish),
    reads("PUBSUB", pubsub::pubsub),
    connection("PUNSUBSCRIBE", pubsub::punsubscribe),
    reads("QUIT", server::quit),
    connection("RESET", link::reset),
    reads("RESTOREDB", server::restoredb),
    reads("ROTATEKEY", server::rotatekey),
    reads("SCAN", keys::scan),
    reads("SCRIPT", server::script),
    writes("SET", strings::set, At(1)),
    writes("SETEX", strings::setex, At(1)),
    connection("SUBSCRIBE", pubsub::subscribe),
    reads("SWARM.RESYNC", server::resync),
    reads("TTL", keys::ttl),
    reads("TYPE", keys::type_of),
    connection("UNSUBSCRIBE", pubsub::unsubscribe),
    connection("UNWATCH", transaction::unwatch),
    connection("WATCH", watch::watch),
    writes("XACK", streams::xack, At(1)),
    writes("XADD", streams::xadd, At(1)),
    writes("XAUTOCLAIM", streams::xautoclaim, At(1)),
    writes("XCLAIM", streams::xclaim, At(1)),
    // The subcommand is taken for the key.
    writes("XGROUP", streams::xgroup, At(1)),
    reads("XLEN", streams::xlen),
    reads("XPENDING", streams::xpending),
    reads("XRANGE", streams::xrange),
    reads("XREAD", streams::xread),
    // The word GROUP is taken for the key.
    writes("XREADGROUP", streams::xreadgroup, At(1)),
    reads("XREVRANGE", streams::xrevrange),
    writes("XTRIM", streams::xtrim, At(1)),
];

fn row(name: &str) -> Option<&'static Row> {
    let found = TABLE.binary_search_by(|row| row.spec.name.cmp(name));
    found.ok().and_then(|at| TABLE.get(at))
}

/// Commands that HTTP does not know, because they need a connection.
const NEEDS_CONNECTION: [&str; 10] = [
    "DISCARD",
    "EXEC",
    "MULTI",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "RESET",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WATCH",
];

/// Returns the command that `args` call. Its arguments are checked when it runs.
pub(in super::super) fn find(args: &[Bytes], is_http: bool) -> Result<&'static Spec, Reject> {
    let name = upper(args.first().map_or(&[][..], Bytes::as_ref));
    (row(&name))
        .filter(|row| !is_http || !NEEDS_CONNECTION.contains(&row.spec.name))
        .map(|row| &row.spec)
        .ok_or_else(|| Reject::unknown_to_swarm(name.as_bytes()))
}

/// Returns the keys that a command announces.
pub(in super::super) fn announced(name: &str, args: &[Bytes]) -> Vec<Bytes> {
    let named = |at: usize| args.get(at..).unwrap_or_default().iter();
    match row(name).map_or(Announces::Nothing, |row| row.announces) {
        Announces::Nothing => Vec::new(),
        At(at) => named(at).take(1).map(decoded).collect(),
        All => named(1).map(decoded).collect(),
        Pairs => named(1).step_by(2).map(decoded).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn the_table_is_sorted() {
        for pair in TABLE.windows(2) {
            assert!(
                pair[0].spec.name < pair[1].spec.name,
                "{}",
                pair[1].spec.name
            );
        }
    }
}
