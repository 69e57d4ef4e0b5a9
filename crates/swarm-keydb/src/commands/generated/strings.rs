//! `StringCommands`, from `spec/strings.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on string values and counters.
pub trait StringCommands: Executor {
    /// Gets the value of a key (`GET`).
    ///
    /// Returns the value, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb can return the old value after an acknowledged write if another `GET` ran during
    /// that write. See [what each server guarantees](crate::guide::guarantees).
    fn get(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("GET")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Like [`get`](Self::get), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn get_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("GET")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Sets the value of a key and removes its time to live (`SET`).
    ///
    /// For conditions and expiry, see [`set_with`](Self::set_with).
    ///
    /// # Servers
    ///
    /// SwarmKeyDb can return the old value after an acknowledged `SET` if a `GET` of the key ran at
    /// the same time. See [what each server guarantees](crate::guide::guarantees).
    fn set(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("SET")
                .idempotent()
                .key(key)
                .arg(value)
                .build_with(ok),
        )
    }

    /// Sets the value of a key, with conditions and a time to live (`SET`).
    ///
    /// Returns whether the key was set: false only if the condition of [`nx`](SetOptions::nx) or
    /// [`xx`](SetOptions::xx) was not met.
    ///
    /// # Errors
    ///
    /// Fails if the server rejects an option.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb rejects `NX`, `XX` and `KEEPTTL`; use [`msetnx`](Self::msetnx) to set a key only
    /// if it is missing. With its default configuration, SwarmKeyDb stores a value about 100 ms
    /// before its time to live. See [what each server guarantees](crate::guide::guarantees).
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

    /// Sets the value of a key and its time to live (`SETEX`, or `PSETEX` if the time is not whole
    /// seconds).
    ///
    /// # Errors
    ///
    /// Fails if the time to live is zero, because a server would delete the key or return an error.
    ///
    /// # Servers
    ///
    /// With its default configuration, SwarmKeyDb stores the value about 100 ms before its time to
    /// live; an interrupted command can leave a key that never expires. See [what each server
    /// guarantees](crate::guide::guarantees).
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

    /// Sets the value of a key if the key does not exist (`SETNX`).
    ///
    /// Returns whether the key was set.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn setnx(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<bool> {
        self.execute(Builder::new("SETNX").key(key).arg(value).build())
    }

    /// Sets the value of a key and returns the previous value (`GETSET`).
    ///
    /// Returns the previous value, `None` if the key did not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn getset(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GETSET").key(key).arg(value).build())
    }

    /// Like [`getset`](Self::getset), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn getset_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        value: impl ToArg,
    ) -> Self::Output<Option<T>> {
        self.execute(Builder::new("GETSET").key(key).arg(value).build())
    }

    /// Removes a key and returns its value (`GETDEL`).
    ///
    /// Returns the previous value, `None` if the key did not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn getdel(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("GETDEL").key(key).build())
    }

    /// Like [`getdel`](Self::getdel), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn getdel_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("GETDEL").key(key).build())
    }

    /// Gets the values of several keys (`MGET`).
    ///
    /// Returns one entry per key, in the same order; `None` for a key that does not exist or does
    /// not hold a string.
    fn mget(&self, keys: impl ToKeys) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(
            Builder::new("MGET")
                .read_only()
                .cached_each_key()
                .keys(keys)
                .build(),
        )
    }

    /// Like [`mget`](Self::mget), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn mget_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<Option<T>>> {
        self.execute(
            Builder::new("MGET")
                .read_only()
                .cached_each_key()
                .keys(keys)
                .build(),
        )
    }

    /// Sets several keys, given as a map, a list of pairs, or a tuple of pairs if the values have
    /// different types (`MSET`).
    ///
    /// # Servers
    ///
    /// Atomic on Redis, Valkey and KeyDB. On SwarmKeyDb, other clients can see some of the keys set
    /// while the command runs, an interrupted command sets only some of them, and with the default
    /// configuration the command takes about 0.1 s per key. See [what each server
    /// guarantees](crate::guide::guarantees).
    fn mset<M>(&self, pairs: impl ToPairs<M>) -> Self::Output<()> {
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
    /// Atomic on Redis, Valkey and KeyDB. On SwarmKeyDb, only one of several concurrent calls
    /// succeeds, so it can serve as a lock, but other clients can see part of it while it runs. See
    /// [what each server guarantees](crate::guide::guarantees).
    fn msetnx<M>(&self, pairs: impl ToPairs<M>) -> Self::Output<bool> {
        self.execute(Builder::new("MSETNX").pairs(pairs).build())
    }

    /// Increments a counter by one (`INCR`).
    ///
    /// A missing key counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// Atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments and can return the same value
    /// twice when several connections change one key at the same time; change a counter from a
    /// single client only. See [what each server guarantees](crate::guide::guarantees).
    fn incr(&self, key: impl ToKey) -> Self::Output<i64> {
        self.execute(Builder::new("INCR").key(key).build())
    }

    /// Increments a counter by an amount (`INCRBY`).
    ///
    /// A missing key counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// Atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments and can return the same value
    /// twice when several connections change one key at the same time; change a counter from a
    /// single client only. See [what each server guarantees](crate::guide::guarantees).
    fn incrby(&self, key: impl ToKey, amount: i64) -> Self::Output<i64> {
        self.execute(Builder::new("INCRBY").key(key).arg(amount).build())
    }

    /// Decrements a counter by one (`DECR`).
    ///
    /// A missing key counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// Atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments and can return the same value
    /// twice when several connections change one key at the same time; change a counter from a
    /// single client only. See [what each server guarantees](crate::guide::guarantees).
    fn decr(&self, key: impl ToKey) -> Self::Output<i64> {
        self.execute(Builder::new("DECR").key(key).build())
    }

    /// Decrements a counter by an amount (`DECRBY`).
    ///
    /// A missing key counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a 64-bit integer, or would overflow.
    ///
    /// # Servers
    ///
    /// Atomic on Redis, Valkey and KeyDB. SwarmKeyDb loses increments and can return the same value
    /// twice when several connections change one key at the same time; change a counter from a
    /// single client only. See [what each server guarantees](crate::guide::guarantees).
    fn decrby(&self, key: impl ToKey, amount: i64) -> Self::Output<i64> {
        self.execute(Builder::new("DECRBY").key(key).arg(amount).build())
    }

    /// Increments a floating-point number (`INCRBYFLOAT`).
    ///
    /// A missing key counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a number, or the result is not finite.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn incrbyfloat(&self, key: impl ToKey, amount: f64) -> Self::Output<f64> {
        self.execute(Builder::new("INCRBYFLOAT").key(key).arg(amount).build())
    }

    /// Appends to a value (`APPEND`).
    ///
    /// A missing key counts as empty.
    ///
    /// Returns the new length in bytes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn append(&self, key: impl ToKey, value: impl ToArg) -> Self::Output<u64> {
        self.execute(Builder::new("APPEND").key(key).arg(value).build())
    }

    /// Gets the length of a value (`STRLEN`).
    ///
    /// Returns the length in bytes, 0 if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn strlen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("STRLEN")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Gets part of a value, from `start` to `end` inclusive (`GETRANGE`).
    ///
    /// Negative positions count from the end.
    ///
    /// Returns the bytes, empty if the key does not exist or the range is empty.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn getrange(&self, key: impl ToKey, start: i64, end: i64) -> Self::Output<Bytes> {
        self.execute(
            Builder::new("GETRANGE")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(start)
                .arg(end)
                .build(),
        )
    }

    /// Overwrites part of a value, starting at a position (`SETRANGE`).
    ///
    /// Zero bytes fill a gap.
    ///
    /// Returns the new length in bytes.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn setrange(&self, key: impl ToKey, offset: u64, value: impl ToArg) -> Self::Output<u64> {
        self.execute(
            Builder::new("SETRANGE")
                .key(key)
                .arg(offset)
                .arg(value)
                .build(),
        )
    }

    /// Sets the value of a key, with conditions and a time to live, and returns the previous value
    /// (`SET`).
    ///
    /// Returns the previous value, `None` if the key did not exist. If a condition was not met,
    /// that is the current value.
    ///
    /// # Errors
    ///
    /// Fails if the key does not hold a string (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn set_get(
        &self,
        key: impl ToKey,
        value: impl ToArg,
        options: SetOptions,
    ) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("SET")
                .key(key)
                .arg(value)
                .options(options)
                .arg("GET")
                .build(),
        )
    }

    /// Like [`set_get`](Self::set_get), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn set_get_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        value: impl ToArg,
        options: SetOptions,
    ) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("SET")
                .key(key)
                .arg(value)
                .options(options)
                .arg("GET")
                .build(),
        )
    }

    /// Gets the value of a key and changes its time to live (`GETEX`).
    ///
    /// Returns the value, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn getex(&self, key: impl ToKey, expiry: GetEx) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("GETEX")
                .idempotent()
                .key(key)
                .options(expiry)
                .build(),
        )
    }

    /// Like [`getex`](Self::getex), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn getex_as<T: FromFrame>(&self, key: impl ToKey, expiry: GetEx) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("GETEX")
                .idempotent()
                .key(key)
                .options(expiry)
                .build(),
        )
    }

    /// Finds the longest common subsequence of two values (`LCS`).
    ///
    /// Takes time proportional to the product of their lengths.
    ///
    /// Returns the bytes that both values have in the same order.
    ///
    /// # Errors
    ///
    /// Fails if a key does not hold a string.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lcs(&self, key: impl ToKey, other: impl ToKey) -> Self::Output<Bytes> {
        self.execute(Builder::new("LCS").read_only().key(key).key(other).build())
    }

    /// Gets the length of the longest common subsequence of two values (`LCS`).
    ///
    /// Returns the length in bytes.
    ///
    /// # Errors
    ///
    /// Fails if a key does not hold a string.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lcs_len(&self, key: impl ToKey, other: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("LCS")
                .read_only()
                .key(key)
                .key(other)
                .arg("LEN")
                .build(),
        )
    }

    /// Finds where the longest common subsequence of two values is, without matches shorter than
    /// `min_len` bytes (`LCS`).
    ///
    /// Returns an [`LcsMatches`].
    ///
    /// # Errors
    ///
    /// Fails if a key does not hold a string.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lcs_idx(
        &self,
        key: impl ToKey,
        other: impl ToKey,
        min_len: u64,
    ) -> Self::Output<LcsMatches> {
        self.execute(
            Builder::new("LCS")
                .read_only()
                .key(key)
                .key(other)
                .arg("IDX")
                .arg("MINMATCHLEN")
                .arg(min_len)
                .arg("WITHMATCHLEN")
                .build_with(lcs_matches),
        )
    }
}

impl<E: Executor> StringCommands for E {}
