//! `SortedSetCommands`, from `spec/sorted_sets.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on sorted sets: different members in the order of their scores.
///
/// Pass ranges of ranks or scores as Rust ranges: `..5` is below 5,
/// `(Bound::Excluded(5.0), Bound::Unbounded)` is above 5. Methods that take several members
/// accept a single member (`"a"`), or a list, slice, array or tuple of members. See
/// [`Client::zscan_stream`](crate::Client::zscan_stream) to iterate over a large sorted set.
pub trait SortedSetCommands: Executor {
    /// Adds members with their scores to a sorted set, or updates the scores of members (`ZADD`).
    ///
    /// Creates the set if it does not exist.
    ///
    /// Returns how many of the members are new.
    ///
    /// # Errors
    ///
    /// Fails if a score is not a number (NaN); a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zadd(
        &self,
        key: impl ToKey,
        members: impl IntoIterator<Item = (impl ToArg, impl Into<f64>)>,
    ) -> Self::Output<u64> {
        self.execute(Builder::new("ZADD").key(key).scored(members).build())
    }

    /// Adds members with their scores to a sorted set, or updates the scores of members, with
    /// conditions (`ZADD`).
    ///
    /// Returns how many of the members are new; with [`ch`](crate::ZAddOptions::ch), how many are
    /// new or have another score.
    ///
    /// # Errors
    ///
    /// Fails if a score is not a number (NaN); a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zadd_with(
        &self,
        key: impl ToKey,
        members: impl IntoIterator<Item = (impl ToArg, impl Into<f64>)>,
        options: ZAddOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZADD")
                .key(key)
                .options(options)
                .scored(members)
                .build(),
        )
    }

    /// Increments the score of a member, with conditions (`ZADD`).
    ///
    /// A missing member counts as 0.
    ///
    /// Returns the new score, `None` if a condition was not met.
    ///
    /// # Errors
    ///
    /// Fails if the result is not a number; a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zadd_incr(
        &self,
        key: impl ToKey,
        member: impl ToArg,
        amount: f64,
        options: ZAddOptions,
    ) -> Self::Output<Option<f64>> {
        self.execute(
            Builder::new("ZADD")
                .key(key)
                .options(options)
                .arg("INCR")
                .arg(amount)
                .arg(member)
                .build(),
        )
    }

    /// Increments the score of a member (`ZINCRBY`).
    ///
    /// A missing member counts as 0.
    ///
    /// Returns the new score.
    ///
    /// # Errors
    ///
    /// Fails if the result is not a number; a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zincrby(&self, key: impl ToKey, amount: f64, member: impl ToArg) -> Self::Output<f64> {
        self.execute(
            Builder::new("ZINCRBY")
                .key(key)
                .arg(amount)
                .arg(member)
                .build(),
        )
    }

    /// Removes members of a sorted set (`ZREM`).
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
    fn zrem(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("ZREM").key(key).values(members).build())
    }

    /// Counts the members of a sorted set (`ZCARD`).
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
    fn zcard(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZCARD")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Counts the members whose score is in a range (`ZCOUNT`).
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
    fn zcount(&self, key: impl ToKey, range: impl RangeBounds<f64>) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZCOUNT")
                .read_only()
                .cached_reply()
                .key(key)
                .scores(range)
                .build(),
        )
    }

    /// Counts the members in a range of texts (`ZLEXCOUNT`).
    ///
    /// All members must have the same score.
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
    fn zlexcount(&self, key: impl ToKey, range: impl LexBounds) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZLEXCOUNT")
                .read_only()
                .cached_reply()
                .key(key)
                .lex(range)
                .build(),
        )
    }

    /// Gets the score of a member (`ZSCORE`).
    ///
    /// Returns the score, `None` if the set or the member does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zscore(&self, key: impl ToKey, member: impl ToArg) -> Self::Output<Option<f64>> {
        self.execute(
            Builder::new("ZSCORE")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(member)
                .build(),
        )
    }

    /// Gets the scores of several members (`ZMSCORE`).
    ///
    /// Returns one entry per member, in the same order; `None` for a member that does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zmscore(&self, key: impl ToKey, members: impl ToArgs) -> Self::Output<Vec<Option<f64>>> {
        self.execute(
            Builder::new("ZMSCORE")
                .read_only()
                .cached_list()
                .key(key)
                .values(members)
                .build(),
        )
    }

    /// Gets the rank of a member, counted from the lowest score (`ZRANK`).
    ///
    /// Returns the rank, 0 for the lowest score; `None` if the set or the member does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zrank(&self, key: impl ToKey, member: impl ToArg) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("ZRANK")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(member)
                .build(),
        )
    }

    /// Gets the rank of a member, counted from the highest score (`ZREVRANK`).
    ///
    /// Returns the rank, 0 for the highest score; `None` if the set or the member does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zrevrank(&self, key: impl ToKey, member: impl ToArg) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("ZREVRANK")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(member)
                .build(),
        )
    }

    /// Gets the members in a range of ranks, scores or texts (`ZRANGE`).
    ///
    /// Returns the members in order, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zrange(&self, key: impl ToKey, range: ZRange) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("ZRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .options(range)
                .build(),
        )
    }

    /// Like [`zrange`](Self::zrange), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zrange_as<T: FromFrame>(&self, key: impl ToKey, range: ZRange) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("ZRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .options(range)
                .build(),
        )
    }

    /// Gets the members in a range of ranks, scores or texts, with their scores (`ZRANGE`).
    ///
    /// Returns the members with their scores in order, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the range is one of texts; a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zrange_withscores(&self, key: impl ToKey, range: ZRange) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .options(range)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Like [`zrange_withscores`](Self::zrange_withscores), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zrange_withscores_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        range: ZRange,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(
            Builder::new("ZRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .options(range)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Stores the members in a range of ranks, scores or texts, with their scores (`ZRANGESTORE`).
    ///
    /// Overwrites the destination, and removes it if the range is empty.
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
    fn zrangestore(
        &self,
        destination: impl ToKey,
        source: impl ToKey,
        range: ZRange,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZRANGESTORE")
                .key(destination)
                .key(source)
                .options(range)
                .build(),
        )
    }

    /// Removes the members in a range of ranks, counted from the lowest score (`ZREMRANGEBYRANK`).
    ///
    /// Returns how many members were removed.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zremrangebyrank(&self, key: impl ToKey, range: impl RangeBounds<i64>) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZREMRANGEBYRANK")
                .key(key)
                .indices(range)
                .build(),
        )
    }

    /// Removes the members whose score is in a range (`ZREMRANGEBYSCORE`).
    ///
    /// Returns how many members were removed.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zremrangebyscore(&self, key: impl ToKey, range: impl RangeBounds<f64>) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZREMRANGEBYSCORE")
                .key(key)
                .scores(range)
                .build(),
        )
    }

    /// Removes the members in a range of texts (`ZREMRANGEBYLEX`).
    ///
    /// All members must have the same score.
    ///
    /// Returns how many members were removed.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zremrangebylex(&self, key: impl ToKey, range: impl LexBounds) -> Self::Output<u64> {
        self.execute(Builder::new("ZREMRANGEBYLEX").key(key).lex(range).build())
    }

    /// Removes the member with the lowest score (`ZPOPMIN`).
    ///
    /// Returns the member and its score, `None` if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zpopmin(&self, key: impl ToKey) -> Self::Output<Option<(Bytes, f64)>> {
        self.execute(Builder::new("ZPOPMIN").key(key).build_with(popped))
    }

    /// Removes at most `count` members with the lowest scores (`ZPOPMIN`).
    ///
    /// Returns the members with their scores in the order of removal, empty if the set does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zpopmin_count(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(Builder::new("ZPOPMIN").key(key).arg(count).build())
    }

    /// Like [`zpopmin_count`](Self::zpopmin_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zpopmin_count_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: u64,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(Builder::new("ZPOPMIN").key(key).arg(count).build())
    }

    /// Removes the member with the highest score (`ZPOPMAX`).
    ///
    /// Returns the member and its score, `None` if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zpopmax(&self, key: impl ToKey) -> Self::Output<Option<(Bytes, f64)>> {
        self.execute(Builder::new("ZPOPMAX").key(key).build_with(popped))
    }

    /// Removes at most `count` members with the highest scores (`ZPOPMAX`).
    ///
    /// Returns the members with their scores in the order of removal, empty if the set does not
    /// exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zpopmax_count(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(Builder::new("ZPOPMAX").key(key).arg(count).build())
    }

    /// Like [`zpopmax_count`](Self::zpopmax_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zpopmax_count_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: u64,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(Builder::new("ZPOPMAX").key(key).arg(count).build())
    }

    /// Removes the member at one end of the first of several sorted sets that exists (`ZMPOP`).
    ///
    /// Returns the key and the member with its score, `None` if no set exists.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zmpop(&self, keys: impl ToKeys, end: ZEnd) -> Self::Output<Option<ZPopped<Bytes>>> {
        self.execute(Builder::new("ZMPOP").counted_keys(keys).args(end).build())
    }

    /// Like [`zmpop`](Self::zmpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zmpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
    ) -> Self::Output<Option<ZPopped<T>>> {
        self.execute(Builder::new("ZMPOP").counted_keys(keys).args(end).build())
    }

    /// Removes at most `count` members at one end of the first of several sorted sets that exists
    /// (`ZMPOP`).
    ///
    /// Returns the key and the members with their scores in the order of removal, `None` if no set
    /// exists.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zmpop_count(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        count: u64,
    ) -> Self::Output<Option<ZPopped<Bytes>>> {
        self.execute(
            Builder::new("ZMPOP")
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Like [`zmpop_count`](Self::zmpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zmpop_count_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        count: u64,
    ) -> Self::Output<Option<ZPopped<T>>> {
        self.execute(
            Builder::new("ZMPOP")
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Removes the member with the lowest score from the first of several sorted sets that exists,
    /// and waits for one if there is none (`BZPOPMIN`).
    ///
    /// Returns the key, the member and its score, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes the leased connection, so the server stops
    /// blocking. An element that the server removes at that moment is lost. The client never
    /// retries the command.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bzpopmin(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Bytes, f64)>> {
        self.execute(Builder::new("BZPOPMIN").keys(keys).timeout(timeout).build())
    }

    /// Like [`bzpopmin`](Self::bzpopmin), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn bzpopmin_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, T, f64)>> {
        self.execute(Builder::new("BZPOPMIN").keys(keys).timeout(timeout).build())
    }

    /// Removes the member with the highest score from the first of several sorted sets that exists,
    /// and waits for one if there is none (`BZPOPMAX`).
    ///
    /// Returns the key, the member and its score, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes the leased connection, so the server stops
    /// blocking. An element that the server removes at that moment is lost. The client never
    /// retries the command.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bzpopmax(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Bytes, f64)>> {
        self.execute(Builder::new("BZPOPMAX").keys(keys).timeout(timeout).build())
    }

    /// Like [`bzpopmax`](Self::bzpopmax), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn bzpopmax_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, T, f64)>> {
        self.execute(Builder::new("BZPOPMAX").keys(keys).timeout(timeout).build())
    }

    /// Like [`zmpop`](Self::zmpop), but waits for a member if there is none (`BZMPOP`).
    ///
    /// Returns the key and the member with its score, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes the leased connection, so the server stops
    /// blocking. An element that the server removes at that moment is lost. The client never
    /// retries the command.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bzmpop(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<ZPopped<Bytes>>> {
        self.execute(
            Builder::new("BZMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .build(),
        )
    }

    /// Like [`bzmpop`](Self::bzmpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn bzmpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<ZPopped<T>>> {
        self.execute(
            Builder::new("BZMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .build(),
        )
    }

    /// Like [`zmpop_count`](Self::zmpop_count), but waits for a member if there is none (`BZMPOP`).
    ///
    /// Returns the key and the members with their scores in the order of removal, `None` if there
    /// was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes the leased connection, so the server stops
    /// blocking. An element that the server removes at that moment is lost. The client never
    /// retries the command.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn bzmpop_count(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        count: u64,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<ZPopped<Bytes>>> {
        self.execute(
            Builder::new("BZMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Like [`bzmpop_count`](Self::bzmpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn bzmpop_count_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ZEnd,
        count: u64,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<ZPopped<T>>> {
        self.execute(
            Builder::new("BZMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Gets a random member of a sorted set (`ZRANDMEMBER`).
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
    fn zrandmember(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("ZRANDMEMBER").read_only().key(key).build())
    }

    /// Like [`zrandmember`](Self::zrandmember), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zrandmember_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("ZRANDMEMBER").read_only().key(key).build())
    }

    /// Gets several random members of a sorted set: different ones for a positive `count`, exactly
    /// `-count` and possibly repeated ones for a negative `count` (`ZRANDMEMBER`).
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
    fn zrandmember_count(&self, key: impl ToKey, count: i64) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("ZRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .build(),
        )
    }

    /// Like [`zrandmember_count`](Self::zrandmember_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zrandmember_count_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("ZRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .build(),
        )
    }

    /// Gets several random members of a sorted set with their scores (`ZRANDMEMBER`).
    ///
    /// For `count`, see [`zrandmember_count`](Self::zrandmember_count).
    ///
    /// Returns the members with their scores, empty if the set does not exist.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zrandmember_withscores(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Like [`zrandmember_withscores`](Self::zrandmember_withscores), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zrandmember_withscores_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        count: i64,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(
            Builder::new("ZRANDMEMBER")
                .read_only()
                .key(key)
                .arg(count)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Gets the members that any of these sorted sets has (`ZUNION`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members, the lowest sum of scores first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zunion(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("ZUNION")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Like [`zunion`](Self::zunion), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zunion_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("ZUNION")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Gets the members that any of these sorted sets has, with their combined scores (`ZUNION`).
    ///
    /// Returns the members with their scores, the lowest first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zunion_withscores(
        &self,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZUNION")
                .read_only()
                .counted_keys(keys)
                .options(options)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Like [`zunion_withscores`](Self::zunion_withscores), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zunion_withscores_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(
            Builder::new("ZUNION")
                .read_only()
                .counted_keys(keys)
                .options(options)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Stores the members that any of these sorted sets has (`ZUNIONSTORE`).
    ///
    /// The scores of a member are added. Overwrites the destination, and removes it if the result
    /// is empty.
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
    fn zunionstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZUNIONSTORE")
                .key(destination)
                .counted_keys(keys)
                .build(),
        )
    }

    /// Stores the members that any of these sorted sets has, with options for combining scores
    /// (`ZUNIONSTORE`).
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
    fn zunionstore_with(
        &self,
        destination: impl ToKey,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZUNIONSTORE")
                .key(destination)
                .counted_keys(keys)
                .options(options)
                .build(),
        )
    }

    /// Gets the members that all of these sorted sets have (`ZINTER`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members, the lowest sum of scores first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zinter(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("ZINTER")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Like [`zinter`](Self::zinter), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zinter_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("ZINTER")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Gets the members that all of these sorted sets have, with their combined scores (`ZINTER`).
    ///
    /// Returns the members with their scores, the lowest first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zinter_withscores(
        &self,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZINTER")
                .read_only()
                .counted_keys(keys)
                .options(options)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Like [`zinter_withscores`](Self::zinter_withscores), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zinter_withscores_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<Vec<(T, f64)>> {
        self.execute(
            Builder::new("ZINTER")
                .read_only()
                .counted_keys(keys)
                .options(options)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Stores the members that all of these sorted sets have (`ZINTERSTORE`).
    ///
    /// The scores of a member are added. Overwrites the destination, and removes it if the result
    /// is empty.
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
    fn zinterstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZINTERSTORE")
                .key(destination)
                .counted_keys(keys)
                .build(),
        )
    }

    /// Stores the members that all of these sorted sets have, with options for combining scores
    /// (`ZINTERSTORE`).
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
    fn zinterstore_with(
        &self,
        destination: impl ToKey,
        keys: impl ToKeys,
        options: ZCombineOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZINTERSTORE")
                .key(destination)
                .counted_keys(keys)
                .options(options)
                .build(),
        )
    }

    /// Gets the members of the first sorted set that none of the others has (`ZDIFF`).
    ///
    /// A missing set counts as empty.
    ///
    /// Returns the members, the lowest score first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zdiff(&self, keys: impl ToKeys) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("ZDIFF").read_only().counted_keys(keys).build())
    }

    /// Like [`zdiff`](Self::zdiff), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zdiff_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<T>> {
        self.execute(Builder::new("ZDIFF").read_only().counted_keys(keys).build())
    }

    /// Gets the members of the first sorted set that none of the others has, with their scores
    /// (`ZDIFF`).
    ///
    /// Returns the members with their scores in the first set, the lowest first.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zdiff_withscores(&self, keys: impl ToKeys) -> Self::Output<Vec<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZDIFF")
                .read_only()
                .counted_keys(keys)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Like [`zdiff_withscores`](Self::zdiff_withscores), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn zdiff_withscores_as<T: FromFrame>(&self, keys: impl ToKeys) -> Self::Output<Vec<(T, f64)>> {
        self.execute(
            Builder::new("ZDIFF")
                .read_only()
                .counted_keys(keys)
                .arg("WITHSCORES")
                .build(),
        )
    }

    /// Stores the members of the first sorted set that none of the others has (`ZDIFFSTORE`).
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
    fn zdiffstore(&self, destination: impl ToKey, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZDIFFSTORE")
                .key(destination)
                .counted_keys(keys)
                .build(),
        )
    }

    /// Counts the members that all of these sorted sets have (`ZINTERCARD`).
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
    fn zintercard(&self, keys: impl ToKeys) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZINTERCARD")
                .read_only()
                .counted_keys(keys)
                .build(),
        )
    }

    /// Counts the members that all of these sorted sets have, up to `limit`; a limit of 0 means
    /// none (`ZINTERCARD`).
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
    fn zintercard_limit(&self, keys: impl ToKeys, limit: u64) -> Self::Output<u64> {
        self.execute(
            Builder::new("ZINTERCARD")
                .read_only()
                .counted_keys(keys)
                .arg("LIMIT")
                .arg(limit)
                .build(),
        )
    }

    /// Reads one page of the members of a sorted set (`ZSCAN`).
    ///
    /// Start with cursor 0, continue with the returned cursor, and stop when it is 0. A page may be
    /// empty before the end, and a member may appear twice.
    ///
    /// Returns a [`ScanItems`] with the members and their scores.
    ///
    /// # Errors
    ///
    /// Fails if a key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn zscan(
        &self,
        key: impl ToKey,
        cursor: u64,
        options: ScanOptions,
    ) -> Self::Output<ScanItems<(Bytes, f64)>> {
        self.execute(
            Builder::new("ZSCAN")
                .read_only()
                .key(key)
                .arg(cursor)
                .options(options)
                .build_with(scan_items),
        )
    }
}

impl<E: Executor> SortedSetCommands for E {}
