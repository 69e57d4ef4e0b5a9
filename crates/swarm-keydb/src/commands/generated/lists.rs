//! `ListCommands`, from `spec/lists.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on lists: sequences of elements that grow and shrink at both ends.
///
/// Methods that take several elements accept a single element (`"a"`), or a list, slice, array
/// or tuple of elements. Pass a range of indices as a Rust range. Lints take `1..-1` for an
/// empty range; pass a pair of bounds instead: `(Bound::Included(1), Bound::Excluded(-1))`.
pub trait ListCommands: Executor {
    /// Adds elements at the head of a list, one after another (`LPUSH`).
    ///
    /// Creates the list if it does not exist.
    ///
    /// Returns the new length.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpush(&self, key: impl ToKey, elements: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("LPUSH").key(key).values(elements).build())
    }

    /// Adds elements at the head of a list if the list exists (`LPUSHX`).
    ///
    /// Returns the new length, 0 if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpushx(&self, key: impl ToKey, elements: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("LPUSHX").key(key).values(elements).build())
    }

    /// Adds elements at the tail of a list, one after another (`RPUSH`).
    ///
    /// Creates the list if it does not exist.
    ///
    /// Returns the new length.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn rpush(&self, key: impl ToKey, elements: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("RPUSH").key(key).values(elements).build())
    }

    /// Adds elements at the tail of a list if the list exists (`RPUSHX`).
    ///
    /// Returns the new length, 0 if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn rpushx(&self, key: impl ToKey, elements: impl ToArgs) -> Self::Output<u64> {
        self.execute(Builder::new("RPUSHX").key(key).values(elements).build())
    }

    /// Removes the element at the head of a list (`LPOP`).
    ///
    /// Returns the element, `None` if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpop(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("LPOP").key(key).build())
    }

    /// Like [`lpop`](Self::lpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lpop_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("LPOP").key(key).build())
    }

    /// Removes at most `count` elements at the head of a list (`LPOP`).
    ///
    /// Returns the elements in the order of removal, empty if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpop_count(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("LPOP")
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Like [`lpop_count`](Self::lpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lpop_count_as<T: FromFrame>(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("LPOP")
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Removes the element at the tail of a list (`RPOP`).
    ///
    /// Returns the element, `None` if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn rpop(&self, key: impl ToKey) -> Self::Output<Option<Bytes>> {
        self.execute(Builder::new("RPOP").key(key).build())
    }

    /// Like [`rpop`](Self::rpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn rpop_as<T: FromFrame>(&self, key: impl ToKey) -> Self::Output<Option<T>> {
        self.execute(Builder::new("RPOP").key(key).build())
    }

    /// Removes at most `count` elements at the tail of a list (`RPOP`).
    ///
    /// Returns the elements in the order of removal, empty if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn rpop_count(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("RPOP")
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Like [`rpop_count`](Self::rpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn rpop_count_as<T: FromFrame>(&self, key: impl ToKey, count: u64) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("RPOP")
                .key(key)
                .arg(count)
                .build_with(or_empty),
        )
    }

    /// Gets the length of a list (`LLEN`).
    ///
    /// Returns the number of elements, 0 if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn llen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(
            Builder::new("LLEN")
                .read_only()
                .cached_reply()
                .key(key)
                .build(),
        )
    }

    /// Gets an element of a list (`LINDEX`).
    ///
    /// Negative indices count from the tail.
    ///
    /// Returns the element, `None` if there is none at this index.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lindex(&self, key: impl ToKey, index: i64) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("LINDEX")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(index)
                .build(),
        )
    }

    /// Like [`lindex`](Self::lindex), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lindex_as<T: FromFrame>(&self, key: impl ToKey, index: i64) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("LINDEX")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(index)
                .build(),
        )
    }

    /// Gets the elements in a range of indices (`LRANGE`).
    ///
    /// Negative indices count from the tail: `..` is the whole list, `-3..` its last three
    /// elements.
    ///
    /// Returns the elements, empty if the list does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lrange(&self, key: impl ToKey, range: impl RangeBounds<i64>) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("LRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .indices(range)
                .build(),
        )
    }

    /// Like [`lrange`](Self::lrange), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lrange_as<T: FromFrame>(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<i64>,
    ) -> Self::Output<Vec<T>> {
        self.execute(
            Builder::new("LRANGE")
                .read_only()
                .cached_list()
                .key(key)
                .indices(range)
                .build(),
        )
    }

    /// Replaces an element of a list (`LSET`).
    ///
    /// Negative indices count from the tail.
    ///
    /// # Errors
    ///
    /// Fails if the list does not exist, or has no element at this index; the key holds another
    /// type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lset(&self, key: impl ToKey, index: i64, element: impl ToArg) -> Self::Output<()> {
        self.execute(
            Builder::new("LSET")
                .key(key)
                .arg(index)
                .arg(element)
                .build_with(ok),
        )
    }

    /// Removes all elements outside of a range of indices (`LTRIM`).
    ///
    /// An empty range removes the list.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn ltrim(&self, key: impl ToKey, range: impl RangeBounds<i64>) -> Self::Output<()> {
        self.execute(Builder::new("LTRIM").key(key).indices(range).build_with(ok))
    }

    /// Removes elements that equal `element`: the first `count` from the head, or from the tail if
    /// `count` is negative, or all if it is 0 (`LREM`).
    ///
    /// Returns how many elements were removed.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lrem(&self, key: impl ToKey, count: i64, element: impl ToArg) -> Self::Output<u64> {
        self.execute(
            Builder::new("LREM")
                .key(key)
                .arg(count)
                .arg(element)
                .build(),
        )
    }

    /// Inserts an element before the first element that equals `pivot` (`LINSERT`).
    ///
    /// Returns the new length; 0 if the list does not exist, `None` if it does not contain `pivot`.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn linsert_before(
        &self,
        key: impl ToKey,
        pivot: impl ToArg,
        element: impl ToArg,
    ) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("LINSERT")
                .key(key)
                .arg("BEFORE")
                .arg(pivot)
                .arg(element)
                .build_with(position),
        )
    }

    /// Inserts an element after the first element that equals `pivot` (`LINSERT`).
    ///
    /// Returns the new length; 0 if the list does not exist, `None` if it does not contain `pivot`.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn linsert_after(
        &self,
        key: impl ToKey,
        pivot: impl ToArg,
        element: impl ToArg,
    ) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("LINSERT")
                .key(key)
                .arg("AFTER")
                .arg(pivot)
                .arg(element)
                .build_with(position),
        )
    }

    /// Finds the first element that equals `element` (`LPOS`).
    ///
    /// Returns its index, `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpos(&self, key: impl ToKey, element: impl ToArg) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("LPOS")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(element)
                .build(),
        )
    }

    /// Finds an element that equals `element`, with options for where to search (`LPOS`).
    ///
    /// Returns its index from the head, `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpos_with(
        &self,
        key: impl ToKey,
        element: impl ToArg,
        options: LPosOptions,
    ) -> Self::Output<Option<u64>> {
        self.execute(
            Builder::new("LPOS")
                .read_only()
                .cached_reply()
                .key(key)
                .arg(element)
                .options(options)
                .build(),
        )
    }

    /// Finds at most `count` elements that equal `element`; a count of 0 means all (`LPOS`).
    ///
    /// Returns their indices from the head, in the order of the search.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lpos_count(
        &self,
        key: impl ToKey,
        element: impl ToArg,
        count: u64,
        options: LPosOptions,
    ) -> Self::Output<Vec<u64>> {
        self.execute(
            Builder::new("LPOS")
                .read_only()
                .cached_list()
                .key(key)
                .arg(element)
                .options(options)
                .arg("COUNT")
                .arg(count)
                .build(),
        )
    }

    /// Removes the element at one end of a list and adds it at an end of another list, which may be
    /// the same (`LMOVE`).
    ///
    /// Returns the element, `None` if the source does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lmove(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        from: ListEnd,
        to: ListEnd,
    ) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("LMOVE")
                .key(source)
                .key(destination)
                .args(from)
                .args(to)
                .build(),
        )
    }

    /// Like [`lmove`](Self::lmove), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lmove_as<T: FromFrame>(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        from: ListEnd,
        to: ListEnd,
    ) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("LMOVE")
                .key(source)
                .key(destination)
                .args(from)
                .args(to)
                .build(),
        )
    }

    /// Removes the element at one end of the first of several lists that exists (`LMPOP`).
    ///
    /// Returns the key and the element, `None` if no list exists.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lmpop(&self, keys: impl ToKeys, end: ListEnd) -> Self::Output<Option<(Bytes, Vec<Bytes>)>> {
        self.execute(Builder::new("LMPOP").counted_keys(keys).args(end).build())
    }

    /// Like [`lmpop`](Self::lmpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lmpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
    ) -> Self::Output<Option<(Bytes, Vec<T>)>> {
        self.execute(Builder::new("LMPOP").counted_keys(keys).args(end).build())
    }

    /// Removes at most `count` elements at one end of the first of several lists that exists
    /// (`LMPOP`).
    ///
    /// Returns the key and the elements in the order of removal, `None` if no list exists.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn lmpop_count(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        count: u64,
    ) -> Self::Output<Option<(Bytes, Vec<Bytes>)>> {
        self.execute(
            Builder::new("LMPOP")
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Like [`lmpop_count`](Self::lmpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn lmpop_count_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        count: u64,
    ) -> Self::Output<Option<(Bytes, Vec<T>)>> {
        self.execute(
            Builder::new("LMPOP")
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Removes the element at the head of the first of several lists that exists, and waits for one
    /// if there is none (`BLPOP`).
    ///
    /// Returns the key and the element, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
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
    fn blpop(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Bytes)>> {
        self.execute(Builder::new("BLPOP").keys(keys).timeout(timeout).build())
    }

    /// Like [`blpop`](Self::blpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn blpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, T)>> {
        self.execute(Builder::new("BLPOP").keys(keys).timeout(timeout).build())
    }

    /// Removes the element at the tail of the first of several lists that exists, and waits for one
    /// if there is none (`BRPOP`).
    ///
    /// Returns the key and the element, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
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
    fn brpop(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Bytes)>> {
        self.execute(Builder::new("BRPOP").keys(keys).timeout(timeout).build())
    }

    /// Like [`brpop`](Self::brpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn brpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, T)>> {
        self.execute(Builder::new("BRPOP").keys(keys).timeout(timeout).build())
    }

    /// Like [`lmove`](Self::lmove), but waits for an element if there is none (`BLMOVE`).
    ///
    /// Returns the element, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
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
    fn blmove(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        from: ListEnd,
        to: ListEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<Bytes>> {
        self.execute(
            Builder::new("BLMOVE")
                .key(source)
                .key(destination)
                .args(from)
                .args(to)
                .timeout(timeout)
                .build(),
        )
    }

    /// Like [`blmove`](Self::blmove), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn blmove_as<T: FromFrame>(
        &self,
        source: impl ToKey,
        destination: impl ToKey,
        from: ListEnd,
        to: ListEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<T>> {
        self.execute(
            Builder::new("BLMOVE")
                .key(source)
                .key(destination)
                .args(from)
                .args(to)
                .timeout(timeout)
                .build(),
        )
    }

    /// Like [`lmpop`](Self::lmpop), but waits for an element if there is none (`BLMPOP`).
    ///
    /// Returns the key and the element, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
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
    fn blmpop(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Vec<Bytes>)>> {
        self.execute(
            Builder::new("BLMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .build(),
        )
    }

    /// Like [`blmpop`](Self::blmpop), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn blmpop_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Vec<T>)>> {
        self.execute(
            Builder::new("BLMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .build(),
        )
    }

    /// Like [`lmpop_count`](Self::lmpop_count), but waits for an element if there is none
    /// (`BLMPOP`).
    ///
    /// Returns the key and the elements in the order of removal, `None` if there was none in time.
    ///
    /// The command runs on a leased connection, so it does not delay other commands, and cannot be
    /// part of a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A
    /// time limit of zero is rejected, because servers take it for forever.
    ///
    /// # Errors
    ///
    /// Fails if the key holds another type (code `WRONGTYPE`).
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
    fn blmpop_count(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        count: u64,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Vec<Bytes>)>> {
        self.execute(
            Builder::new("BLMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }

    /// Like [`blmpop_count`](Self::blmpop_count), but converts strings to `T`.
    ///
    /// # Errors
    ///
    /// Fails if a string cannot be converted to `T` (kind
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply)).
    fn blmpop_count_as<T: FromFrame>(
        &self,
        keys: impl ToKeys,
        end: ListEnd,
        count: u64,
        timeout: impl Into<Option<Duration>>,
    ) -> Self::Output<Option<(Bytes, Vec<T>)>> {
        self.execute(
            Builder::new("BLMPOP")
                .timeout(timeout)
                .counted_keys(keys)
                .args(end)
                .count(count)
                .build(),
        )
    }
}

impl<E: Executor> ListCommands for E {}
