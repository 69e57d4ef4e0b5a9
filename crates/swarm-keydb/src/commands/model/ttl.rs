//! Time to live of keys.

use std::time::Duration;

use swarm_resp::{ConvertError, Frame};

/// Remaining time to live of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// The key does not exist.
    Missing,
    /// The key does not expire.
    Persistent,
    /// The key expires after this time, in the unit of the command; zero means less than one unit.
    Expires(Duration),
}

impl Ttl {
    /// Returns the remaining time, if the key exists and expires.
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

pub(in crate::commands) fn ttl_seconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::from_reply(reply, Duration::from_secs)
}

pub(in crate::commands) fn ttl_milliseconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::from_reply(reply, Duration::from_millis)
}
