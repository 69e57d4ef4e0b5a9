//! Commands on string values and counters.

use bytes::Bytes;
use swarm_resp::{ToArg, ToArgs};

use super::model::{SetOptions, was_ok, was_set};
use crate::command::{Builder, Executor};
use crate::error::Error;

/// Commands on string values and counters.
pub trait StringCommands: Executor {
    /// The value of a key (`GET`).
    ///
    /// **Reply:** the value's bytes, `None` when the key is missing.
    fn get(&self, key: impl ToArg) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GET").read_only().key(key).build())
    }

    /// Sets a key to a value, whatever it held, and removes its time to live (`SET`).
    ///
    /// **Reply:** nothing. For conditions and expiry, see [`set_with`](Self::set_with).
    fn set(&self, key: impl ToArg, value: impl ToArg) -> Self::Output<()> {
        self.execute(Builder::new("SET").key(key).arg(value).build_with(was_ok))
    }

    /// Sets a key to a value if a condition holds, and says how long it lives (`SET` with options).
    ///
    /// **Reply:** whether it was set: false only when the condition of [`nx`](SetOptions::nx) or
    /// [`xx`](SetOptions::xx) did not hold.
    ///
    /// **Errors:** some SwarmKeyDb versions refuse `nx`, `xx` and `keepttl`; the server's refusal is the error.
    fn set_with(
        &self,
        key: impl ToArg,
        value: impl ToArg,
        options: SetOptions,
    ) -> Self::Output<bool> {
        let mut command = Builder::new("SET").key(key).arg(value).args(options);
        if let Err(error) = options.validate() {
            command.refuse(error);
        }
        self.execute(command.build_with(was_set))
    }

    /// The values of several keys at once (`MGET`).
    ///
    /// **Reply:** one entry per key, in their order; `None` for a missing key or one that holds no string.
    fn mget(&self, keys: impl ToArgs) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(Builder::new("MGET").read_only().keys(keys).build())
    }

    /// Sets several keys at once, all or none (`MSET`). Takes pairs from a map, or any list of pairs.
    ///
    /// **Reply:** nothing.
    fn mset<K: ToArg, V: ToArg>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self::Output<()> {
        let mut command = Builder::new("MSET");
        let mut empty = true;
        for (key, value) in pairs {
            command = command.key(key).arg(value);
            empty = false;
        }
        if empty {
            command.refuse(Error::argument(
                "no pair was given; name at least one key and its value",
            ));
        }
        self.execute(command.build_with(was_ok))
    }

    /// Adds one to a counter (`INCR`). A missing key counts as 0.
    ///
    /// **Reply:** the value after. **Errors:** when the value is no 64-bit integer, or would overflow.
    fn incr(&self, key: impl ToArg) -> Self::Output<i64> {
        self.execute(Builder::new("INCR").key(key).build())
    }

    /// Adds to a counter (`INCRBY`). A missing key counts as 0.
    ///
    /// **Reply:** the value after. **Errors:** when the value is no 64-bit integer, or would overflow.
    fn incrby(&self, key: impl ToArg, amount: i64) -> Self::Output<i64> {
        self.execute(Builder::new("INCRBY").key(key).arg(amount).build())
    }
}

impl<E: Executor> StringCommands for E {}
