//! Entries that somebody was given before: this consumer itself, or others that hold them for too long.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::delivery::Delivery;
use super::membership::Membership;
use super::work::{Place, Work};
use crate::commands::{
    GroupRead, PendingEntry, StreamEntry, StreamFields, StreamId, XPendingOptions,
    XReadGroupOptions,
};
use crate::error::Result;

/// What a page held, and where in the same stream the next one begins.
pub(super) struct Page {
    pub(super) found: Vec<Delivery>,
    pub(super) next: Option<StreamId>,
}

impl Page {
    const END: Self = Self {
        found: Vec::new(),
        next: None,
    };
}

/// Entries by their ID; those that were deleted have no fields.
type History = HashMap<StreamId, Option<StreamFields>>;

impl Work {
    /// A page of what this consumer was given and has not acknowledged, behind an ID.
    ///
    /// The list of what is pending comes first. The entries alone would not do: SwarmKeyDb leaves out those that were deleted,
    /// and a page of nothing but such looks like the end.
    pub(super) async fn pending_page(&self, place: Place) -> Result<Page> {
        let membership = Arc::clone(&self.membership);
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*membership;
        let Place { stream, id: after } = place;
        let Some(key) = streams.get(stream) else {
            return Ok(Page::END);
        };
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let options = XPendingOptions::new().range(behind).count(settings.count);
        // What is settled from here on must not be handed out again, though it is listed.
        let before = membership.out_of(stream);
        let listed = client
            .xpending_with(key, group, options.consumer(name))
            .await?;
        let Some(last) = listed.last().map(|entry| entry.id) else {
            return Ok(Page::END);
        };
        let mut entries = self.history(key, &listed).await?;
        let (mut found, mut deleted) = (Vec::new(), Vec::new());
        for pending in listed {
            let (id, delivered) = (pending.id, pending.delivered.saturating_add(1));
            if before.contains(&id) {
                continue;
            }
            let delivery = match entries.remove(&id) {
                Some(Some(fields)) => Delivery::new(&membership, stream, id, fields, delivered),
                Some(None) => self.deleted(stream, id, delivered, &mut deleted),
                // Deleted, or now pending for another consumer.
                None if client.xrange(key, id..=id).await?.is_empty() => {
                    self.deleted(stream, id, delivered, &mut deleted)
                }
                None => None,
            };
            found.extend(delivery);
        }
        self.forget(key, &deleted).await;
        let next = Some(last);
        Ok(Page { found, next })
    }

    /// What entries say that are pending, as far as it is there.
    async fn history(&self, key: &Bytes, listed: &[PendingEntry]) -> Result<History> {
        let Membership {
            client,
            group,
            name,
            ..
        } = &*self.membership;
        let after = listed.first().and_then(|entry| entry.id.previous());
        let after = after.unwrap_or(StreamId::MIN);
        // No more than these, for each that is read counts as delivered once more.
        let (mut count, mut more) = (u64::try_from(listed.len()).unwrap_or(u64::MAX), false);
        loop {
            let options = XReadGroupOptions::new().count(count);
            let from = [(key, GroupRead::Pending(after))];
            let read = client.xreadgroup_with(group, name, from, options).await?;
            let entries = read.into_iter().flat_map(|batch| batch.entries);
            let found: History = entries.map(|entry| (entry.id, entry.fields)).collect();
            // SwarmKeyDb counts the entry of the ID itself in. If that is pending, the last one has no room.
            if more || !found.contains_key(&after) {
                return Ok(found);
            }
            (count, more) = (count.saturating_add(1), true);
        }
    }

    /// A page of what was given to somebody too long ago, from an ID on: it is this consumer's from now on.
    pub(super) async fn claimed_page(&self, place: Place) -> Result<Page> {
        let membership = Arc::clone(&self.membership);
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*membership;
        let Place { stream, id: start } = place;
        let (Some(key), Some(min_idle)) = (streams.get(stream), settings.min_idle) else {
            return Ok(Page::END);
        };
        let before = membership.out_of(stream);
        let page = client
            .xautoclaim_count(key, group, name, min_idle, start, self.prefetch.count())
            .await?;
        let next = page.next_start(start);
        let counts = self.delivered(key, &page.entries, &before).await;
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        let claimed = page
            .entries
            .into_iter()
            .map(|entry| (entry.id, entry.fields));
        let deleted = page.deleted.into_iter().map(|id| (id, None));
        for (id, fields) in claimed.chain(deleted) {
            if before.contains(&id) {
                continue;
            }
            // Whoever held it before was given it once at least.
            let delivered = counts.get(&id).copied().unwrap_or(2);
            found.extend(match fields {
                Some(fields) => Delivery::new(&membership, stream, id, fields, delivered),
                None => self.deleted(stream, id, delivered, &mut gone),
            });
        }
        self.forget(key, &gone).await;
        Ok(Page { found, next })
    }

    /// How often entries were delivered that were claimed just now. Best effort: they are claimed, whatever comes.
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
        // Others of this consumer may lie between them.
        let most = claimed.len().saturating_add(out.len());
        let options = XPendingOptions::new()
            .range(first.id..=last.id)
            .count(u64::try_from(most).unwrap_or(u64::MAX))
            .consumer(name);
        let listed = client.xpending_with(key, group, options).await;
        let listed = listed.unwrap_or_default().into_iter();
        listed.map(|entry| (entry.id, entry.delivered)).collect()
    }
}
