//! Key expiry: time arguments, and the commands that set and return deadlines.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::keyspace::Class;
use super::number;
use super::reject::Reject;

/// Unit of a time argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

/// Whether a time is relative to now or to the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Now,
    Epoch,
}

/// Interpretation of a time argument, as selected by options such as `EX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) unit: Unit,
    pub(super) base: Base,
}

impl Timing {
    const fn new(unit: Unit, base: Base) -> Self {
        Self { unit, base }
    }

    /// Returns the timing selected by an option name in upper case.
    pub(super) fn option(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"EX" => Self::new(Unit::Seconds, Base::Now),
            b"PX" => Self::new(Unit::Milliseconds, Base::Now),
            b"EXAT" => Self::new(Unit::Seconds, Base::Epoch),
            b"PXAT" => Self::new(Unit::Milliseconds, Base::Epoch),
            _ => return None,
        })
    }

    /// Returns the deadline for a time argument that must be positive. `command` is named in the
    /// error.
    pub(super) fn positive(self, text: &[u8], now: i64, command: &str) -> Result<i64, Reject> {
        match number::integer(text)? {
            number @ 1.. => self.deadline(number, now, command),
            _ => Err(Reject::expire_time(command)),
        }
    }

    /// Returns the deadline in milliseconds since the Unix epoch, or an error on overflow.
    fn deadline(self, number: i64, now: i64, command: &str) -> Result<i64, Reject> {
        let millis = match self.unit {
            Unit::Seconds => number.checked_mul(1000),
            Unit::Milliseconds => Some(number),
        };
        let deadline = match self.base {
            Base::Now => millis.and_then(|millis| millis.checked_add(now)),
            Base::Epoch => millis,
        };
        deadline.ok_or_else(|| Reject::expire_time(command))
    }
}

/// Conditions of EXPIRE: NX, XX, GT, LT.
#[derive(Debug, Clone, Copy, Default)]
struct Only {
    missing: bool,
    present: bool,
    greater: bool,
    less: bool,
}

impl Only {
    fn parse(options: &[Bytes]) -> Result<Self, Reject> {
        let mut only = Self::default();
        for option in options {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" => only.missing = true,
                b"XX" => only.present = true,
                b"GT" => only.greater = true,
                b"LT" => only.less = true,
                _ => {
                    return Err(Reject::quoting(&[b"ERR Unsupported option ", option]));
                }
            }
        }
        if only.missing && (only.present || only.greater || only.less) {
            return Err(Reject::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if only.greater && only.less {
            return Err(Reject::text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(only)
    }

    /// Returns whether a new deadline may replace the current one. No deadline counts as infinite.
    fn allows(self, before: Option<i64>, deadline: i64) -> bool {
        !(self.missing && before.is_some()
            || self.present && before.is_none()
            || self.greater && before.is_none_or(|before| deadline <= before)
            || self.less && before.is_some_and(|before| deadline >= before))
    }
}

fn expire_by(call: &mut Call<'_>, timing: Timing, command: &str) -> Reply {
    let only = Only::parse(call.rest(3))?;
    let deadline = timing.deadline(call.integer(2)?, call.now, command)?;
    let key = call.arg(1);
    let Some(before) = call.keyspace.deadline(key) else {
        let removed = deadline <= call.now && call.keyspace.delete(key);
        return Ok(Frame::integer(i64::from(removed)));
    };
    if !only.allows(before, deadline) {
        return Ok(Frame::integer(0));
    }
    if deadline <= call.now {
        call.keyspace.remove(key);
        call.keyspace.notify(Class::GENERIC, "del", key);
    } else {
        call.keyspace.set_deadline(key, Some(deadline));
        call.keyspace.notify(Class::GENERIC, "expire", key);
    }
    Ok(Frame::integer(1))
}

pub(super) fn expire(call: &mut Call<'_>) -> Reply {
    expire_by(call, Timing::new(Unit::Seconds, Base::Now), "expire")
}

pub(super) fn pexpire(call: &mut Call<'_>) -> Reply {
    expire_by(call, Timing::new(Unit::Milliseconds, Base::Now), "pexpire")
}

pub(super) fn expireat(call: &mut Call<'_>) -> Reply {
    expire_by(call, Timing::new(Unit::Seconds, Base::Epoch), "expireat")
}

pub(super) fn pexpireat(call: &mut Call<'_>) -> Reply {
    expire_by(
        call,
        Timing::new(Unit::Milliseconds, Base::Epoch),
        "pexpireat",
    )
}

/// Replies -2 if the key does not exist, -1 if it has no deadline, otherwise `show(deadline)`.
fn shown(call: &Call<'_>, show: impl FnOnce(i64) -> i64) -> Reply {
    Ok(Frame::integer(match call.keyspace.deadline(call.arg(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => show(deadline),
    }))
}

/// Rounds a time to the nearest unit of `scale` milliseconds.
const fn rounded(millis: i64, scale: i64) -> i64 {
    millis / scale + (millis % scale + scale / 2) / scale
}

impl Call<'_> {
    /// Returns the time to a deadline in units of `scale` milliseconds: rounded to the nearest one
    /// or, depending on the dialect, down. Some of the current millisecond has always passed.
    pub(super) fn remaining(&self, deadline: i64, scale: i64) -> i64 {
        match self.client.quirks.floored_ttl {
            true => deadline.saturating_sub(self.now + 1).max(0) / scale,
            false => rounded(deadline.saturating_sub(self.now), scale),
        }
    }
}

pub(super) fn ttl(call: &mut Call<'_>) -> Reply {
    shown(call, |deadline| call.remaining(deadline, 1000))
}

pub(super) fn pttl(call: &mut Call<'_>) -> Reply {
    shown(call, |deadline| call.remaining(deadline, 1))
}

pub(super) fn expiretime(call: &mut Call<'_>) -> Reply {
    shown(call, |deadline| rounded(deadline, 1000))
}

pub(super) fn pexpiretime(call: &mut Call<'_>) -> Reply {
    shown(call, |deadline| deadline)
}

pub(super) fn persist(call: &mut Call<'_>) -> Reply {
    let before = call.keyspace.set_deadline(call.arg(1), None);
    if before.is_some() {
        call.keyspace.notify(Class::GENERIC, "persist", call.arg(1));
    }
    Ok(Frame::integer(i64::from(before.is_some())))
}
