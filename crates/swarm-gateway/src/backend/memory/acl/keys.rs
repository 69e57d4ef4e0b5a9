//! The keys and channels of a command, and how it uses them.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use swarm_resp::Request;
use swarm_transport::facts;

use super::super::traits::Traits;

const TEXT: &str = include_str!("key_access.txt");

static BY_NAME: LazyLock<HashMap<&'static str, [Access; 2]>> = LazyLock::new(|| {
    let lines = TEXT.lines().filter_map(|line| line.split_once(": "));
    let named = lines.flat_map(|(access, names)| {
        let mut access = access.split(' ').map(Access::parse);
        let [first, rest] = [access.next(), access.next()].map(Option::unwrap_or_default);
        names.split(' ').map(move |name| (name, [first, rest]))
    });
    named.collect()
});

/// What a command does with a key, or a pattern allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) reads: bool,
    pub(super) writes: bool,
}

impl Access {
    pub(super) const BOTH: Self = Self {
        reads: true,
        writes: true,
    };

    fn parse(text: &str) -> Self {
        Self {
            reads: text.contains('R'),
            writes: text.contains('W'),
        }
    }

    pub(super) const fn includes(self, other: Self) -> bool {
        (self.reads || !other.reads) && (self.writes || !other.writes)
    }
}

/// Returns what a command does with its first key and with the others.
fn access(name: &str, args: &[Bytes]) -> [Access; 2] {
    let has = |word: &str| {
        let mut options = args.iter().skip(2);
        options.any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let access = match name {
        "SET" if !has("GET") => "W",
        "BITFIELD" if !has("SET") && !has("INCRBY") => "R",
        name => return BY_NAME.get(name).copied().unwrap_or([Access::BOTH; 2]),
    };
    [Access::parse(access); 2]
}

/// Returns the positions of a command's keys, and what it does with each.
pub(super) fn keys(name: &str, args: &[Bytes]) -> Vec<(usize, Access)> {
    let (first, sub) = name.split_once('|').unwrap_or((name, ""));
    let facts = facts::named(first.as_bytes(), sub.as_bytes());
    // Sharded channels have places, too, but are no keys.
    let is_keyless = Traits::of(name).is_some() && !BY_NAME.contains_key(name);
    if facts.key_places().is_empty() || is_keyless {
        return Vec::new();
    }
    let [first, rest] = access(name, args);
    let request = Request::new("", args);
    let positions = facts.keys(&request.args());
    let positions = positions.iter().filter(|at| *at < args.len());
    let accesses = std::iter::once(first).chain(std::iter::repeat(rest));
    positions.zip(accesses).collect()
}

/// Returns the positions of the channels that a command publishes to or subscribes to, and whether
/// they are patterns.
pub(super) fn channels(name: &str, args: &[Bytes]) -> (std::ops::Range<usize>, bool) {
    match name {
        "PUBLISH" | "SPUBLISH" => (1..2.min(args.len()), false),
        "SUBSCRIBE" | "SSUBSCRIBE" => (1..args.len(), false),
        "PSUBSCRIBE" => (1..args.len(), true),
        _ => (0..0, false),
    }
}
