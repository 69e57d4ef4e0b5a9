//! Commands on keys of any type: existence and time to live.

use std::time::Duration;

use swarm_resp::{ToArg, ToArgs};

use super::model::{Ttl, milliseconds, ttl_milliseconds, ttl_seconds};
use crate::command::{Builder, Executor};

/// Commands on keys of any type.
///
/// Keys may be any text or bytes except empty or blank ones and ones with line breaks, which SwarmKeyDb cannot
/// take. Where several keys are taken, give one (`"k"`), or a list, slice, array or tuple of them.
pub trait KeyCommands: Executor {
    /// Removes keys (`DEL`).
    ///
    /// **Reply:** how many of them existed.
    fn del(&self, keys: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("DEL").keys(keys).build())
    }

    /// Counts which of these keys exist (`EXISTS`). A key named twice counts twice.
    ///
    /// **Reply:** the count.
    fn exists(&self, keys: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("EXISTS").read_only().keys(keys).build())
    }

    /// Sets a time to live (`EXPIRE`, or `PEXPIRE` when it is not whole seconds, so that nothing is cut off).
    ///
    /// A duration of zero is refused: the server would delete the key. Use [`del`](Self::del) for that.
    ///
    /// **Reply:** whether the key exists.
    fn expire(&self, key: impl ToArg, ttl: Duration) -> Self::Output<bool> {
        if ttl.subsec_nanos() > 0 {
            return self.pexpire(key, ttl);
        }
        let mut command = Builder::new("EXPIRE").key(key).arg(ttl.as_secs());
        if ttl.is_zero() {
            command.refuse(zero_ttl());
        }
        self.execute(command.build())
    }

    /// Sets a time to live in milliseconds (`PEXPIRE`); fractions are rounded up.
    ///
    /// A duration of zero is refused: the server would delete the key. Use [`del`](Self::del) for that.
    ///
    /// **Reply:** whether the key exists.
    fn pexpire(&self, key: impl ToArg, ttl: Duration) -> Self::Output<bool> {
        let mut command = Builder::new("PEXPIRE").key(key).arg(milliseconds(ttl));
        if ttl.is_zero() {
            command.refuse(zero_ttl());
        }
        self.execute(command.build())
    }

    /// The time a key has left, in seconds rounded down (`TTL`).
    ///
    /// **Reply:** a [`Ttl`]. In its last second SwarmKeyDb reports zero for a key that still exists.
    fn ttl(&self, key: impl ToArg) -> Self::Output<Ttl> {
        self.execute(
            Builder::new("TTL")
                .read_only()
                .key(key)
                .build_with(ttl_seconds),
        )
    }

    /// The time a key has left, in milliseconds (`PTTL`).
    ///
    /// **Reply:** a [`Ttl`].
    fn pttl(&self, key: impl ToArg) -> Self::Output<Ttl> {
        self.execute(
            Builder::new("PTTL")
                .read_only()
                .key(key)
                .build_with(ttl_milliseconds),
        )
    }

    /// Removes a key's time to live, so that it stays (`PERSIST`).
    ///
    /// **Reply:** whether the key exists and had one.
    fn persist(&self, key: impl ToArg) -> Self::Output<bool> {
        self.execute(Builder::new("PERSIST").key(key).build())
    }
}

impl<E: Executor> KeyCommands for E {}

fn zero_ttl() -> crate::Error {
    crate::Error::argument("a time to live of zero would delete the key; use del for that")
}
