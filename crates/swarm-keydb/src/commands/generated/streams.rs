//! `StreamCommands`, from `spec/streams.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Commands on streams: append-only logs of entries, and consumer groups that share the
/// entries.
///
/// Pass an ID as a [`StreamId`](crate::StreamId) or as text, such as `"5-1"` or `"5"`, which
/// means `5-0`. The client rejects invalid IDs before it sends the command. Pass a range of IDs
/// as a Rust range: `..` is the whole stream, and `id..` starts at an ID.
pub trait StreamCommands: Executor {
    /// Appends an entry to a stream (`XADD`).
    ///
    /// Creates the stream if it does not exist.
    ///
    /// Returns the new entry's ID.
    fn xadd<M>(&self, key: impl ToKey, fields: impl ToFields<M>) -> Self::Output<StreamId> {
        self.execute(
            Builder::new("XADD")
                .key(key)
                .arg("*")
                .fields(fields)
                .build(),
        )
    }

    /// Appends an entry to a stream, with an explicit ID or a limit on the stream's length
    /// (`XADD`).
    ///
    /// Returns the new entry's ID; `None` if the stream does not exist and
    /// [`nomkstream`](crate::XAddOptions::nomkstream) is set.
    ///
    /// # Errors
    ///
    /// Fails if the ID is not greater than that of the last entry.
    fn xadd_with<M>(
        &self,
        key: impl ToKey,
        fields: impl ToFields<M>,
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

    /// Counts the entries of a stream (`XLEN`).
    ///
    /// Returns the count, 0 if the stream does not exist.
    fn xlen(&self, key: impl ToKey) -> Self::Output<u64> {
        self.execute(Builder::new("XLEN").read_only().key(key).build())
    }

    /// Reads the entries in a range of IDs, oldest first (`XRANGE`).
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

    /// Reads at most `count` entries in a range of IDs, oldest first (`XRANGE`).
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

    /// Reads the entries in a range of IDs, newest first (`XREVRANGE`).
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

    /// Reads at most `count` entries in a range of IDs, newest first (`XREVRANGE`).
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

    /// Reads the entries that follow an ID in each stream (`XREAD`).
    ///
    /// Returns the streams with new entries, oldest first; empty if there are none. SwarmKeyDb
    /// returns at most 1,000 entries, so read on until the reply is empty.
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

    /// Reads the entries that follow an ID in each stream, or entries that arrive during the call
    /// ([`ReadAfter::Last`](crate::ReadAfter::Last), `"$"`) (`XREAD`).
    ///
    /// The client does not retry a call with `Last`.
    ///
    /// Returns the streams with new entries, oldest first; empty if none arrived in time. Without a
    /// count, SwarmKeyDb returns at most 1,000 entries.
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

    /// Reads entries as a consumer of a group: new entries
    /// ([`GroupRead::New`](crate::GroupRead::New), `">"`), or the consumer's own pending entries
    /// that follow an ID (`XREADGROUP`).
    ///
    /// Returns the streams with entries, oldest first; empty if there are none. Pending entries
    /// that were deleted are in [`deleted`](crate::StreamBatch::deleted). SwarmKeyDb returns at
    /// most 1,000 entries.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    fn xreadgroup(
        &self,
        group: impl ToArg,
        consumer: impl ToArg,
        streams: impl IntoIterator<Item = (impl ToKey, impl TryInto<GroupRead>)>,
    ) -> Self::Output<Vec<StreamBatch>> {
        self.execute(
            Builder::new("XREADGROUP")
                .arg("GROUP")
                .echoed(group)
                .echoed(consumer)
                .streams::<GroupRead, _>(streams)
                .build_with(batches),
        )
    }

    /// Reads entries as a consumer of a group: new entries
    /// ([`GroupRead::New`](crate::GroupRead::New), `">"`), for which the call may block, or the
    /// consumer's own pending entries that follow an ID (`XREADGROUP`).
    ///
    /// Returns the streams with entries, oldest first; empty if none arrived in time. Pending
    /// entries that were deleted are in [`deleted`](crate::StreamBatch::deleted). Without a count,
    /// SwarmKeyDb returns at most 1,000 entries.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
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
                .echoed(group)
                .echoed(consumer)
                .options(options)
                .streams::<GroupRead, _>(streams)
                .build_with(batches),
        )
    }

    /// Acknowledges entries of a consumer group, which removes them from the pending entries
    /// (`XACK`).
    ///
    /// Returns how many of the entries were pending.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`), on SwarmKeyDb only; Redis
    /// returns 0.
    fn xack(&self, key: impl ToKey, group: impl ToArg, ids: impl StreamIds) -> Self::Output<u64> {
        self.execute(Builder::new("XACK").key(key).echoed(group).ids(ids).build())
    }

    /// Summarizes the pending entries of a consumer group (`XPENDING`).
    ///
    /// Returns a [`PendingSummary`].
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    fn xpending(&self, key: impl ToKey, group: impl ToArg) -> Self::Output<PendingSummary> {
        self.execute(
            Builder::new("XPENDING")
                .read_only()
                .key(key)
                .echoed(group)
                .build_with(pending_summary),
        )
    }

    /// Lists pending entries of a consumer group, oldest first (`XPENDING`).
    ///
    /// Returns the entries, without their fields.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
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
                .echoed(group)
                .options(options)
                .build_with(pending_entries),
        )
    }

    /// Claims pending entries for a consumer if they were delivered at least `min_idle` ago
    /// (`XCLAIM`).
    ///
    /// Returns the claimed entries, without those that were deleted.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .build_with(claimed),
        )
    }

    /// Claims pending entries for a consumer, with options (`XCLAIM`).
    ///
    /// SwarmKeyDb ignores the options without an error.
    ///
    /// Returns the claimed entries, without those that were deleted.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .options(options)
                .build_with(claimed),
        )
    }

    /// Claims pending entries for a consumer, but returns only their IDs and does not increment
    /// their delivery counts (`XCLAIM`).
    ///
    /// SwarmKeyDb ignores `JUSTID` and all options: SwarmKeyDb sends whole entries, of which this
    /// method returns the IDs, and increments the delivery counts.
    ///
    /// Returns the IDs of the claimed entries.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .ids(ids)
                .options(options)
                .arg("JUSTID")
                .build_with(claimed_ids),
        )
    }

    /// Claims one page of entries that were delivered to another consumer at least `min_idle` ago,
    /// starting at an ID (`XAUTOCLAIM`).
    ///
    /// Returns at most 100 entries and the start of the next page: see
    /// [`AutoClaim::next_start`](crate::AutoClaim::next_start).
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .build_with(auto_claim),
        )
    }

    /// Claims at most `count` entries that were delivered to another consumer at least `min_idle`
    /// ago, starting at an ID (`XAUTOCLAIM`).
    ///
    /// Returns the entries and the start of the next page: see
    /// [`AutoClaim::next_start`](crate::AutoClaim::next_start).
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .count(count)
                .build_with(auto_claim),
        )
    }

    /// Claims at most `count` entries like [`xautoclaim_count`](Self::xautoclaim_count), but
    /// returns only their IDs and does not increment their delivery counts (`XAUTOCLAIM`).
    ///
    /// Returns the IDs of the entries and the start of the next page.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
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
                .echoed(group)
                .echoed(consumer)
                .milliseconds(min_idle)
                .position::<StreamId>(start)
                .count(count)
                .arg("JUSTID")
                .build_with(auto_claim_ids),
        )
    }

    /// Removes the oldest entries from a stream (`XTRIM`).
    ///
    /// Returns how many entries were removed.
    fn xtrim(&self, key: impl ToKey, trim: Trim) -> Self::Output<u64> {
        self.execute(Builder::new("XTRIM").key(key).options(trim).build())
    }

    /// Removes entries from a stream (`XDEL`).
    ///
    /// Returns how many of the entries existed.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn xdel(&self, key: impl ToKey, ids: impl StreamIds) -> Self::Output<u64> {
        self.execute(Builder::new("XDEL").key(key).ids(ids).build())
    }

    /// Gets information about a stream (`XINFO STREAM`).
    ///
    /// Returns a [`StreamInfo`].
    ///
    /// # Errors
    ///
    /// Fails if the stream does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn xinfo_stream(&self, key: impl ToKey) -> Self::Output<StreamInfo> {
        self.execute(
            Builder::new("XINFO STREAM")
                .read_only()
                .key(key)
                .build_with(stream_info),
        )
    }

    /// Gets information about the consumer groups of a stream (`XINFO GROUPS`).
    ///
    /// Returns a [`GroupInfo`] for each group.
    ///
    /// # Errors
    ///
    /// Fails if the stream does not exist.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn xinfo_groups(&self, key: impl ToKey) -> Self::Output<Vec<GroupInfo>> {
        self.execute(
            Builder::new("XINFO GROUPS")
                .read_only()
                .key(key)
                .build_with(groups_info),
        )
    }

    /// Gets information about the consumers of a group (`XINFO CONSUMERS`).
    ///
    /// Returns a [`ConsumerInfo`] for each consumer.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn xinfo_consumers(
        &self,
        key: impl ToKey,
        group: impl ToArg,
    ) -> Self::Output<Vec<ConsumerInfo>> {
        self.execute(
            Builder::new("XINFO CONSUMERS")
                .read_only()
                .key(key)
                .echoed(group)
                .build_with(consumers_info),
        )
    }

    /// Creates a consumer group that reads a stream after an ID, or only new entries
    /// ([`ReadAfter::Last`](crate::ReadAfter::Last), `"$"`) (`XGROUP CREATE`).
    ///
    /// # Errors
    ///
    /// Fails if the group already exists (code `BUSYGROUP`); the stream does not exist.
    fn xgroup_create(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP CREATE")
                .key(key)
                .echoed(group)
                .position::<ReadAfter>(start)
                .build_with(ok),
        )
    }

    /// Creates a consumer group and, with `MKSTREAM`, the stream if it does not exist
    /// (`XGROUP CREATE`).
    ///
    /// # Errors
    ///
    /// Fails if the group already exists (code `BUSYGROUP`).
    fn xgroup_create_mkstream(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP CREATE")
                .key(key)
                .echoed(group)
                .position::<ReadAfter>(start)
                .arg("MKSTREAM")
                .build_with(ok),
        )
    }

    /// Removes a consumer group with its consumers and pending entries (`XGROUP DESTROY`).
    ///
    /// Returns whether the group existed.
    ///
    /// # Errors
    ///
    /// Fails if the stream does not exist.
    fn xgroup_destroy(&self, key: impl ToKey, group: impl ToArg) -> Self::Output<bool> {
        self.execute(
            Builder::new("XGROUP DESTROY")
                .key(key)
                .echoed(group)
                .build(),
        )
    }

    /// Sets the position that a consumer group reads from (`XGROUP SETID`).
    ///
    /// Pending entries stay pending.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    fn xgroup_setid(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        start: impl TryInto<ReadAfter>,
    ) -> Self::Output<()> {
        self.execute(
            Builder::new("XGROUP SETID")
                .key(key)
                .echoed(group)
                .position::<ReadAfter>(start)
                .build_with(ok),
        )
    }

    /// Creates a consumer (`XGROUP CREATECONSUMER`).
    ///
    /// The server also creates a consumer when it first reads.
    ///
    /// Returns whether the consumer is new.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn xgroup_createconsumer(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
    ) -> Self::Output<bool> {
        self.execute(
            Builder::new("XGROUP CREATECONSUMER")
                .key(key)
                .echoed(group)
                .echoed(consumer)
                .build(),
        )
    }

    /// Removes a consumer and its pending entries (`XGROUP DELCONSUMER`).
    ///
    /// No other consumer receives those entries; claim them first.
    ///
    /// Returns how many pending entries the consumer had.
    ///
    /// # Errors
    ///
    /// Fails if the stream or the group does not exist (code `NOGROUP`).
    fn xgroup_delconsumer(
        &self,
        key: impl ToKey,
        group: impl ToArg,
        consumer: impl ToArg,
    ) -> Self::Output<u64> {
        self.execute(
            Builder::new("XGROUP DELCONSUMER")
                .key(key)
                .echoed(group)
                .echoed(consumer)
                .build(),
        )
    }

    /// Sets the last ID of a stream (`XSETID`).
    ///
    /// Later entries get greater IDs.
    ///
    /// # Errors
    ///
    /// Fails if the stream does not exist or contains a greater ID.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
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
