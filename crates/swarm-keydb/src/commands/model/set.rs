//! Options of SET: condition and expiry.

use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, ToArgs};

use super::expiry::{BEFORE_1970, ZERO};
use super::option::option;
use crate::command::{CommandOptions, milliseconds};
use crate::error::{Error, Result};

/// Options of SET: condition and expiry.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::SetOptions;
///
/// // A lock that expires after 30 s. SwarmKeyDb does not support `nx`; use `msetnx` there.
/// let lock = SetOptions::new().nx().ttl(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to set_with"]
pub struct SetOptions {
    condition: Option<Condition>,
    expiry: Option<Expiry>,
    /// Whether an option contradicts an earlier one.
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
    At(SystemTime),
    Keep,
}

impl SetOptions {
    /// Creates options without a condition and without expiry.
    pub const fn new() -> Self {
        Self {
            condition: None,
            expiry: None,
            contradiction: false,
        }
    }

    /// Sets the key only if it does not exist (`NX`). SwarmKeyDb does not support this option; use
    /// [`msetnx`](crate::StringCommands::msetnx) there.
    pub const fn nx(self) -> Self {
        self.condition(Condition::Missing)
    }

    /// Sets the key only if it exists (`XX`). SwarmKeyDb does not support this option.
    pub const fn xx(self) -> Self {
        self.condition(Condition::Exists)
    }

    /// Expires the key after this time: sent as `EX` for whole seconds, otherwise as `PX`.
    /// Fractions of a millisecond are rounded up; zero is rejected.
    pub const fn ttl(self, ttl: Duration) -> Self {
        self.expiry(Expiry::After(ttl))
    }

    /// Expires the key after this many seconds (`EX`).
    pub const fn ex(self, seconds: u64) -> Self {
        self.ttl(Duration::from_secs(seconds))
    }

    /// Expires the key after this many milliseconds (`PX`).
    pub const fn px(self, milliseconds: u64) -> Self {
        self.ttl(Duration::from_millis(milliseconds))
    }

    /// Expires the key at this time (`PXAT`), in milliseconds, rounded up. A time that has passed
    /// removes the key. SwarmKeyDb does not support this option.
    pub const fn expire_at(self, at: SystemTime) -> Self {
        self.expiry(Expiry::At(at))
    }

    /// Keeps the time to live of the key (`KEEPTTL`). SwarmKeyDb does not support this option.
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
}

impl CommandOptions for SetOptions {
    fn validate(&self) -> Result<()> {
        if self.contradiction {
            return Err(Error::argument(
                "options contradict each other; set at most one of nx and xx, and at most one of \
                 ttl, ex, px, expire_at and keepttl",
            ));
        }
        match self.expiry {
            Some(Expiry::After(Duration::ZERO)) => Err(Error::argument(ZERO)),
            Some(Expiry::At(time)) if time <= SystemTime::UNIX_EPOCH => {
                Err(Error::argument(BEFORE_1970))
            }
            _ => Ok(()),
        }
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
                option(sink, "EX", ttl.as_secs());
            }
            Some(Expiry::After(ttl)) => option(sink, "PX", milliseconds(ttl)),
            Some(Expiry::At(time)) => {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                option(sink, "PXAT", milliseconds(since.unwrap_or_default()));
            }
            Some(Expiry::Keep) => sink.arg(b"KEEPTTL"),
            None => {}
        }
    }
}

/// Reads the reply to a SET with a condition: OK if the key was set, null if the condition was not
/// met.
pub(in crate::commands) fn was_set(reply: &Frame) -> Result<bool, ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(true),
        None if reply.is_null() => Ok(false),
        _ => Err(ConvertError::new("OK or a null", reply.view())),
    }
}
