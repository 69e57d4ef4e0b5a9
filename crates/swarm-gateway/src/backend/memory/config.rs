//! CONFIG: parameters and the values that they accept.

use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, ok};
use super::evict::Policy;
use super::glob;
use super::notify::{self, Flags};
use super::number;
use super::reject::Reject;

/// A parameter.
#[derive(Debug)]
struct Parameter {
    name: &'static str,
    default: &'static str,
    kind: Kind,
}

/// What a parameter accepts.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Immutable,
    YesOrNo,
    /// Bytes, with a unit such as `mb`.
    Memory,
    /// Bytes as above, but fewer than 2^63.
    Size,
    /// Seconds, or another number that is not negative, up to a maximum.
    Number(i64),
    /// A number from -1 on.
    FromMinusOne,
    /// A number of 32 bits.
    Integer,
    /// Pairs of numbers, or nothing.
    Save,
    /// Letters of keyspace notifications.
    Notifications,
    OneOf(&'static [&'static str]),
}

/// Channels of a new user.
const CHANNELS: &[&str] = &["allchannels", "resetchannels"];

const POLICIES: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

const fn parameter(name: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        default,
        kind,
    }
}

/// Milliseconds after which a script counts as too long.
const BUSY_LIMIT: &str = "busy-reply-threshold";

/// Milliseconds from which on a command counts as a latency spike, or 0.
const LATENCY_LIMIT: &str = "latency-monitor-threshold";
/// Microseconds from which on a command is in the slow log, or -1.
const SLOW_LIMIT: &str = "slowlog-log-slower-than";

static PARAMETERS: [Parameter; 26] = [
    parameter("acl-pubsub-default", "resetchannels", Kind::OneOf(CHANNELS)),
    parameter("acllog-max-len", "128", Kind::Number(i64::MAX)),
    parameter("appendonly", "no", Kind::YesOrNo),
    parameter(BUSY_LIMIT, "5000", Kind::Number(i64::MAX)),
    parameter("databases", "1", Kind::Immutable),
    parameter("hash-max-listpack-entries", "512", Kind::Number(i64::MAX)),
    parameter("hash-max-listpack-value", "64", Kind::Size),
    parameter("hll-sparse-max-bytes", "3000", Kind::Size),
    parameter(LATENCY_LIMIT, "0", Kind::Number(i64::MAX)),
    parameter("latency-tracking", "yes", Kind::YesOrNo),
    parameter("list-compress-depth", "0", Kind::Number(i64::MAX)),
    parameter("list-max-listpack-size", "-2", Kind::Integer),
    parameter("list-max-ziplist-size", "-2", Kind::Integer),
    parameter("maxmemory", "0", Kind::Memory),
    parameter("maxmemory-policy", "noeviction", Kind::OneOf(POLICIES)),
    parameter(notify::PARAMETER, "", Kind::Notifications),
    parameter("save", "", Kind::Save),
    parameter("set-max-intset-entries", "512", Kind::Number(i64::MAX)),
    parameter(SLOW_LIMIT, "10000", Kind::FromMinusOne),
    parameter("slowlog-max-len", "128", Kind::Number(i64::MAX)),
    parameter("stream-node-max-bytes", "4096", Kind::Size),
    parameter("stream-node-max-entries", "100", Kind::Number(i64::MAX)),
    parameter("timeout", "0", Kind::Number(2_147_483_647)),
    parameter("tracking-table-max-keys", "1000000", Kind::Number(i64::MAX)),
    parameter("zset-max-listpack-entries", "128", Kind::Number(i64::MAX)),
    parameter("zset-max-listpack-value", "64", Kind::Size),
];

/// Former names of parameters.
const ALIASES: [(&str, &str); 5] = [
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("lua-time-limit", BUSY_LIMIT),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
];

impl Kind {
    /// Returns the value as CONFIG GET shows it.
    fn accept(self, value: &[u8]) -> Result<Bytes, String> {
        let text = String::from_utf8_lossy(value).to_ascii_lowercase();
        Ok(match self {
            Self::Immutable => return Err("can't set immutable config".to_owned()),
            Self::YesOrNo if text == "yes" || text == "no" => text.into(),
            Self::YesOrNo => return Err("argument must be 'yes' or 'no'".to_owned()),
            Self::Memory => match memory(&text) {
                Some(bytes) => bytes.to_string().into(),
                None => return Err("argument must be a memory value".to_owned()),
            },
            Self::Size => match memory(&text) {
                Some(bytes) if i64::try_from(bytes).is_ok() => bytes.to_string().into(),
                Some(_) => {
                    return Err(format!(
                        "argument must be between 0 and {} inclusive",
                        i64::MAX
                    ));
                }
                None => return Err("argument must be a memory value".to_owned()),
            },
            Self::Number(most) => between(value, 0, most)?,
            Self::FromMinusOne => between(value, -1, i64::MAX)?,
            Self::Integer => match text.parse::<i32>() {
                Ok(_) => text.into(),
                Err(_) => return Err("argument couldn't be parsed into an integer".to_owned()),
            },
            Self::Save => {
                let numbers: Option<Vec<u32>> = text
                    .split_whitespace()
                    .map(|word| word.parse().ok())
                    .collect();
                if numbers.is_none_or(|numbers| numbers.len() % 2 == 1) {
                    return Err("Invalid save parameters".to_owned());
                }
                text.into()
            }
            Self::Notifications => match Flags::parse(&String::from_utf8_lossy(value)) {
                Some(flags) => flags.text().into(),
                None => {
                    return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned());
                }
            },
            Self::OneOf(words) if words.contains(&text.as_str()) => text.into(),
            Self::OneOf(words) => {
                let words = words.join(", ");
                return Err(format!("argument(s) must be one of the following: {words}"));
            }
        })
    }
}

/// Accepts an integer in a range.
fn between(value: &[u8], least: i64, most: i64) -> Result<Bytes, String> {
    match number::integer(value) {
        Ok(number) if (least..=most).contains(&number) => Ok(number.to_string().into()),
        Ok(_) => Err(format!(
            "argument must be between {least} and {most} inclusive"
        )),
        Err(_) => Err("argument couldn't be parsed into an integer".to_owned()),
    }
}

/// Parses a number of bytes with a unit.
fn memory(text: &str) -> Option<u64> {
    let end = text.find(|digit: char| !digit.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor = match unit {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    // As in C, a missing number is 0, one that is too large is the largest one, and the product
    // has 64 bits.
    let number = if number.is_empty() { "0" } else { number };
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    Some(number.wrapping_mul(factor))
}

/// Current values.
#[derive(Debug)]
pub(super) struct Config {
    values: BTreeMap<&'static str, Bytes>,
    /// Derived from the values, because each command needs it.
    rejects_above: Option<usize>,
    evicts_above: Option<(usize, Policy)>,
    recording: Recording,
}

/// What is recorded of the commands that run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recording {
    /// Microseconds from which on the slow log contains a command.
    pub(super) slow_micros: Option<u64>,
    /// Milliseconds from which on LATENCY shows a command, or 0 if it shows none.
    pub(super) latency_millis: u64,
    /// Whether there are histograms.
    pub(super) tracks_latency: bool,
}

impl Default for Config {
    fn default() -> Self {
        let value = |parameter: &Parameter| (parameter.name, parameter.default.into());
        Self {
            values: PARAMETERS.iter().map(value).collect(),
            rejects_above: None,
            evicts_above: None,
            recording: Recording {
                slow_micros: Some(10_000),
                latency_millis: 0,
                tracks_latency: true,
            },
        }
    }
}

impl Config {
    fn extend(&mut self, values: impl IntoIterator<Item = (&'static str, Bytes)>) {
        self.values.extend(values);
        let most = self.number("maxmemory");
        self.rejects_above = Some(most).filter(|most| *most > 0);
        let policy = Policy::named(self.value("maxmemory-policy"));
        self.evicts_above = self.rejects_above.zip(policy);
        let text = |name: &str| String::from_utf8_lossy(self.value(name)).into_owned();
        self.recording = Recording {
            slow_micros: text(SLOW_LIMIT).parse().ok(),
            latency_millis: text(LATENCY_LIMIT).parse().unwrap_or(0),
            tracks_latency: self.value("latency-tracking") == b"yes",
        };
    }

    /// Returns what is recorded of the commands that run.
    pub(super) const fn recording(&self) -> Recording {
        self.recording
    }

    /// Returns the number of bytes above which keys are evicted, and which ones.
    pub(super) const fn evicts_above(&self) -> Option<(usize, Policy)> {
        self.evicts_above
    }

    /// Returns the number of bytes above which commands that use more are rejected. What can be
    /// evicted has been.
    pub(super) const fn rejects_above(&self) -> Option<usize> {
        self.rejects_above
    }

    /// Returns the configuration of a server with a number of databases.
    pub(super) fn new(databases: usize) -> Self {
        let mut config = Self::default();
        let databases = databases.to_string().into();
        config.values.insert("databases", databases);
        config
    }

    /// Returns the value of a parameter that is a number, or 0.
    pub(super) fn number(&self, name: &str) -> usize {
        String::from_utf8_lossy(self.value(name))
            .parse()
            .unwrap_or(0)
    }

    pub(super) fn value(&self, name: &str) -> &[u8] {
        self.values.get(name).map(Bytes::as_ref).unwrap_or_default()
    }
}

/// Returns the former name of a parameter that is given, and the current one.
fn alias(name: &[u8]) -> Option<(&'static str, &'static str)> {
    let is_name = |(alias, _): &&(&str, &str)| alias.as_bytes().eq_ignore_ascii_case(name);
    ALIASES.iter().find(is_name).copied()
}

/// Returns a parameter, and the name by which it was given.
fn named(name: &[u8]) -> Option<(&'static Parameter, &'static str)> {
    let find = |name: &[u8]| {
        let is_name = |known: &&Parameter| known.name.as_bytes().eq_ignore_ascii_case(name);
        PARAMETERS.iter().find(is_name)
    };
    match alias(name) {
        Some((alias, current)) => Some((find(current.as_bytes())?, alias)),
        None => find(name).map(|parameter| (parameter, parameter.name)),
    }
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    let patterns: Vec<_> = call
        .rest(2)
        .iter()
        .map(|arg| arg.to_ascii_lowercase())
        .collect();
    let config = &call.server.config;
    let names = config
        .values
        .keys()
        .chain(ALIASES.iter().map(|(alias, _)| alias));
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            for name in names {
                if patterns
                    .iter()
                    .any(|pattern| glob::matches(pattern, name.as_bytes()))
                {
                    map.bulk(name.as_bytes());
                    let current = alias(name.as_bytes()).map_or(*name, |(_, current)| current);
                    map.bulk(config.value(current));
                }
            }
        });
    }))
}

fn failed(name: &str, why: &str) -> Reject {
    Reject::new(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"
    ))
}

/// Sets all parameters or none.
pub(super) fn set(call: &mut Call<'_>) -> Reply {
    let pairs = call.rest(2).chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Reject::SYNTAX);
    }
    let mut known: Vec<(&Parameter, &str, &Bytes)> = Vec::new();
    for pair in pairs {
        let [name, value] = pair else {
            return Err(Reject::SYNTAX);
        };
        let Some((parameter, name)) = named(name) else {
            return Err(Reject::quoting(&[
                b"ERR Unknown option or number of arguments for CONFIG SET - '",
                name,
                b"'",
            ]));
        };
        if matches!(parameter.kind, Kind::Immutable) {
            return Err(failed(name, "can't set immutable config"));
        }
        if known.iter().any(|(other, ..)| other.name == parameter.name) {
            return Err(failed(name, "duplicate parameter"));
        }
        known.push((parameter, name, value));
    }
    let mut notifications = call.server.notifications;
    let mut accepted = Vec::new();
    for (parameter, name, value) in known {
        if matches!(parameter.kind, Kind::Notifications) {
            notifications = Flags::parse(&String::from_utf8_lossy(value)).unwrap_or_default();
        }
        let value = parameter.kind.accept(value);
        accepted.push((parameter.name, value.map_err(|why| failed(name, &why))?));
    }
    call.server.config.extend(accepted);
    call.server.notifications = notifications;
    call.keyspace.publish(notifications.published());
    call.server.databases.publish(notifications.published());
    Ok(ok())
}

/// There is no file to rewrite.
pub(super) fn rewrite(_: &mut Call<'_>) -> Reply {
    Err(Reject::text(
        "ERR The server is running without a config file",
    ))
}

pub(super) fn resetstat(call: &mut Call<'_>) -> Reply {
    let expired = call.expired();
    let server = &mut *call.server;
    server.failed.clear();
    server.histograms.clear();
    server.counts_at_reset = call.client.faults.counts();
    call.client.faults.reset_errors();
    server.expired_at_reset = expired;
    server.connections_at_reset = server.connections;
    Ok(ok())
}
