//! When keys and fields of hashes expire: conditions, options and replies.

use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, FromFrame, ToArgs};

use super::option::option;
use super::ttl::Ttl;
use crate::command::{CommandOptions, milliseconds};
use crate::error::{Error, Result};

pub(super) const BEFORE_1970: &str = "the time is before 1970; remove the key with del";

pub(super) const ZERO: &str =
    "the time to live is zero; pass a longer one, or remove the key with del";

/// Condition for changing the time to live of a key or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExpireIf {
    /// Only if there is no time to live (`NX`).
    Persistent,
    /// Only if there is a time to live (`XX`).
    Expires,
    /// Only if the new time to live is longer than the current one (`GT`). No time to live counts
    /// as infinite.
    Later,
    /// Only if the new time to live is shorter than the current one (`LT`). No time to live counts
    /// as infinite.
    Sooner,
}

impl ToArgs for ExpireIf {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::Persistent => b"NX",
            Self::Expires => b"XX",
            Self::Later => b"GT",
            Self::Sooner => b"LT",
        });
    }
}

/// Change of the time to live that GETEX makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GetEx {
    /// Expires the key after this time: sent as `EX` for whole seconds, otherwise as `PX`.
    /// Fractions of a millisecond are rounded up; zero is rejected.
    Ttl(Duration),
    /// Expires the key at this time (`PXAT`), in milliseconds, rounded up.
    At(SystemTime),
    /// Removes the time to live (`PERSIST`).
    Persist,
}

impl ToArgs for GetEx {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self {
            Self::Ttl(ttl) if ttl.subsec_nanos() == 0 => option(sink, "EX", ttl.as_secs()),
            Self::Ttl(ttl) => option(sink, "PX", milliseconds(*ttl)),
            Self::At(time) => {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                option(sink, "PXAT", milliseconds(since.unwrap_or_default()));
            }
            Self::Persist => sink.arg(b"PERSIST"),
        }
    }
}

impl CommandOptions for GetEx {
    fn validate(&self) -> Result<()> {
        match self {
            Self::Ttl(Duration::ZERO) => Err(Error::argument(ZERO)),
            Self::At(time) if *time <= SystemTime::UNIX_EPOCH => Err(Error::argument(BEFORE_1970)),
            _ => Ok(()),
        }
    }
}

/// Time at which a key or a field expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpireTime {
    /// The key or the field does not exist.
    Missing,
    /// It does not expire.
    Persistent,
    /// It expires at this time, in the unit of the command.
    At(SystemTime),
}

impl ExpireTime {
    fn read(reply: FrameRef<'_>, unit: fn(u64) -> Duration) -> Result<Self, ConvertError> {
        let unexpected = || ConvertError::new("a time of expiry", reply);
        match reply.as_integer().ok_or_else(unexpected)? {
            -2 => Ok(Self::Missing),
            -1 => Ok(Self::Persistent),
            time => {
                let since = u64::try_from(time).map_err(|_| unexpected())?;
                let time = SystemTime::UNIX_EPOCH.checked_add(unit(since));
                time.map(Self::At).ok_or_else(unexpected)
            }
        }
    }
}

pub(in crate::commands) fn expire_time_seconds(reply: &Frame) -> Result<ExpireTime, ConvertError> {
    ExpireTime::read(reply.view(), Duration::from_secs)
}

pub(in crate::commands) fn expire_time_milliseconds(
    reply: &Frame,
) -> Result<ExpireTime, ConvertError> {
    ExpireTime::read(reply.view(), Duration::from_millis)
}

/// Result of changing the time to live of a field of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldExpiry {
    /// The hash or the field does not exist.
    Missing,
    /// The condition was not met.
    NotMet,
    /// The time to live was set.
    Set,
    /// The field was removed, because the time is in the past.
    Removed,
}

impl FromFrame for FieldExpiry {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match frame.as_integer() {
            Some(-2) => Ok(Self::Missing),
            Some(0) => Ok(Self::NotMet),
            Some(1) => Ok(Self::Set),
            Some(2) => Ok(Self::Removed),
            _ => Err(ConvertError::new(
                "the result of setting a time to live",
                frame,
            )),
        }
    }
}

/// Reads one value for each field; null if the hash does not exist.
fn of_fields<T>(
    reply: &Frame,
    read: impl Fn(FrameRef<'_>) -> Result<T, ConvertError>,
) -> Result<Vec<T>, ConvertError> {
    if reply.is_null() {
        return Ok(Vec::new());
    }
    let items = reply
        .items()
        .ok_or_else(|| ConvertError::new("a list", reply.view()))?;
    let read = |(at, item)| read(item).map_err(|error: ConvertError| error.at(at));
    items.enumerate().map(read).collect()
}

pub(in crate::commands) fn field_expiries(reply: &Frame) -> Result<Vec<FieldExpiry>, ConvertError> {
    of_fields(reply, FieldExpiry::from_frame)
}

/// Reads whether each field had a time to live; `None` for a missing field.
pub(in crate::commands) fn fields_persisted(
    reply: &Frame,
) -> Result<Vec<Option<bool>>, ConvertError> {
    of_fields(reply, |field| match field.as_integer() {
        Some(-2) => Ok(None),
        Some(-1) => Ok(Some(false)),
        Some(1) => Ok(Some(true)),
        _ => Err(ConvertError::new("the result of HPERSIST", field)),
    })
}

pub(in crate::commands) fn field_ttls_seconds(reply: &Frame) -> Result<Vec<Ttl>, ConvertError> {
    of_fields(reply, |field| Ttl::read(field, Duration::from_secs))
}

pub(in crate::commands) fn field_ttls_milliseconds(
    reply: &Frame,
) -> Result<Vec<Ttl>, ConvertError> {
    of_fields(reply, |field| Ttl::read(field, Duration::from_millis))
}

pub(in crate::commands) fn field_times_seconds(
    reply: &Frame,
) -> Result<Vec<ExpireTime>, ConvertError> {
    of_fields(reply, |field| ExpireTime::read(field, Duration::from_secs))
}

pub(in crate::commands) fn field_times_milliseconds(
    reply: &Frame,
) -> Result<Vec<ExpireTime>, ConvertError> {
    of_fields(reply, |field| {
        ExpireTime::read(field, Duration::from_millis)
    })
}
