//! Where a command must run: on the node of a slot, on several, or on any.

use std::collections::BTreeMap;
use std::fmt::Write;

use swarm_resp::{ArgSink, Request, RequestArgs, RequestRef};
use swarm_transport::facts::{Facts, facts};

use super::slot::{slot_of, tag_of};
use crate::error::{Error, Result};

/// Where a command must run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// On the node that owns a slot.
    Slot(u16),
    /// In parts, one for each slot.
    Split(Split),
    /// On any node with slots.
    Any,
    /// On every node of a scope, whose replies are joined.
    Every(Scope, Join),
}

/// Nodes that a command without keys runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Primaries,
    Nodes,
}

/// How the replies of several nodes or parts become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// All must succeed; the reply is that of the first.
    AllSucceed,
    /// One must succeed.
    OneSucceeds,
    Sum,
    /// One list of all items.
    Concat,
    /// For each item, the minimum: whether all nodes say yes.
    MinOfItems,
    /// A random one that is not null.
    AnyValue,
    /// A list in the order of the original keys.
    Values,
}

/// A command that is sent in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) join: Join,
    /// How many arguments belong together: a key, or a key and its value.
    pub(super) step: usize,
    /// The positions of the keys by slot, counted in keys from 0.
    pub(super) slots: BTreeMap<u16, Vec<usize>>,
}

impl Split {
    /// Creates the request for the keys at some positions.
    pub(super) fn part(&self, request: RequestRef<'_>, keys: &[usize]) -> Request {
        let mut part = Request::builder("");
        let args: Vec<&[u8]> = request.args().collect();
        if let Some(name) = args.first() {
            ArgSink::arg(&mut part, name);
        }
        for key in keys {
            let first = 1 + key * self.step;
            for arg in args.iter().skip(first).take(self.step) {
                ArgSink::arg(&mut part, arg);
            }
        }
        part.build()
    }
}

/// Returns where a command must run.
///
/// # Errors
///
/// If the command cannot run in a cluster, or the client does not know where.
pub(super) fn target(args: &RequestArgs<'_>) -> Result<Target> {
    let facts = facts(args);
    if let Some(slot) = single_slot(args, facts) {
        return Ok(Target::Slot(slot));
    }
    let keys = keys(args, facts);
    if keys.is_empty() {
        return without_keys(facts);
    }
    let split = |join, step| {
        let mut slots: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            slots.entry(slot_of(key)).or_default().push(at);
        }
        Ok(Target::Split(Split { join, step, slots }))
    };
    match facts.words.0 {
        "MGET" => split(Join::Values, 1),
        "MSET" if args.clone().count() == 1 + 2 * keys.len() => split(Join::AllSucceed, 2),
        "DEL" | "UNLINK" | "EXISTS" | "TOUCH" => split(Join::Sum, 1),
        _ => Err(cross_slot(&keys)),
    }
}

/// Returns the slot of a command whose keys all have the same one.
fn single_slot(args: &RequestArgs<'_>, facts: &Facts) -> Option<u16> {
    if facts.words.0 == "SPUBLISH" {
        return args.clone().nth(1).map(slot_of);
    }
    let positions = facts.keys(args);
    let mut keys = args
        .clone()
        .enumerate()
        .filter(|(at, _)| positions.contains(*at));
    let slot = slot_of(keys.next()?.1);
    keys.all(|(_, key)| slot_of(key) == slot).then_some(slot)
}

fn keys<'a>(args: &RequestArgs<'a>, facts: &Facts) -> Vec<&'a [u8]> {
    let positions = facts.keys(args);
    let args = args.clone().enumerate();
    args.filter(|(at, _)| positions.contains(*at))
        .map(|(_, key)| key)
        .collect()
}

/// The keys belong to different slots. The error shows no key, only its slot and hash tag.
pub(super) fn cross_slot<'a>(keys: &[&'a [u8]]) -> Error {
    const SHOWN: usize = 4;
    let mut slots: Vec<(u16, Option<&'a [u8]>)> = Vec::new();
    for key in keys {
        let slot = slot_of(key);
        if !slots.iter().any(|(other, _)| *other == slot) {
            slots.push((slot, tag_of(key)));
        }
    }
    let mut text = String::from("the keys belong to different slots of the cluster: ");
    for (at, (slot, tag)) in slots.iter().take(SHOWN).enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        match tag {
            Some(tag) => write!(text, "{comma}{slot} (hash tag {{{}}})", tag.escape_ascii()).ok(),
            None => write!(text, "{comma}{slot} (no hash tag)").ok(),
        };
    }
    if let Some(more @ 1..) = slots.len().checked_sub(SHOWN) {
        write!(text, " and {more} more").ok();
    }
    text.push_str("; give them a common hash tag, such as {user1}, or send one command for each");
    Error::argument(text)
}

fn without_keys(facts: &Facts) -> Result<Target> {
    use Join::{AllSucceed, AnyValue, Concat, MinOfItems, OneSucceeds, Sum};
    use Scope::{Nodes, Primaries};
    let every = |scope, join| Ok(Target::Every(scope, join));
    match facts.words {
        ("PING" | "ECHO" | "TIME" | "PUBLISH" | "LOLWUT" | "COMMAND", _)
        | ("EVAL" | "EVAL_RO" | "EVALSHA" | "EVALSHA_RO" | "FCALL" | "FCALL_RO", _)
        | ("ACL", "WHOAMI" | "CAT" | "GENPASS" | "HELP")
        | ("CLUSTER", "SLOTS" | "SHARDS" | "NODES" | "INFO" | "KEYSLOT" | "HELP")
        | ("FUNCTION", "LIST" | "DUMP" | "HELP")
        | ("SCRIPT" | "OBJECT" | "XGROUP" | "XINFO" | "CONFIG" | "CLIENT" | "PUBSUB", "HELP") => {
            Ok(Target::Any)
        }
        ("FLUSHALL" | "FLUSHDB", _)
        | ("FUNCTION", "LOAD" | "DELETE" | "FLUSH" | "RESTORE")
        | ("MEMORY", "PURGE") => every(Primaries, AllSucceed),
        ("SCRIPT", "LOAD" | "FLUSH")
        | ("CONFIG", "SET")
        | ("SLOWLOG", "RESET")
        | ("LATENCY", "RESET") => every(Nodes, AllSucceed),
        ("SLOWLOG", "LEN") => every(Nodes, Sum),
        ("SCRIPT" | "FUNCTION", "KILL") => every(Primaries, OneSucceeds),
        ("SCRIPT", "EXISTS") => every(Primaries, MinOfItems),
        ("DBSIZE", _) => every(Primaries, Sum),
        ("KEYS", _) => every(Primaries, Concat),
        ("RANDOMKEY", _) => every(Primaries, AnyValue),
        ("SCAN", _) => Err(Error::argument(
            "a cursor belongs to one node of the cluster; use scan_stream",
        )),
        _ if !facts.is_known() => Err(Error::argument(
            "the client does not know which arguments of this command are keys; send it with \
             client.node_of(key), or client.node(address)",
        )),
        _ => Err(Error::argument(
            "this command concerns one node, not the cluster; send it with client.node(address), \
             for each of client.primaries()",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Result<Target> {
        let (name, args) = words.split_once(' ').unwrap_or((words, ""));
        let args: Vec<_> = args.split_ascii_whitespace().collect();
        target(&Request::new(name, args).args())
    }

    #[test]
    fn commands_go_to_the_slot_of_their_keys() {
        for (words, slot) in [
            ("GET foo", 12182),
            ("set foo 1", 12182),
            ("MGET {bar}1 {bar}2", 5061),
            ("MSET bar 1 foo{bar} 2", 5061),
            ("RENAME bar foo{bar}", 5061),
            ("EVAL script 1 foo other", 12182),
            ("XREADGROUP GROUP bar c STREAMS foo >", 12182),
            ("OBJECT ENCODING foo", 12182),
            ("SPUBLISH foo message", 12182),
            ("SORT foo STORE x{foo}", 12182),
        ] {
            assert_eq!(of(words).unwrap(), Target::Slot(slot), "{words}");
        }
    }

    #[test]
    fn some_commands_are_split_by_slot() {
        let mset = Request::new("MSET", ["foo", "1", "bar", "2", "x{foo}", "3"]);
        let Target::Split(split) = target(&mset.args()).unwrap() else {
            panic!("not split");
        };
        let parts = split
            .slots
            .iter()
            .map(|(slot, keys)| (*slot, split.part(mset.view(), keys)));
        let parts: Vec<_> = parts.collect();
        assert_eq!(
            parts,
            [
                (5061, Request::new("MSET", ["bar", "2"])),
                (12182, Request::new("MSET", ["foo", "1", "x{foo}", "3"])),
            ]
        );
        for (words, join) in [
            ("MGET foo bar", Join::Values),
            ("DEL foo bar", Join::Sum),
            ("UNLINK foo bar", Join::Sum),
            ("EXISTS foo bar foo", Join::Sum),
            ("TOUCH foo bar", Join::Sum),
        ] {
            match of(words).unwrap() {
                Target::Split(split) => assert_eq!((split.join, split.slots.len()), (join, 2)),
                other => panic!("{words}: {other:?}"),
            }
        }
    }

    #[test]
    fn keys_in_different_slots_are_refused_without_showing_them() {
        for words in [
            "RENAME foo secret",
            "MSETNX foo 1 secret 2",
            "SUNIONSTORE foo secret bar",
            "EVAL script 2 foo secret",
            "MSET foo 1 secret",
        ] {
            let error = of(words).unwrap_err();
            assert!(error.is_argument(), "{words}");
            let text = error.to_string();
            assert!(text.contains("12182 (no hash tag)"), "{text}");
            assert!(!text.contains("foo") && !text.contains("secret"), "{text}");
        }
        let error = of("RENAME a{user1} b{user\n2}").unwrap_err().to_string();
        assert!(error.contains("(hash tag {user1}"), "{error}");
        let many = of("SUNION a b c d e f").unwrap_err().to_string();
        assert!(many.contains(" and 2 more;"), "{many}");
    }

    #[test]
    fn commands_without_keys_go_to_any_node_or_to_all_of_them_or_are_refused() {
        use Join::{AllSucceed, Concat, Sum};
        for (words, expected) in [
            ("PING", Target::Any),
            ("PUBLISH c m", Target::Any),
            ("EVAL script 0", Target::Any),
            ("CLUSTER INFO", Target::Any),
            ("COMMAND COUNT", Target::Any),
            ("FLUSHALL", Target::Every(Scope::Primaries, AllSucceed)),
            ("DBSIZE", Target::Every(Scope::Primaries, Sum)),
            ("KEYS *", Target::Every(Scope::Primaries, Concat)),
            ("SCRIPT LOAD text", Target::Every(Scope::Nodes, AllSucceed)),
        ] {
            assert_eq!(of(words).unwrap(), expected, "{words}");
        }
        for (words, remedy) in [
            ("SCAN 0", "scan_stream"),
            ("INFO", "client.node(address)"),
            ("CLIENT LIST", "client.node(address)"),
            ("ACL SETUSER ann", "client.node(address)"),
            ("JSON.GET k", "client.node_of(key)"),
            ("GET", "client.node(address)"),
        ] {
            let error = of(words).unwrap_err();
            assert!(
                error.is_argument() && error.to_string().contains(remedy),
                "{words}: {error}"
            );
        }
    }
}
