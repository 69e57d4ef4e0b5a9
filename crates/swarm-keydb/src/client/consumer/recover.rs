//! Redelivery of pending entries: those of this consumer, and those that others have held for too
//! long.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use tracing::Span;

use super::delivery::Delivery;
use super::membership::Membership;
use super::page::Page;
use super::work::{Cursor, Work};
use crate::commands::{
    GroupRead, PendingEntry, StreamEntry, StreamFields, StreamId, XPendingOptions,
    XReadGroupOptions,
};
use crate::error::Result;

/// Entries by ID. Deleted entries have no fields.
type History = HashMap<StreamId, Option<StreamFields>>;

impl Work {
    /// Returns a page of this consumer's pending entries after an ID.
    ///
    /// Requests the list of pending IDs first, because SwarmKeyDb omits deleted entries, so a page
    /// of nothing but deleted entries would look like the end.
    pub(super) async fn pending_page(&self, cursor: Cursor) -> Result<Page> {
        let membership = Arc::clone(&self.membership);
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*membership;
        let Cursor { stream, id: after } = cursor;
        let Some(key) = streams.get(stream) else {
            return Ok(Page::END);
        };
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let options = XPendingOptions::new().range(behind).count(settings.count);
        // An entry that is acknowledged from here on may still be listed, but must not be delivered
        // again.
        let before = membership.held_in(stream);
        let listed = client
            .xpending_with(key, group, options.consumer(name))
            .await?;
        let Some(last) = listed.last().map(|entry| entry.id) else {
            return Ok(Page::END);
        };
        let (mut entries, read) = self.history(key, &listed).await?;
        let (mut found, mut deleted) = (Vec::new(), Vec::new());
        for pending in listed {
            let (id, delivered) = (pending.id, pending.delivered.saturating_add(1));
            if before.contains(&id) {
                continue;
            }
            let delivery = match entries.remove(&id) {
                Some(Some(fields)) => {
                    Delivery::new(&membership, (stream, id), fields, delivered, &read)
                }
                Some(None) => self.deleted((stream, id), delivered, &read, &mut deleted),
                // Deleted, or now pending for another consumer.
                None if client.xrange(key, id..=id).await?.is_empty() => {
                    self.deleted((stream, id), delivered, &read, &mut deleted)
                }
                None => None,
            };
            found.extend(delivery);
        }
        self.acknowledge_deleted(key, &deleted).await;
        let next = Some(last);
        Ok(Page { found, next })
    }

    /// Returns the fields of pending entries, as far as they exist, and the span of the read.
    async fn history(&self, key: &Bytes, listed: &[PendingEntry]) -> Result<(History, Span)> {
        let Membership {
            client,
            group,
            name,
            ..
        } = &*self.membership;
        let after = listed.first().and_then(|entry| entry.id.previous());
        let after = after.unwrap_or(StreamId::MIN);
        // Reads only the listed entries, because each read increments the delivery count.
        let (mut count, mut more) = (u64::try_from(listed.len()).unwrap_or(u64::MAX), false);
        loop {
            let options = XReadGroupOptions::new().count(count);
            let from = [(key, GroupRead::Pending(after))];
            let read = client.xreadgroup_with(group, name, from, options);
            let (read, span) = read.traced().await?;
            let mut found = History::new();
            for batch in read {
                let entries = batch.entries.into_iter();
                found.extend(entries.map(|entry| (entry.id, Some(entry.fields))));
                found.extend(batch.deleted.into_iter().map(|id| (id, None)));
            }
            // SwarmKeyDb includes the entry of the start ID. If that is pending, it takes the place
            // of the last entry, so read one more.
            if more || !found.contains_key(&after) {
                return Ok((found, span));
            }
            (count, more) = (count.saturating_add(1), true);
        }
    }

    /// Claims and returns a page of entries that have been pending for too long, from an ID on.
    pub(super) async fn claimed_page(&self, cursor: Cursor) -> Result<Page> {
        let membership = Arc::clone(&self.membership);
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*membership;
        let Cursor { stream, id: start } = cursor;
        let (Some(key), Some(min_idle)) = (streams.get(stream), settings.min_idle) else {
            return Ok(Page::END);
        };
        let before = membership.held_in(stream);
        let page = client
            .xautoclaim_count(key, group, name, min_idle, start, self.prefetch.count())
            .traced();
        let (page, read) = page.await?;
        let next = page.next_start(start);
        let counts = self.delivered(key, &page.entries, &before).await;
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        let claimed = page
            .entries
            .into_iter()
            .map(|entry| (entry.id, Some(entry.fields)));
        let deleted = page.deleted.into_iter().map(|id| (id, None));
        for (id, fields) in claimed.chain(deleted) {
            if before.contains(&id) {
                continue;
            }
            // The previous owner received the entry at least once.
            let delivered = counts.get(&id).copied().unwrap_or(2);
            found.extend(match fields {
                Some(fields) => Delivery::new(&membership, (stream, id), fields, delivered, &read),
                None => self.deleted((stream, id), delivered, &read, &mut gone),
            });
        }
        self.acknowledge_deleted(key, &gone).await;
        Ok(Page { found, next })
    }

    /// Returns the delivery counts of entries that were just claimed. Best effort: the entries are
    /// claimed in any case.
    async fn delivered(
        &self,
        key: &Bytes,
        claimed: &[StreamEntry],
        out: &HashSet<StreamId>,
    ) -> HashMap<StreamId, u64> {
        let Membership {
            client,
            group,
            name,
            ..
        } = &*self.membership;
        let (Some(first), Some(last)) = (claimed.first(), claimed.last()) else {
            return HashMap::new();
        };
        // Other pending entries of this consumer may lie in between.
        let max = claimed.len().saturating_add(out.len());
        let options = XPendingOptions::new()
            .range(first.id..=last.id)
            .count(u64::try_from(max).unwrap_or(u64::MAX))
            .consumer(name);
        let listed = client.xpending_with(key, group, options).await;
        let listed = listed.unwrap_or_default().into_iter();
        listed.map(|entry| (entry.id, entry.delivered)).collect()
    }
}
