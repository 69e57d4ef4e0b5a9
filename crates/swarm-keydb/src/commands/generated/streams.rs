//! Streams: entries of fields and values in the order of their IDs, and groups of consumers that share the reading of them. Generated from `spec/streams.toml`.

use crate::commands::scope::*;

/// Streams: entries of fields and values in the order of their IDs, and groups of consumers that share the reading of them.
///
/// IDs are [`StreamId`](crate::StreamId)s, or text that is one, such as `"5-1"` or `"5"`, which is sent as `5-0`; a text that is no ID is
/// refused before anything is sent. Ranges of IDs are Rust's: `..` is the whole stream, `id..` all from one ID on.
pub trait StreamCommands: Executor {
    /// Adds an entry to a stream, which is made when there is none (`XADD`).
    ///
    /// Returns the new entry's ID.
    fn xadd<K: ToArg, V: ToArg>(
        &self,
        key: impl ToKey,
        fields: impl IntoIterator<Item = (K, V)>,
    ) -> Self::Output<StreamId> {
        self.execute(
            Builder::new("XADD")
                .key(key)
                .arg("*")
                .fields(fields)
                .build(),
        )
    }

    /// Adds an entry to a stream, with an ID of its own, or to a stream whose length is limited (`XADD`).
    ///
    /// Returns the new entry's ID; `None` when there is no such stream and [`nomkstream`](crate::XAddOptions::nomkstream) was asked for.
    ///
    /// # Errors
    ///
    /// Fails if the ID is not greater than all before it.
    fn xadd_with<K: ToArg, V: ToArg>(
        &self,
        key: impl ToKey,
        fields: impl IntoIterator<Item = (K, V)>,
        options: XAddOptions,
    ) -> Self::Output<Option<StreamId>> {
        self.execute(
            Builder::new("XADD")
                .key(key)
                .options(options)
                .fields(fields)
                .build(),
        )
    }

    /// How many entries a stream has (`XLEN`).
    ///
    /// Returns the number, 0 when there is no such stream.
    fn xlen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(Builder::new("XLEN").read_only().key(key).build())
    }

    /// The entries of a range of IDs, oldest first (`XRANGE`).
    ///
    /// Returns the entries.
    fn xrange(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<StreamId>,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XRANGE")
                .read_only()
                .key(key)
                .range(range)
                .build_with(entries),
        )
    }

    /// The oldest entries of a range of IDs, oldest first, and at most so many (`XRANGE`).
    ///
    /// Returns the entries.
    fn xrange_count(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<StreamId>,
        count: u64,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XRANGE")
                .read_only()
                .key(key)
                .range(range)
                .count(count)
                .build_with(entries),
        )
    }

    /// The entries of a range of IDs, newest first (`XREVRANGE`).
    ///
    /// Returns the entries.
    fn xrevrange(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<StreamId>,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XREVRANGE")
                .read_only()
                .key(key)
                .range_reversed(range)
                .build_with(entries),
        )
    }

    /// The newest entries of a range of IDs, newest first, and at most so many (`XREVRANGE`).
    ///
    /// Returns the entries.
    fn xrevrange_count(
        &self,
        key: impl ToKey,
        range: impl RangeBounds<StreamId>,
        count: u64,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XREVRANGE")
                .read_only()
                .key(key)
                .range_reversed(range)
                .count(count)
                .build_with(entries),
        )
    }

    /// The entries of streams behind a position in each: behind an ID (`XREAD`).
    ///
    /// Returns the streams that have any, with their entries, oldest first; empty when there is nothing to read. SwarmKeyDb returns at most 1,000 entries, so read on until the reply is empty.
    fn xread(
        &self,
        streams: impl IntoIterator<Item = (impl ToKey, impl TryInto<ReadAfter>)>,
    ) -> Self::Output<Vec<StreamBatch>> {
        self.execute(
            Builder::new("XREAD")
                .read_only()
                .streams::<ReadAfter, _>(streams)
                .build_with(batches),
        )
    }

    /// The entries of streams behind a position in each: behind an ID, or those that are added while it waits
    /// ([`ReadAfter::Last`](crate::ReadAfter::Last), `"$"`). From the latter it is never sent again (`XREAD`).
    ///
    /// Returns the streams that have any, with their entries, oldest first; empty when there was nothing to read in time. Without a count, SwarmKeyDb returns at most 1,000 entries.
    fn xread_with(
        &self,
        streams: impl IntoIterator<Item = (impl ToKey, impl TryInto<ReadAfter>)>,
        options: XReadOptions,
    ) -> Self::Output<Vec<StreamBatch>> {
        self.execute(
            Builder::new("XREAD")
                .read_only()
                .options(options)
                .streams::<ReadAfter, _>(streams)
                .build_with(batches),
        )
    }

    /// The entries that a consumer of a group is given: new ones ([`GroupRead::New`](crate::GroupRead::New), `">"`), or those that it was given
    /// before and has not acknowledged, behind an ID (`XREADGROUP`).
    ///
    /// Returns the streams that have any, with their entries, oldest first; empty when there is nothing to read. SwarmKeyDb returns at most 1,000 entries.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xreadgroup(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToKey, impl TryInto<GroupRead>)>,
    ) -> Self::Output<Vec<StreamBatch>> {
        self.execute(
            Builder::new("XREADGROUP")
                .arg("GROUP")
                .echoed("group", group)
                .echoed("consumer", consumer)
                .streams::<GroupRead, _>(streams)
                .build_with(batches),
        )
    }

    /// The entries that a consumer of a group is given: new ones ([`GroupRead::New`](crate::GroupRead::New), `">"`), for which it may wait, or
    /// those that it was given before and has not acknowledged, behind an ID (`XREADGROUP`).
    ///
    /// Returns the streams that have any, with their entries, oldest first; empty when there was nothing to read in time. Without a count, SwarmKeyDb returns at most 1,000 entries.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xreadgroup_with(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToKey, impl TryInto<GroupRead>)>,
        options: XReadGroupOptions,
    ) -> Self::Output<Vec<StreamBatch>> {
        self.execute(
            Builder::new("XREADGROUP")
                .arg("GROUP")
                .echoed("group", group)
                .echoed("consumer", consumer)
                .options(options)
                .streams::<GroupRead, _>(streams)
                .build_with(batches),
        )
    }

    /// Acknowledges entries that consumers of a group were given: they are pending no more (`XACK`).
    ///
    /// Returns how many of them were pending.
    ///
    /// # Errors
    ///
    /// Fails if SwarmKeyDb refuses a stream or a group that there is not (code `NOGROUP`), where Redis counts 0.
    fn xack(&self, key: impl ToKey, group: impl ToArg, ids: impl StreamIds) -> Self::Output<u64> {
        self.execute(
            Builder::new("XACK")
                .key(key)
                .echoed("group", group)
                .ids(ids)
                .build(),
        )
    }

    /// How much the consumers of a group were given and have not acknowledged (`XPENDING`).
    ///
    /// Returns a [`PendingSummary`].
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xpending(&self, key: impl ToKey, group: impl ToArg) -> Self::Output<PendingSummary> {
        self.execute(
            Builder::new("XPENDING")
                .read_only()
                .key(key)
                .echoed("group", group)
                .build_with(pending_summary),
        )
    }

    /// What the consumers of a group were given and have not acknowledged: entry by entry, oldest first (`XPENDING`).
    ///
    /// Returns the entries, without their fields.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xpending_with(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        options: XPendingOptions,
    ) -> Self::Output<Vec<PendingEntry>> {
        self.execute(
            Builder::new("XPENDING")
                .read_only()
                .key(key)
                .echoed("group", group)
                .options(options)
                .build_with(pending_entries),
        )
    }

    /// Gives pending entries to a consumer, if they were given to another at least `min_idle` ago (`XCLAIM`).
    ///
    /// Returns the entries that it was given; those that were deleted meanwhile are left out.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xclaim(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl StreamIds,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .build_with(claimed),
        )
    }

    /// Gives pending entries to a consumer, as [`xclaim`](Self::xclaim) does, and says how they count from now on. SwarmKeyDb ignores the
    /// options, without an error (`XCLAIM`).
    ///
    /// Returns the entries that it was given; those that were deleted meanwhile are left out.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xclaim_with(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl StreamIds,
        options: XClaimOptions,
    ) -> Self::Output<Vec<StreamEntry>> {
        self.execute(
            Builder::new("XCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .options(options)
                .build_with(claimed),
        )
    }

    /// Gives pending entries to a consumer without reading them, so that they do not count as given once more. SwarmKeyDb ignores `JUSTID`
    /// and every option: it sends whole entries, of which this method returns the IDs, and counts the delivery (`XCLAIM`).
    ///
    /// Returns the entries that it was given.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xclaim_justid(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        ids: impl StreamIds,
        options: XClaimOptions,
    ) -> Self::Output<Vec<StreamId>> {
        self.execute(
            Builder::new("XCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .options(options)
                .arg("JUSTID")
                .build_with(claimed_ids),
        )
    }

    /// Gives a consumer entries that were given to another at least `min_idle` ago, from an ID on: one page of them (`XAUTOCLAIM`).
    ///
    /// Returns at most 100 entries, and where the next page begins: see [`AutoClaim::next_start`](crate::AutoClaim::next_start).
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xautoclaim(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl TryInto<StreamId>,
    ) -> Self::Output<AutoClaim> {
        self.execute(
            Builder::new("XAUTOCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .build_with(auto_claim),
        )
    }

    /// As [`xautoclaim`](Self::xautoclaim), at most so many entries (`XAUTOCLAIM`).
    ///
    /// Returns the entries, and where the next page begins: see [`AutoClaim::next_start`](crate::AutoClaim::next_start).
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    fn xautoclaim_count(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl TryInto<StreamId>,
        count: u64,
    ) -> Self::Output<AutoClaim> {
        self.execute(
            Builder::new("XAUTOCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .count(count)
                .build_with(auto_claim),
        )
    }

    /// As [`xautoclaim`](Self::xautoclaim), at most so many entries, without reading them, so that they do not count as given once more (`XAUTOCLAIM`).
    ///
    /// Returns the entries' IDs, and where the next page begins.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream or group (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xautoclaim_justid(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
        min_idle: Duration,
        start: impl TryInto<StreamId>,
        count: u64,
    ) -> Self::Output<AutoClaimIds> {
        self.execute(
            Builder::new("XAUTOCLAIM")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .count(count)
                .arg("JUSTID")
                .build_with(auto_claim_ids),
        )
    }

    /// Removes the oldest entries of a stream (`XTRIM`).
    ///
    /// Returns how many were removed.
    fn xtrim(&self, key: impl ToKey, trim: Trim) -> Self::Output<u64> {
        self.execute(Builder::new("XTRIM").key(key).options(trim).build())
    }

    /// Removes entries of a stream (`XDEL`).
    ///
    /// Returns how many of them there were.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xdel(&self, key: impl ToKey, ids: impl StreamIds) -> Self::Output<u64> {
        self.execute(Builder::new("XDEL").key(key).ids(ids).build())
    }

    /// What the server knows of a stream (`XINFO STREAM`).
    ///
    /// Returns a [`StreamInfo`].
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xinfo_stream(&self, key: impl ToKey) -> Self::Output<StreamInfo> {
        self.execute(
            Builder::new("XINFO STREAM")
                .read_only()
                .key(key)
                .build_with(stream_info),
        )
    }

    /// What the server knows of the groups of a stream (`XINFO GROUPS`).
    ///
    /// Returns a [`GroupInfo`] for each.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xinfo_groups(&self, key: impl ToKey) -> Self::Output<Vec<GroupInfo>> {
        self.execute(
            Builder::new("XINFO GROUPS")
                .read_only()
                .key(key)
                .build_with(groups_info),
        )
    }

    /// What the server knows of the consumers of a group (`XINFO CONSUMERS`).
    ///
    /// Returns a [`ConsumerInfo`] for each.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream, or no such group (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xinfo_consumers(
        &self,
        key: impl ToKey,
        group: impl ToArg,
    ) -> Self::Output<Vec<ConsumerInfo>> {
        self.execute(
            Builder::new("XINFO CONSUMERS")
                .read_only()
                .key(key)
                .echoed("group", group)
                .build_with(consumers_info),
        )
    }

    /// Makes a group that reads a stream from a position on: behind an ID, or from now on ([`ReadAfter::Last`](crate::ReadAfter::Last), `"$"`) (`XGROUP CREATE`).
    ///
    /// # Errors
    ///
    /// Fails if there is such a group already (code `BUSYGROUP`); there is no such stream.
    fn xgroup_create(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP CREATE")
                .key(key)
                .echoed("group", group)
                .position::<ReadAfter>(start)
                .build_with(ok),
        )
    }

    /// Makes a group, and the stream when there is none (`MKSTREAM`) (`XGROUP CREATE`).
    ///
    /// # Errors
    ///
    /// Fails if there is such a group already (code `BUSYGROUP`).
    fn xgroup_create_mkstream(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP CREATE")
                .key(key)
                .echoed("group", group)
                .position::<ReadAfter>(start)
                .arg("MKSTREAM")
                .build_with(ok),
        )
    }

    /// Removes a group, its consumers, and what they have not acknowledged (`XGROUP DESTROY`).
    ///
    /// Returns whether there was such a group.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream.
    fn xgroup_destroy(&self, key: impl ToKey, group: impl ToArg) -> Self::Output<bool> {
        self.execute(
            Builder::new("XGROUP DESTROY")
                .key(key)
                .echoed("group", group)
                .build(),
        )
    }

    /// Makes a group go on reading from a position. What its consumers have not acknowledged stays pending (`XGROUP SETID`).
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream, or no such group (code `NOGROUP`).
    fn xgroup_setid(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP SETID")
                .key(key)
                .echoed("group", group)
                .position::<ReadAfter>(start)
                .build_with(ok),
        )
    }

    /// Makes a consumer. One that reads is made without (`XGROUP CREATECONSUMER`).
    ///
    /// Returns whether it is new.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream, or no such group (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xgroup_createconsumer(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("XGROUP CREATECONSUMER")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .build(),
        )
    }

    /// Removes a consumer. What it has not acknowledged is pending no more, and no other consumer will be given it: claim it first (`XGROUP DELCONSUMER`).
    ///
    /// Returns how many entries it had not acknowledged.
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream, or no such group (code `NOGROUP`).
    fn xgroup_delconsumer(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("XGROUP DELCONSUMER")
                .key(key)
                .echoed("group", group)
                .echoed("consumer", consumer)
                .build(),
        )
    }

    /// Makes a stream's next entries get IDs greater than this one (`XSETID`).
    ///
    /// # Errors
    ///
    /// Fails if there is no such stream, or it holds a greater ID.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not know the command.
    fn xsetid(&self, key: impl ToKey, id: impl TryInto<StreamId>) -> Self::Output<()> {
        self.execute(
            Builder::new("XSETID")
                .key(key)
                .position::<StreamId>(id)
                .build_with(ok),
        )
    }
}

impl<E: Executor> StreamCommands for E {}
