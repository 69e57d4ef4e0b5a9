//! `SetCommands`, from `spec/sets.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on sets: unordered collections of different members.
///
/// Methods that take several members accept a single member (`"a"`), or a list, slice, array or
/// tuple of members. See [`Client::sscan_stream`](crate::Client::sscan_stream) to iterate over
/// a large set.
pub trait SetCommands: Executor {
    /// Adds members to a set (`SADD`).
    ///
    /// Creates the set if it does not exist.
    ///
    /// Returns how many of the members are new.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sadd(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("SADD").key(key).values(members).build())
    }

    /// Removes members of a set (`SREM`).
    ///
    /// A set without members does not exist.
    ///
    /// Returns how many of the members existed.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn srem(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("SREM").key(key).values(members).build())
    }

    /// Gets all members of a set (`SMEMBERS`).
    ///
    /// Returns the members in no particular order, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn smembers(&self, key: impl ToKey) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("SMEMBERS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Like [`smembers`](Self::smembers), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn smembers_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<T> {
        self.execute(
            Builder::new("SMEMBERS")
                .read_only()
                .cached_list()
                .key(key)
                .build(),
        )
    }

    /// Checks whether a value is a member of a set (`SISMEMBER`).
    ///
    /// Returns whether the set contains it.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sismember(&self, key: impl ToKey, member: impl ToArg) -> Self::Output<bool> {
        self.execute(
            Builder::new("SISMEMBER")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(member)
                .build(),
        )
    }

    /// Checks which values are members of a set (`SMISMEMBER`).
    ///
    /// Returns one flag per value, in the same order.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn smismember(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<Vec<bool>> {
        self.execute(
            Builder::new("SMISMEMBER")
                .read_only()
                .cached_list()
                .key(key)
                .values(members)
                .build(),
        )
    }

    /// Counts the members of a set (`SCARD`).
    ///
    /// Returns the count, 0 if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn scard(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("SCARD")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Removes a random member of a set (`SPOP`).
    ///
    /// Returns the member, `None` if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn spop(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("SPOP").key(key).build())
    }

    /// Like [`spop`](Self::spop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn spop_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("SPOP").key(key).build())
    }

    /// Removes at most `count` random members of a set (`SPOP`).
    ///
    /// Returns the members, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn spop_count(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("SPOP").key(key).arg(count).build())
    }

    /// Like [`spop_count`](Self::spop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn spop_count_as<T: FromFrame>(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<T>> {
        self.execute(Builder::new("SPOP").key(key).arg(count).build())
    }

    /// Gets a random member of a set (`SRANDMEMBER`).
    ///
    /// Returns the member, `None` if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn srandmember(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("SRANDMEMBER").read_only().key(key).build())
    }

    /// Like [`srandmember`](Self::srandmember), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn srandmember_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("SRANDMEMBER").read_only().key(key).build())
    }

    /// Gets several random members of a set: different ones for a positive `count`, exactly
    /// `-count` and possibly repeated ones for a negative `count` (`SRANDMEMBER`).
    ///
    /// Returns the members, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn srandmember_count(&self, key: impl ToKey, count: i64) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("SRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .build(),
        )
    }

    /// Like [`srandmember_count`](Self::srandmember_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn srandmember_count_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("SRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .build(),
        )
    }

    /// Moves a member from one set to another (`SMOVE`).
    ///
    /// Returns whether the source contained the member.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn smove(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        member: impl ToArg,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("SMOVE")
                .key(source)
                .key(destination)
                .arg(member)
                .build(),
        )
    }

    /// Gets the members that all of these sets have (`SINTER`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members in no particular order.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sinter(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("SINTER").read_only().keys(keys).build())
    }

    /// Like [`sinter`](Self::sinter), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn sinter_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<T> {
        self.execute(Builder::new("SINTER").read_only().keys(keys).build())
    }

    /// Stores the members that all of these sets have in a set (`SINTERSTORE`).
    ///
    /// Overwrites the destination, and removes it if the result is empty.
    ///
    /// Returns how many members were stored.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sinterstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("SINTERSTORE")
                .key(destination)
                .keys(keys)
                .build(),
        )
    }

    /// Gets the members that any of these sets has (`SUNION`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members in no particular order.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sunion(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("SUNION").read_only().keys(keys).build())
    }

    /// Like [`sunion`](Self::sunion), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn sunion_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<T> {
        self.execute(Builder::new("SUNION").read_only().keys(keys).build())
    }

    /// Stores the members that any of these sets has in a set (`SUNIONSTORE`).
    ///
    /// Overwrites the destination, and removes it if the result is empty.
    ///
    /// Returns how many members were stored.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sunionstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("SUNIONSTORE")
                .key(destination)
                .keys(keys)
                .build(),
        )
    }

    /// Gets the members of the first set that none of the others has (`SDIFF`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members in no particular order.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sdiff(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("SDIFF").read_only().keys(keys).build())
    }

    /// Like [`sdiff`](Self::sdiff), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn sdiff_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<T> {
        self.execute(Builder::new("SDIFF").read_only().keys(keys).build())
    }

    /// Stores the members of the first set that none of the others has in a set (`SDIFFSTORE`).
    ///
    /// Overwrites the destination, and removes it if the result is empty.
    ///
    /// Returns how many members were stored.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sdiffstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("SDIFFSTORE")
                .key(destination)
                .keys(keys)
                .build(),
        )
    }

    /// Counts the members that all of these sets have (`SINTERCARD`).
    ///
    /// Returns the count.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sintercard(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("SINTERCARD")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Counts the members that all of these sets have, up to `limit`; a limit of 0 means none
    /// (`SINTERCARD`).
    ///
    /// Returns the count, at most the limit.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sintercard_limit(&self, keys: impl ToKeys, limit: u64) -> Self::Output<u64> {
        self.execute(
            Builder::new("SINTERCARD")
                .read_only()
                .counted_keys(keys)
                .arg("LIMIT")
                .arg(limit)
                .build(),
        )
    }

    /// Reads one page of the members of a set (`SSCAN`).
    ///
    /// Start with cursor 0, continue with the returned cursor, and stop when it is 0. A page may be
    /// empty before the end, and a member may appear twice.
    ///
    /// Returns a [`ScanItems`] with the members.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn sscan(
        &self,
        key: impl ToKey,
        cursor: u64,
        options: ScanOptions,
    ) -> Self::Output<ScanItems<Bytes>> {
        self.execute(
            Builder::new("SSCAN")
                .read_only()
                .key(key)
                .arg(cursor)
                .options(options)
                .build_with(scan_items),
        )
    }
}

impl<E: Executor> SetCommands for E {}
