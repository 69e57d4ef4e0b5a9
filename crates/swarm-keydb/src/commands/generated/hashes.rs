//! `HashCommands`, from `spec/hashes.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on hashes: fields and values under one key.
///
/// Methods that take several fields accept a single field (`"f"`), or a list, slice, array or
/// tuple of fields. See [`Client::hscan_stream`](crate::Client::hscan_stream) to iterate over a
/// large hash.
pub trait HashCommands: Executor {
    /// Sets fields of a hash (`HSET`).
    ///
    /// Creates the hash if it does not exist.
    ///
    /// Returns how many of the fields are new.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hset<M>(&self, key: impl ToKey, fields: impl ToFields<M>) -> Self::Output<u64> {
        self.execute(Builder::new("HSET").key(key).fields(fields).build())
    }

    /// Sets a field of a hash if the field does not exist (`HSETNX`).
    ///
    /// Returns whether the field was set.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hsetnx(&self, key: impl ToKey, field: impl ToArg, value: impl ToArg) -> Self::Output<bool> {
        self.execute(
            Builder::new("HSETNX")
                .key(key)
                .arg(field)
                .arg(value)
                .build(),
        )
    }

    /// Gets the value of a field of a hash (`HGET`).
    ///
    /// Returns the value, `None` if the hash or the field does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hget(&self, key: impl ToKey, field: impl ToArg) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("HGET")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(field)
                .build(),
        )
    }

    /// Like [`hget`](Self::hget), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hget_as<T: FromFrame>(&self, key: impl ToKey, field: impl ToArg) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("HGET")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(field)
                .build(),
        )
    }

    /// Gets the values of several fields of a hash (`HMGET`).
    ///
    /// Returns one entry per field, in the same order; `None` for a field that does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hmget(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(
            Builder::new("HMGET")
                .read_only()
                .cached_list()
                .key(key)
                .values(fields)
                .build(),
        )
    }

    /// Like [`hmget`](Self::hmget), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hmget_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        fields: impl ToArgs,
    ) -> Self::Output<Vec<Option<T>>> {
        self.execute(
            Builder::new("HMGET")
                .read_only()
                .cached_list()
                .key(key)
                .values(fields)
                .build(),
        )
    }

    /// Gets all fields of a hash (`HGETALL`).
    ///
    /// Returns the fields and their values, empty if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hgetall(&self, key: impl ToKey) -> Self::Output<HashMap<Bytes, Bytes>> {
        self.execute(
            Builder::new("HGETALL")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Like [`hgetall`](Self::hgetall), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hgetall_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<T> {
        self.execute(
            Builder::new("HGETALL")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Removes fields of a hash (`HDEL`).
    ///
    /// A hash without fields does not exist.
    ///
    /// Returns how many of the fields existed.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hdel(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("HDEL").key(key).values(fields).build())
    }

    /// Checks whether a hash has a field (`HEXISTS`).
    ///
    /// Returns whether the field exists.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hexists(&self, key: impl ToKey, field: impl ToArg) -> Self::Output<bool> {
        self.execute(
            Builder::new("HEXISTS")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(field)
                .build(),
        )
    }

    /// Counts the fields of a hash (`HLEN`).
    ///
    /// Returns the count, 0 if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hlen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("HLEN")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Gets the length of the value of a field (`HSTRLEN`).
    ///
    /// Returns the length in bytes, 0 if the hash or the field does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hstrlen(&self, key: impl ToKey, field: impl ToArg) -> Self::Output<u64> {
        self.execute(
            Builder::new("HSTRLEN")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(field)
                .build(),
        )
    }

    /// Gets the names of all fields of a hash (`HKEYS`).
    ///
    /// Returns the names in no particular order, empty if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hkeys(&self, key: impl ToKey) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("HKEYS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Like [`hkeys`](Self::hkeys), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hkeys_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("HKEYS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Gets the values of all fields of a hash (`HVALS`).
    ///
    /// Returns the values in no particular order, empty if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hvals(&self, key: impl ToKey) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("HVALS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Like [`hvals`](Self::hvals), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hvals_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("HVALS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Increments an integer field of a hash (`HINCRBY`).
    ///
    /// A missing field counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a 64-bit integer, or would overflow; the key holds another type
    /// (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hincrby(&self, key: impl ToKey, field: impl ToArg, amount: i64) -> Self::Output<i64> {
        self.execute(
            Builder::new("HINCRBY")
                .key(key)
                .arg(field)
                .arg(amount)
                .build(),
        )
    }

    /// Increments a floating-point field of a hash (`HINCRBYFLOAT`).
    ///
    /// A missing field counts as 0.
    ///
    /// Returns the new value.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a number, or the result is not finite; the key holds another type
    /// (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hincrbyfloat(&self, key: impl ToKey, field: impl ToArg, amount: f64) -> Self::Output<f64> {
        self.execute(
            Builder::new("HINCRBYFLOAT")
                .key(key)
                .arg(field)
                .arg(amount)
                .build(),
        )
    }

    /// Gets the name of a random field of a hash (`HRANDFIELD`).
    ///
    /// Returns the name, `None` if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hrandfield(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("HRANDFIELD").read_only().key(key).build())
    }

    /// Like [`hrandfield`](Self::hrandfield), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hrandfield_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("HRANDFIELD").read_only().key(key).build())
    }

    /// Gets the names of several random fields of a hash: different ones for a positive `count`,
    /// exactly `-count` and possibly repeated ones for a negative `count` (`HRANDFIELD`).
    ///
    /// Returns the names, empty if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hrandfield_count(&self, key: impl ToKey, count: i64) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("HRANDFIELD")
                .read_only()
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Like [`hrandfield_count`](Self::hrandfield_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hrandfield_count_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("HRANDFIELD")
                .read_only()
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Gets several random fields of a hash with their values (`HRANDFIELD`).
    ///
    /// For `count`, see [`hrandfield_count`](Self::hrandfield_count).
    ///
    /// Returns the fields and their values, empty if the hash does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hrandfield_withvalues(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<(Bytes, Bytes)>> {
        self.execute(
            Builder::new("HRANDFIELD")
                .read_only()
                .key(key)
                .arg(count)
                .arg("WITHVALUES")
                .build_with(or_empty),
        )
    }

    /// Like [`hrandfield_withvalues`](Self::hrandfield_withvalues), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn hrandfield_withvalues_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<(String, T)>> {
        self.execute(
            Builder::new("HRANDFIELD")
                .read_only()
                .key(key)
                .arg(count)
                .arg("WITHVALUES")
                .build_with(or_empty),
        )
    }

    /// Reads one page of the fields of a hash (`HSCAN`).
    ///
    /// Start with cursor 0, continue with the returned cursor, and stop when it is 0. A page may be
    /// empty before the end, and a field may appear twice.
    ///
    /// Returns a [`ScanItems`] with the fields and their values.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn hscan(
        &self,
        key: impl ToKey,
        cursor: u64,
        options: ScanOptions,
    ) -> Self::Output<ScanItems<(Bytes, Bytes)>> {
        self.execute(
            Builder::new("HSCAN")
                .read_only()
                .key(key)
                .arg(cursor)
                .options(options)
                .build_with(scan_items),
        )
    }

    /// Sets the time to live of fields of a hash (`HEXPIRE`, or `HPEXPIRE` if the time is not whole
    /// seconds).
    ///
    /// Returns one [`FieldExpiry`] per field, in the same order.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`); the time to live is zero, because a
    /// server would delete the key or return an error.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hexpire(
        &self,
        key: impl ToKey,
        fields: impl ToArgs,
        ttl: Duration,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Builder::timed("HEXPIRE", "HPEXPIRE", ttl)
                .idempotent()
                .key(key)
                .ttl(ttl)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_expiries),
        )
    }

    /// Sets the time to live of fields of a hash, if a condition is met for the field (`HEXPIRE`,
    /// or `HPEXPIRE` if the time is not whole seconds).
    ///
    /// Returns one [`FieldExpiry`] per field, in the same order.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`); the time to live is zero, because a
    /// server would delete the key or return an error.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hexpire_if(
        &self,
        key: impl ToKey,
        fields: impl ToArgs,
        ttl: Duration,
        condition: ExpireIf,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Builder::timed("HEXPIRE", "HPEXPIRE", ttl)
                .key(key)
                .ttl(ttl)
                .args(condition)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_expiries),
        )
    }

    /// Sets the time at which fields of a hash expire, in milliseconds, rounded up (`HPEXPIREAT`).
    ///
    /// A time in the past removes the fields immediately.
    ///
    /// Returns one [`FieldExpiry`] per field, in the same order.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hpexpireat(
        &self,
        key: impl ToKey,
        fields: impl ToArgs,
        time: SystemTime,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Builder::new("HPEXPIREAT")
                .key(key)
                .time_milliseconds(time)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_expiries),
        )
    }

    /// Sets the time at which fields of a hash expire, in whole seconds (`HEXPIREAT`).
    ///
    /// A time in the past removes the fields immediately.
    ///
    /// Returns one [`FieldExpiry`] per field, in the same order.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hexpireat(
        &self,
        key: impl ToKey,
        fields: impl ToArgs,
        time: SystemTime,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Builder::new("HEXPIREAT")
                .key(key)
                .time_seconds(time)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_expiries),
        )
    }

    /// Gets the remaining time to live of fields of a hash, in seconds (`HTTL`).
    ///
    /// Returns one [`Ttl`] per field, in the same order; servers may return none for a missing
    /// hash.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn httl(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<Ttl>> {
        self.execute(
            Builder::new("HTTL")
                .read_only()
                .key(key)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_ttls_seconds),
        )
    }

    /// Gets the remaining time to live of fields of a hash, in milliseconds (`HPTTL`).
    ///
    /// Returns one [`Ttl`] per field, in the same order; servers may return none for a missing
    /// hash.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hpttl(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<Ttl>> {
        self.execute(
            Builder::new("HPTTL")
                .read_only()
                .key(key)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_ttls_milliseconds),
        )
    }

    /// Gets the time of expiry of fields of a hash, in seconds (`HEXPIRETIME`).
    ///
    /// Returns one [`ExpireTime`] per field, in the same order; servers may return none for a
    /// missing hash.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hexpiretime(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<ExpireTime>> {
        self.execute(
            Builder::new("HEXPIRETIME")
                .read_only()
                .key(key)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_times_seconds),
        )
    }

    /// Gets the time of expiry of fields of a hash, in milliseconds (`HPEXPIRETIME`).
    ///
    /// Returns one [`ExpireTime`] per field, in the same order; servers may return none for a
    /// missing hash.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hpexpiretime(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<ExpireTime>> {
        self.execute(
            Builder::new("HPEXPIRETIME")
                .read_only()
                .key(key)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(field_times_milliseconds),
        )
    }

    /// Removes the time to live of fields of a hash (`HPERSIST`).
    ///
    /// Returns for each field, whether it had a time to live; `None` for a field that does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command. Redis 7.4 and later.
    fn hpersist(&self, key: impl ToKey, fields: impl ToArgs) -> Self::Output<Vec<Option<bool>>> {
        self.execute(
            Builder::new("HPERSIST")
                .key(key)
                .arg("FIELDS")
                .counted_values(fields)
                .build_with(fields_persisted),
        )
    }
}

impl<E: Executor> HashCommands for E {}
