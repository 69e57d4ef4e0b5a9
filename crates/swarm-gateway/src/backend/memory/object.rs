//! OBJECT: how Redis would store a value, and when it was used last.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count};
use super::keyspace::{Origin, Value};
use super::number;
use super::reject::Reject;
use super::sets::Set;
use super::table::{Reads, Run, Spec, data, spec};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    spec("MEMORY", -2, Run::Container),
    data("MEMORY|USAGE", -3, memory_usage).reads(Reads::Second),
    spec("OBJECT", -2, Run::Container),
    data("OBJECT|ENCODING", 3, encoding).reads(Reads::Second),
    data("OBJECT|FREQ", 3, freq).reads(Reads::Second),
    data("OBJECT|HELP", 2, help),
    data("OBJECT|IDLETIME", 3, idletime).reads(Reads::Second),
    data("OBJECT|REFCOUNT", 3, refcount).reads(Reads::Second),
];

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Return the kind of internal representation used in order to store the value",
    "    associated with a <key>.",
    "FREQ <key>",
    "    Return the access frequency index of the <key>. The returned integer is",
    "    proportional to the logarithm of the recent access frequency of the key.",
    "IDLETIME <key>",
    "    Return the idle time of the <key>, that is the approximated number of",
    "    seconds elapsed since the last access to the key.",
    "REFCOUNT <key>",
    "    Return the number of references of the value associated with the specified",
    "    <key>.",
    "HELP",
    "    Prints this help.",
];

const NO_FREQUENCY: Reject = Reject::text(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
     when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const NO_IDLE_TIME: Reject = Reject::text(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// Longest string that Redis stores inside the object.
const EMBEDDED: usize = 44;
/// Longest string that may be an integer.
const LONGEST_INTEGER: usize = 20;
/// Integers below this one share an object.
const SHARED: i64 = 10_000;

/// Returns the integer that Redis stores instead of a string.
fn stored_integer(value: &[u8], origin: Origin) -> Option<i64> {
    let fits = origin == Origin::Written && value.len() <= LONGEST_INTEGER;
    fits.then(|| number::integer(value).ok()).flatten()
}

impl Value {
    /// Returns the name of the encoding.
    fn encoding(&self, origin: Origin) -> &'static str {
        match self {
            Self::String(value) if stored_integer(value, origin).is_some() => "int",
            Self::String(_) if origin == Origin::Modified => "raw",
            Self::String(value) if value.len() <= EMBEDDED => "embstr",
            Self::String(_) => "raw",
            Self::List(_) => "quicklist",
            Self::Hash(hash) if hash.is_large() => "hashtable",
            Self::Set(set) => match **set {
                Set::Integers(_) => "intset",
                Set::Members(_) => "hashtable",
            },
            Self::SortedSet(set) if set.is_large() => "skiplist",
            Self::Hash(_) | Self::SortedSet(_) => "listpack",
            Self::Stream(_) | Self::Swarm(_) => "stream",
        }
    }
}

/// Calls a function with the value of a key, or replies with null.
fn with_value(
    call: &Call<'_>,
    reply: impl FnOnce(&Value, Origin) -> Result<Frame, Reject>,
) -> Reply {
    let key = call.arg(2);
    match call.keyspace.peek(key) {
        Some(value) => reply(value, call.keyspace.origin(key)),
        None => Ok(Frame::null()),
    }
}

fn encoding(call: &mut Call<'_>) -> Reply {
    with_value(call, |value, origin| {
        Ok(Frame::bulk(value.encoding(origin)))
    })
}

fn refcount(call: &mut Call<'_>) -> Reply {
    with_value(call, |value, origin| {
        let integer = match value {
            Value::String(value) => stored_integer(value, origin),
            _ => None,
        };
        let is_shared = integer.is_some_and(|integer| (0..SHARED).contains(&integer));
        Ok(Frame::integer(if is_shared { i32::MAX.into() } else { 1 }))
    })
}

fn is_lfu(call: &Call<'_>) -> bool {
    call.server
        .config
        .value("maxmemory-policy")
        .ends_with(b"lfu")
}

fn freq(call: &mut Call<'_>) -> Reply {
    let tracked = is_lfu(call);
    // Frequencies are not counted; this is the value of a new key.
    with_value(call, |_, _| match tracked {
        true => Ok(Frame::integer(5)),
        false => Err(NO_FREQUENCY),
    })
}

fn idletime(call: &mut Call<'_>) -> Reply {
    if is_lfu(call) {
        return with_value(call, |_, _| Err(NO_IDLE_TIME));
    }
    let idle = call.keyspace.idle(call.arg(2), call.now);
    with_value(call, |_, _| Ok(Frame::integer(idle)))
}

fn help(_: &mut Call<'_>) -> Reply {
    Ok(Frame::array(
        &HELP
            .iter()
            .map(|line| Frame::simple(*line))
            .collect::<Vec<_>>(),
    ))
}

/// `MEMORY USAGE key [SAMPLES count]`: the approximate number of bytes.
fn memory_usage(call: &mut Call<'_>) -> Reply {
    /// Used by Redis for the entry of the key and the object.
    const OVERHEAD: usize = 56;
    let mut options = call.rest(3);
    while let Some((option, rest)) = options.split_first() {
        let (true, [samples, rest @ ..]) = (option.eq_ignore_ascii_case(b"SAMPLES"), rest) else {
            return Err(Reject::SYNTAX);
        };
        if number::integer(samples)? < 0 {
            return Err(Reject::SYNTAX);
        }
        options = rest;
    }
    let key: &Bytes = call.arg(2);
    let value = call.keyspace.peek(key);
    Ok(value.map_or_else(Frame::null, |value| {
        count(OVERHEAD + key.len() + value.size())
    }))
}
