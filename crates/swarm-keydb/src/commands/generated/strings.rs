//! Commands on string values and counters. Generated from `spec/strings.toml`.

use crate::commands::scope::*;

/// Commands on string values and counters.
pub trait StringCommands: Executor {
    /// The value of a key (`GET`).
    ///
    /// Returns the value's bytes, `None` when the key is missing.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb can return the old value after an acknowledged write if another `GET` ran during that write. See [what each server guarantees](crate::guide::guarantees).
    fn get(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GET").read_only().key(key).build())
    }

    /// [`get`](Self::get), with strings converted to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn get_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("GET").read_only().key(key).build())
    }

    /// Sets a key to a value, whatever it held, and removes its time to live. For conditions and expiry, see [`set_with`](Self::set_with) (`SET`).
    ///
    /// # Servers
    ///
    /// SwarmKeyDb can return the old value after an acknowledged `SET` if a `GET` of the key ran at the same time. See [what each server guarantees](crate::guide::guarantees).
    fn set(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("SET")
                .idempotent()
                .key(key)
                .arg(value)
                .build_with(ok),
        )
    }

    /// Sets a key to a value if a condition holds, and says how long it lives (`SET`).
    ///
    /// Returns whether it was set: false only when the condition of [`nx`](SetOptions::nx) or [`xx`](SetOptions::xx) did not hold.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses an option.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb refuses `NX`, `XX` and `KEEPTTL`, use [`msetnx`](Self::msetnx) to set a key only if it is missing. As shipped, it stores a value about 100 ms before its time to live. See [what each server guarantees](crate::guide::guarantees).
    fn set_with(
        &self,
        key: impl ToKey,
        value: impl ToArg,
        options: SetOptions,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("SET")
                .key(key)
                .arg(value)
                .options(options)
                .build_with(was_set),
        )
    }

    /// Sets a key to a value that expires (`SETEX`, or `PSETEX` if the time is not whole seconds).
    ///
    /// # Errors
    ///
    /// Fails if the time to live is zero, for which a server deletes the key or returns an error.
    ///
    /// # Servers
    ///
    /// as shipped, SwarmKeyDb stores the value about 100 ms before its time to live; an interrupted command can leave a key that never expires. See [what each server guarantees](crate::guide::guarantees).
    fn setex(&self, key: impl ToKey, ttl: Duration, value: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::timed("SETEX", "PSETEX", ttl)
                .idempotent()
                .key(key)
                .ttl(ttl)
                .arg(value)
                .build_with(ok),
        )
    }

    /// Sets a key to a value if the key is missing (`SETNX`).
    ///
    /// Returns whether it was set.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn setnx(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<bool> {
        self.execute(Builder::new("SETNX").key(key).arg(value).build())
    }

    /// Sets a key to a value and answers what it held (`GETSET`).
    ///
    /// Returns the value before, `None` when the key was missing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn getset(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GETSET").key(key).arg(value).build())
    }

    /// [`getset`](Self::getset), with strings converted to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn getset_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        value: impl ToArg,
    ) -> Self::Output<Option<T>> {
        self.execute(Builder::new("GETSET").key(key).arg(value).build())
    }

    /// Removes a key and answers what it held (`GETDEL`).
    ///
    /// Returns the value before, `None` when the key was missing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn getdel(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GETDEL").key(key).build())
    }

    /// [`getdel`](Self::getdel), with strings converted to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn getdel_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("GETDEL").key(key).build())
    }

    /// The values of several keys at once (`MGET`).
    ///
    /// Returns one entry per key, in their order; `None` for a missing key or one that holds no string.
    fn mget(&self, keys: impl ToKeys) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(Builder::new("MGET").read_only().keys(keys).build())
    }

    /// [`mget`](Self::mget), with strings converted to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn mget_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<Option<T>>> {
        self.execute(Builder::new("MGET").read_only().keys(keys).build())
    }

    /// Sets several keys. Takes pairs from a map, or any list of pairs (`MSET`).
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. On SwarmKeyDb, other clients see part of it while it runs, an interrupted one stays partial, and as shipped it takes about 0.1 s per key. See [what each server guarantees](crate::guide::guarantees).
    fn mset<K: ToKey, V: ToArg>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("MSET")
                .idempotent()
                .pairs(pairs)
                .build_with(ok),
        )
    }

    /// Sets several keys if none of them exists (`MSETNX`).
    ///
    /// Returns whether they were set.
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. On SwarmKeyDb, only one of several concurrent calls succeeds, so it can serve as a lock, but other clients can see part of it while it runs. See [what each server guarantees](crate::guide::guarantees).
    fn msetnx<K: ToKey, V: ToArg>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self::Output<bool> {
        self.execute(Builder::new("MSETNX").pairs(pairs).build())
    }

    /// Adds one to a counter. A missing key counts as 0 (`INCR`).
    ///
    /// Returns the value after.
    ///
    /// # Errors
    ///
    /// Fails if the value is no 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments when several connections change one key at the same time, and returns the same value twice; there, let one client count. See [what each server guarantees](crate::guide::guarantees).
    fn incr(&self, key: impl ToKey) -> Self::Output<i64> {
        self.execute(Builder::new("INCR").key(key).build())
    }

    /// Adds to a counter. A missing key counts as 0 (`INCRBY`).
    ///
    /// Returns the value after.
    ///
    /// # Errors
    ///
    /// Fails if the value is no 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments when several connections change one key at the same time, and returns the same value twice; there, let one client count. See [what each server guarantees](crate::guide::guarantees).
    fn incrby(&self, key: impl ToKey, amount: i64) -> Self::Output<i64> {
        self.execute(Builder::new("INCRBY").key(key).arg(amount).build())
    }

    /// Takes one from a counter. A missing key counts as 0 (`DECR`).
    ///
    /// Returns the value after.
    ///
    /// # Errors
    ///
    /// Fails if the value is no 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments when several connections change one key at the same time, and returns the same value twice; there, let one client count. See [what each server guarantees](crate::guide::guarantees).
    fn decr(&self, key: impl ToKey) -> Self::Output<i64> {
        self.execute(Builder::new("DECR").key(key).build())
    }

    /// Takes from a counter. A missing key counts as 0 (`DECRBY`).
    ///
    /// Returns the value after.
    ///
    /// # Errors
    ///
    /// Fails if the value is no 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments when several connections change one key at the same time, and returns the same value twice; there, let one client count. See [what each server guarantees](crate::guide::guarantees).
    fn decrby(&self, key: impl ToKey, amount: i64) -> Self::Output<i64> {
        self.execute(Builder::new("DECRBY").key(key).arg(amount).build())
    }

    /// Adds to a number with a fraction. A missing key counts as 0 (`INCRBYFLOAT`).
    ///
    /// Returns the value after.
    ///
    /// # Errors
    ///
    /// Fails if the value is no number, or would not be finite.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn incrbyfloat(&self, key: impl ToKey, amount: f64) -> Self::Output<f64> {
        self.execute(Builder::new("INCRBYFLOAT").key(key).arg(amount).build())
    }

    /// Puts text at the end of a value. A missing key counts as empty (`APPEND`).
    ///
    /// Returns the length after, in bytes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn append(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<u64> {
        self.execute(Builder::new("APPEND").key(key).arg(value).build())
    }

    /// The length of a value (`STRLEN`).
    ///
    /// Returns the length in bytes, 0 when the key is missing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn strlen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(Builder::new("STRLEN").read_only().key(key).build())
    }

    /// A part of a value, both ends included; negative positions count from the end (`GETRANGE`).
    ///
    /// Returns the bytes, empty when the key is missing or the range holds nothing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn getrange(&self, key: impl ToKey, start: i64, end: i64) -> Self::Output<Bytes> {
        self.execute(
            Builder::new("GETRANGE")
                .read_only()
                .key(key)
                .arg(start)
                .arg(end)
                .build(),
        )
    }

    /// Writes over a part of a value, from a position on; zero bytes fill a gap (`SETRANGE`).
    ///
    /// Returns the length after, in bytes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn setrange(&self, key: impl ToKey, offset: u64, value: impl ToArg) -> Self::Output<u64> {
        self.execute(
            Builder::new("SETRANGE")
                .key(key)
                .arg(offset)
                .arg(value)
                .build(),
        )
    }
}

impl<E: Executor> StringCommands for E {}
