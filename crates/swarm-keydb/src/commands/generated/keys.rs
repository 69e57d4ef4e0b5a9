//! `KeyCommands`, from `spec/keys.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on keys of any type: existence, names, and time to live.
///
/// Redis, Valkey and KeyDB accept any bytes as a key. SwarmKeyDb does not: before the client
/// sends a command to it, the client rejects empty keys, and keys that contain line breaks or
/// invalid UTF-8. If the client cannot detect the kind of server, set it with
/// [`ClientOptions::server`](crate::ClientOptions::server).
///
/// Methods that take several keys accept a single key (`"k"`), or a list, slice, array or tuple
/// of keys.
pub trait KeyCommands: Executor {
    /// Removes keys (`DEL`).
    ///
    /// Returns how many of the keys existed.
    ///
    /// # Servers
    ///
    /// With its default configuration, SwarmKeyDb takes about 0.1 s per key. See [what each server
    /// guarantees](crate::guide::guarantees).
    fn del(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("DEL").keys(keys).build())
    }

    /// Removes keys (`MDEL`).
    ///
    /// On SwarmKeyDb, the same as [`del`](Self::del).
    ///
    /// Returns how many of the keys existed.
    ///
    /// # Servers
    ///
    /// SwarmKeyDb only. With its default configuration, SwarmKeyDb takes about 0.1 s per key. See
    /// [what each server guarantees](crate::guide::guarantees).
    fn mdel(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("MDEL").keys(keys).build())
    }

    /// Counts how many of these keys exist (`EXISTS`).
    ///
    /// A key named twice counts twice.
    ///
    /// Returns the count.
    fn exists(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("EXISTS").read_only().keys(keys).build())
    }

    /// Sets the time to live of a key (`EXPIRE`, or `PEXPIRE` if the time is not whole seconds).
    ///
    /// Returns whether the key exists.
    ///
    /// # Errors
    ///
    /// Fails if the time to live is zero, because a server would delete the key or return an error.
    fn expire(&self, key: impl ToKey, ttl: Duration) -> Self::Output<bool> {
        self.execute(
            Builder::timed("EXPIRE", "PEXPIRE", ttl)
                .idempotent()
                .key(key)
                .ttl(ttl)
                .build(),
        )
    }

    /// Sets the time to live of a key in milliseconds, rounded up (`PEXPIRE`).
    ///
    /// Returns whether the key exists.
    ///
    /// # Errors
    ///
    /// Fails if the time to live is zero, because a server would delete the key or return an error.
    fn pexpire(&self, key: impl ToKey, ttl: Duration) -> Self::Output<bool> {
        self.execute(
            Builder::new("PEXPIRE")
                .idempotent()
                .key(key)
                .ttl_milliseconds(ttl)
                .build(),
        )
    }

    /// Sets the time at which a key expires, in whole seconds (`EXPIREAT`).
    ///
    /// A time in the past removes the key immediately.
    ///
    /// Returns whether the key exists.
    fn expireat(&self, key: impl ToKey, time: SystemTime) -> Self::Output<bool> {
        self.execute(
            Builder::new("EXPIREAT")
                .idempotent()
                .key(key)
                .time_seconds(time)
                .build(),
        )
    }

    /// Gets the remaining time to live in seconds (`TTL`).
    ///
    /// In its last second, SwarmKeyDb reports zero for a key that still exists.
    ///
    /// Returns a [`Ttl`].
    fn ttl(&self, key: impl ToKey) -> Self::Output<Ttl> {
        self.execute(
            Builder::new("TTL")
                .read_only()
                .key(key)
                .build_with(ttl_seconds),
        )
    }

    /// Gets the remaining time to live in milliseconds (`PTTL`).
    ///
    /// Returns a [`Ttl`].
    fn pttl(&self, key: impl ToKey) -> Self::Output<Ttl> {
        self.execute(
            Builder::new("PTTL")
                .read_only()
                .key(key)
                .build_with(ttl_milliseconds),
        )
    }

    /// Removes the time to live of a key (`PERSIST`).
    ///
    /// Returns whether the key exists and had a time to live.
    fn persist(&self, key: impl ToKey) -> Self::Output<bool> {
        self.execute(Builder::new("PERSIST").key(key).build())
    }

    /// Lists the keys that match a pattern: `*` matches any text, `?` one character (`KEYS`).
    ///
    /// The server examines every key; on a large store, use [`scan`](Self::scan) instead.
    ///
    /// Returns the keys in no particular order.
    fn keys(&self, pattern: impl ToArg) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("KEYS").read_only().echoed(pattern).build())
    }

    /// Reads one page of keys (`SCAN`).
    ///
    /// Start with cursor 0, continue with the returned cursor, and stop when it is 0. A page may be
    /// empty before the end, and a key may appear twice.
    ///
    /// Returns a [`ScanPage`].
    ///
    /// # Servers
    ///
    /// SwarmKeyDb's cursor is an offset into the sorted keys: a scan skips keys if keys are deleted
    /// while it runs. See [what each server guarantees](crate::guide::guarantees).
    fn scan(&self, cursor: u64, options: ScanOptions) -> Self::Output<ScanPage> {
        self.execute(
            Builder::new("SCAN")
                .read_only()
                .arg(cursor)
                .options(options)
                .build_with(scan_page),
        )
    }

    /// Gets the type of the value of a key (`TYPE`).
    ///
    /// Returns a [`KeyType`].
    fn key_type(&self, key: impl ToKey) -> Self::Output<KeyType> {
        self.execute(
            Builder::new("TYPE")
                .read_only()
                .cached_reply()
                .key(key)
                .build_with(key_type),
        )
    }

    /// Renames a key (`RENAME`).
    ///
    /// Overwrites the value of the new name.
    ///
    /// # Errors
    ///
    /// Fails if the key is missing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn rename(&self, key: impl ToKey, new_key: impl ToKey) -> Self::Output<()> {
        self.execute(Builder::new("RENAME").key(key).key(new_key).build_with(ok))
    }

    /// Renames a key if the new name is not in use (`RENAMENX`).
    ///
    /// Returns whether the key was renamed.
    ///
    /// # Errors
    ///
    /// Fails if the key is missing.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn renamenx(&self, key: impl ToKey, new_key: impl ToKey) -> Self::Output<bool> {
        self.execute(Builder::new("RENAMENX").key(key).key(new_key).build())
    }

    /// Removes keys, and frees their memory later (`UNLINK`).
    ///
    /// Faster than [`del`](Self::del) for large values.
    ///
    /// Returns how many of the keys existed.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn unlink(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("UNLINK").keys(keys).build())
    }

    /// Marks keys as just used, for eviction, and counts how many exist (`TOUCH`).
    ///
    /// Returns how many of the keys exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn touch(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(Builder::new("TOUCH").read_only().keys(keys).build())
    }

    /// Copies the value and the time to live of a key to a key that does not exist (`COPY`).
    ///
    /// Returns whether the key was copied.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn copy(&self, source: impl ToKey, destination: impl ToKey) -> Self::Output<bool> {
        self.execute(Builder::new("COPY").key(source).key(destination).build())
    }

    /// Copies the value and the time to live of a key, to another database or to a key that exists
    /// (`COPY`).
    ///
    /// Returns whether the key was copied.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn copy_with(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        options: CopyOptions,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("COPY")
                .key(source)
                .key(destination)
                .options(options)
                .build(),
        )
    }

    /// Moves a key to another database (`MOVE`).
    ///
    /// Returns whether the key was moved: false if it does not exist, or exists in the other
    /// database.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn move_key(&self, key: impl ToKey, db: u64) -> Self::Output<bool> {
        self.execute(Builder::new("MOVE").key(key).arg(db).build())
    }

    /// Sets the time to live of a key if a condition is met (`EXPIRE`, or `PEXPIRE` if the time is
    /// not whole seconds).
    ///
    /// Returns whether the key exists and the condition was met.
    ///
    /// # Errors
    ///
    /// Fails if the time to live is zero, because a server would delete the key or return an error.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn expire_if(&self, key: impl ToKey, ttl: Duration, condition: ExpireIf) -> Self::Output<bool> {
        self.execute(
            Builder::timed("EXPIRE", "PEXPIRE", ttl)
                .key(key)
                .ttl(ttl)
                .args(condition)
                .build(),
        )
    }

    /// Sets the time at which a key expires, in whole seconds, if a condition is met (`EXPIREAT`).
    ///
    /// Returns whether the key exists and the condition was met.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn expireat_if(
        &self,
        key: impl ToKey,
        time: SystemTime,
        condition: ExpireIf,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("EXPIREAT")
                .key(key)
                .time_seconds(time)
                .args(condition)
                .build(),
        )
    }

    /// Sets the time at which a key expires, in milliseconds, rounded up (`PEXPIREAT`).
    ///
    /// A time in the past removes the key immediately.
    ///
    /// Returns whether the key exists.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pexpireat(&self, key: impl ToKey, time: SystemTime) -> Self::Output<bool> {
        self.execute(
            Builder::new("PEXPIREAT")
                .idempotent()
                .key(key)
                .time_milliseconds(time)
                .build(),
        )
    }

    /// Gets the time at which a key expires, in seconds (`EXPIRETIME`).
    ///
    /// Returns an [`ExpireTime`].
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn expiretime(&self, key: impl ToKey) -> Self::Output<ExpireTime> {
        self.execute(
            Builder::new("EXPIRETIME")
                .read_only()
                .key(key)
                .build_with(expire_time_seconds),
        )
    }

    /// Gets the time at which a key expires, in milliseconds (`PEXPIRETIME`).
    ///
    /// Returns an [`ExpireTime`].
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pexpiretime(&self, key: impl ToKey) -> Self::Output<ExpireTime> {
        self.execute(
            Builder::new("PEXPIRETIME")
                .read_only()
                .key(key)
                .build_with(expire_time_milliseconds),
        )
    }

    /// Gets the name of a random key (`RANDOMKEY`).
    ///
    /// Returns the name, `None` if there is no key.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn randomkey(&self) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("RANDOMKEY").read_only().build())
    }

    /// Like [`randomkey`](Self::randomkey), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn randomkey_as<T: FromFrame>(&self) -> Self::Output<Option<T>> {
        self.execute(Builder::new("RANDOMKEY").read_only().build())
    }

    /// Gets how the server stores the value of a key: `int`, `embstr`, `listpack`, …
    /// (`OBJECT ENCODING`).
    ///
    /// Returns the name of the encoding, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn object_encoding(&self, key: impl ToKey) -> Self::Output<Option<String>> {
        self.execute(Builder::new("OBJECT ENCODING").read_only().key(key).build())
    }

    /// Gets the counter of how often a key is used, which grows logarithmically (`OBJECT FREQ`).
    ///
    /// Returns the counter, `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the server does not evict by frequency (`maxmemory-policy`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn object_freq(&self, key: impl ToKey) -> Self::Output<Option<u64>> {
        self.execute(Builder::new("OBJECT FREQ").read_only().key(key).build())
    }

    /// Gets the time since a key was last used, in seconds (`OBJECT IDLETIME`).
    ///
    /// Returns the time, `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the server evicts by frequency (`maxmemory-policy`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn object_idletime(&self, key: impl ToKey) -> Self::Output<Option<Duration>> {
        self.execute(
            Builder::new("OBJECT IDLETIME")
                .read_only()
                .key(key)
                .build_with(idle_time),
        )
    }

    /// Gets the number of references to the value of a key within the server (`OBJECT REFCOUNT`).
    ///
    /// Returns the number, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn object_refcount(&self, key: impl ToKey) -> Self::Output<Option<u64>> {
        self.execute(Builder::new("OBJECT REFCOUNT").read_only().key(key).build())
    }

    /// Gets the value of a key in a form for [`restore`](Self::restore) (`DUMP`).
    ///
    /// It does not include the time to live.
    ///
    /// Returns the bytes, `None` if the key does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn dump(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("DUMP").read_only().key(key).build())
    }

    /// Creates a key from what [`dump`](Self::dump) returned (`RESTORE`).
    ///
    /// A time to live of zero means none.
    ///
    /// # Errors
    ///
    /// Fails if the key exists (code `BUSYKEY`); the bytes are not those of a compatible server.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn restore(&self, key: impl ToKey, ttl: Duration, dump: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("RESTORE")
                .key(key)
                .milliseconds(ttl)
                .arg(dump)
                .build_with(ok),
        )
    }

    /// Creates or replaces a key from what [`dump`](Self::dump) returned (`RESTORE`).
    ///
    /// A time to live of zero means none.
    ///
    /// # Errors
    ///
    /// Fails if the key exists and is not to be replaced (code `BUSYKEY`); the bytes are not those
    /// of a compatible server.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn restore_with(
        &self,
        key: impl ToKey,
        ttl: Duration,
        dump: impl ToArg,
        options: RestoreOptions,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("RESTORE")
                .key(key)
                .milliseconds(ttl)
                .arg(dump)
                .options(options)
                .build_with(ok),
        )
    }

    /// Sorts the elements of a list, a set or a sorted set (`SORT`).
    ///
    /// Returns the elements or the values of other keys in order; `None` for a value that does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if an element is not a number, unless sorted as text; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sort(&self, key: impl ToKey, options: SortOptions) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(
            Builder::new("SORT")
                .read_only()
                .key(key)
                .options(options)
                .build(),
        )
    }

    /// Like [`sort`](Self::sort), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn sort_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        options: SortOptions,
    ) -> Self::Output<Vec<Option<T>>> {
        self.execute(
            Builder::new("SORT")
                .read_only()
                .key(key)
                .options(options)
                .build(),
        )
    }

    /// Sorts the elements of a list, a set or a sorted set, and stores the result as a list
    /// (`SORT`).
    ///
    /// Overwrites the destination.
    ///
    /// Returns how many elements were stored.
    ///
    /// # Errors
    ///
    /// Fails if an element is not a number, unless sorted as text; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sort_store(
        &self,
        key: impl ToKey,
        destination: impl ToKey,
        options: SortOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("SORT")
                .key(key)
                .options(options)
                .arg("STORE")
                .key(destination)
                .build(),
        )
    }

    /// Sorts the elements of a list, a set or a sorted set, also on a replica (`SORT_RO`).
    ///
    /// Returns the elements or the values of other keys in order; `None` for a value that does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if an element is not a number, unless sorted as text; the key holds another type (code
    /// `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sort_ro(&self, key: impl ToKey, options: SortOptions) -> Self::Output<Vec<Option<Bytes>>> {
        self.execute(
            Builder::new("SORT_RO")
                .read_only()
                .key(key)
                .options(options)
                .build(),
        )
    }

    /// Like [`sort_ro`](Self::sort_ro), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn sort_ro_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        options: SortOptions,
    ) -> Self::Output<Vec<Option<T>>> {
        self.execute(
            Builder::new("SORT_RO")
                .read_only()
                .key(key)
                .options(options)
                .build(),
        )
    }
}

impl<E: Executor> KeyCommands for E {}
