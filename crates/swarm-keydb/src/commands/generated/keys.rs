//! `KeyCommands`, generated from `spec/keys.toml` by `cargo xtask codegen`; do not edit.

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
}

impl<E: Executor> KeyCommands for E {}
