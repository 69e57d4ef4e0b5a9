//! Arguments and replies of commands, where a plain type would not say enough.

use std::time::Duration;

use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, ToArg, ToArgs};

use crate::error::{Error, Result};

/// Conditions and expiry of a SET.
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::SetOptions;
///
/// // A lock: only if nobody holds it, and for half a minute at most.
/// let lock = SetOptions::new().nx().ttl(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to set_with"]
pub struct SetOptions {
    condition: Option<Condition>,
    expiry: Option<Expiry>,
    /// An option was given that contradicts an earlier one.
    contradiction: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Missing,
    Exists,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    After(Duration),
    Keep,
}

impl SetOptions {
    /// No condition, and no expiry.
    pub const fn new() -> Self {
        Self {
            condition: None,
            expiry: None,
            contradiction: false,
        }
    }

    /// Only if the key is missing (`NX`).
    pub const fn nx(self) -> Self {
        self.condition(Condition::Missing)
    }

    /// Only if the key exists (`XX`).
    pub const fn xx(self) -> Self {
        self.condition(Condition::Exists)
    }

    /// Expire after this time: sent as `EX` when it is whole seconds, else as `PX`; fractions of a millisecond are
    /// rounded up.
    pub const fn ttl(self, ttl: Duration) -> Self {
        self.expiry(Expiry::After(ttl))
    }

    /// Expire after so many seconds (`EX`).
    pub const fn ex(self, seconds: u64) -> Self {
        self.ttl(Duration::from_secs(seconds))
    }

    /// Expire after so many milliseconds (`PX`).
    pub const fn px(self, milliseconds: u64) -> Self {
        self.ttl(Duration::from_millis(milliseconds))
    }

    /// Keep the time to live that the key has (`KEEPTTL`).
    pub const fn keepttl(self) -> Self {
        self.expiry(Expiry::Keep)
    }

    const fn condition(mut self, condition: Condition) -> Self {
        self.contradiction |= self.condition.is_some();
        self.condition = Some(condition);
        self
    }

    const fn expiry(mut self, expiry: Expiry) -> Self {
        self.contradiction |= self.expiry.is_some();
        self.expiry = Some(expiry);
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.contradiction {
            return Err(Error::argument(
                "options contradict each other: give at most one of nx and xx, and one of ttl, ex, px and keepttl",
            ));
        }
        if self.expiry == Some(Expiry::After(Duration::ZERO)) {
            return Err(Error::argument(
                "a time to live of zero; give a longer one, or use del",
            ));
        }
        Ok(())
    }
}

impl ToArgs for SetOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self.condition {
            Some(Condition::Missing) => sink.arg(b"NX"),
            Some(Condition::Exists) => sink.arg(b"XX"),
            None => {}
        }
        match self.expiry {
            Some(Expiry::After(ttl)) if ttl.subsec_nanos() == 0 => {
                sink.arg(b"EX");
                sink.arg(&ttl.as_secs().to_arg());
            }
            Some(Expiry::After(ttl)) => {
                sink.arg(b"PX");
                sink.arg(&milliseconds(ttl).to_arg());
            }
            Some(Expiry::Keep) => sink.arg(b"KEEPTTL"),
            None => {}
        }
    }
}

/// A duration as the server counts it, rounded up so that it is never shorter than asked for.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A SET with a condition: OK when it was set, a null when the condition did not hold.
pub(super) fn was_set(reply: &Frame) -> Result<bool, ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(true),
        None if reply.is_null() => Ok(false),
        _ => Err(ConvertError::new("OK or a null", reply.view())),
    }
}

pub(super) fn was_ok(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(()),
        _ => Err(ConvertError::new("OK", reply.view())),
    }
}

pub(super) fn was_pong(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"PONG") => Ok(()),
        _ => Err(ConvertError::new("PONG", reply.view())),
    }
}

/// How long a key has to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// There is no such key.
    Missing,
    /// The key stays until it is removed.
    Persistent,
    /// The key goes after this time, as far as the command counts it: zero is less than one unit.
    Expires(Duration),
}

impl Ttl {
    /// The time that is left, if the key exists and expires.
    pub const fn remaining(self) -> Option<Duration> {
        match self {
            Self::Expires(left) => Some(left),
            Self::Missing | Self::Persistent => None,
        }
    }

    fn from_reply(reply: &Frame, unit: fn(u64) -> Duration) -> Result<Self, ConvertError> {
        match reply.as_integer() {
            Some(-2) => Ok(Self::Missing),
            Some(-1) => Ok(Self::Persistent),
            Some(left @ 0..) => Ok(Self::Expires(unit(left.unsigned_abs()))),
            _ => Err(ConvertError::new("a time to live", reply.view())),
        }
    }
}

pub(super) fn ttl_seconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::from_reply(reply, Duration::from_secs)
}

pub(super) fn ttl_milliseconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::from_reply(reply, Duration::from_millis)
}

/// What a server says of itself in its answer to HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerInfo {
    /// `swarmkeydb`, `redis`, …
    pub server: String,
    /// The server's version.
    pub version: String,
    /// The protocol that the connection speaks: 2 or 3.
    pub proto: i64,
    /// The connection's number.
    pub id: i64,
    /// `standalone`, `cluster`, …
    pub mode: String,
    /// `master` or `replica`.
    pub role: String,
}

impl ServerInfo {
    /// Reads a map, or the flat array that stands for it in RESP2. Fields it does not know are passed over.
    pub(super) fn from_reply(reply: &Frame) -> Result<Self, ConvertError> {
        let mut items = reply
            .items()
            .ok_or_else(|| ConvertError::new("a map", reply.view()))?;
        let mut info = Self::default();
        let text = |value: FrameRef<'_>| value.as_str().unwrap_or_default().to_owned();
        while let (Some(name), Some(value)) = (items.next(), items.next()) {
            match name.as_str() {
                Some("server") => info.server = text(value),
                Some("version") => info.version = text(value),
                Some("proto") => info.proto = value.as_integer().unwrap_or_default(),
                Some("id") => info.id = value.as_integer().unwrap_or_default(),
                Some("mode") => info.mode = text(value),
                Some("role") => info.role = text(value),
                _ => {}
            }
        }
        Ok(info)
    }
}
