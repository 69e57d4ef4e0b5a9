//! Redelivery of one entry at a time, so that the server's delivery count grows only for entries
//! that the application receives.

use std::ops::Bound;
use std::sync::Arc;

use super::dead_letter::bury;
use super::delivery::Delivery;
use super::membership::Membership;
use super::page::Candidate;
use super::retries::{Entry, in_future};
use super::work::{Cursor, Work};
use crate::commands::{StreamId, XPendingOptions};
use crate::error::{ErrorKind, Result};
use crate::runtime::Instant;

impl Work {
    /// Lists a page of pending entries, without changing their delivery counts: those of this
    /// consumer, or with `claims`, those that any consumer has held for too long. Returns the start
    /// of the next page.
    pub(super) async fn list(&mut self, cursor: Cursor, claims: bool) -> Result<Option<StreamId>> {
        let membership = Arc::clone(&self.membership);
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*membership;
        let Some(key) = streams.get(cursor.stream) else {
            return Ok(None);
        };
        let after = (Bound::Excluded(cursor.id), Bound::Unbounded);
        let options = XPendingOptions::new().range(after).count(settings.count);
        let options = match settings.min_idle.filter(|_| claims) {
            Some(min_idle) => options.idle(min_idle),
            None => options.consumer(name),
        };
        // An entry that is acknowledged from here on may still be listed, but must not be delivered
        // again.
        let before = membership.held_in(cursor.stream);
        let listed = client.xpending_with(key, group, options).await?;
        let next = listed.last().map(|entry| entry.id);
        let unheld = listed
            .into_iter()
            .filter(|entry| !before.contains(&entry.id));
        self.candidates.extend(unheld.map(|pending| Candidate {
            stream: cursor.stream,
            pending,
            is_claim: claims,
        }));
        Ok(next)
    }

    /// Redelivers the next candidate, or moves it to the dead-letter stream.
    pub(super) async fn redeliver_next(&mut self, candidate: Candidate) -> Result<Vec<Delivery>> {
        let (stream, id) = (candidate.stream, candidate.pending.id);
        match self.redeliver(&candidate, None).await {
            Ok(Some(found)) => Ok(found.into_iter().collect()),
            Ok(None) => {
                // Another consumer took the entry, and probably the next ones, too.
                if candidate.is_claim {
                    self.candidates.clear();
                    self.claim_from(Cursor { stream, id });
                }
                Ok(Vec::new())
            }
            Err(error) => {
                // The list is out of date. What is pending is listed again later.
                self.candidates.clear();
                self.recover_later();
                Err(error)
            }
        }
    }

    /// Redelivers an entry that the application gave back.
    pub(super) async fn retry(
        &self,
        (stream, id): Entry,
        reason: Option<String>,
    ) -> Result<Vec<Delivery>> {
        let redelivered = async {
            let Some(pending) = self.membership.pending(stream, id).await? else {
                return Ok(None);
            };
            let candidate = Candidate {
                stream,
                pending,
                is_claim: false,
            };
            self.redeliver(&candidate, reason.as_deref()).await
        };
        match redelivered.await {
            Ok(found) => Ok(found.flatten().into_iter().collect()),
            Err(error) => {
                let settings = &self.membership.settings;
                let is_transient = error.is_retryable()
                    || matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout);
                let due = if is_transient {
                    Instant::now()
                } else {
                    in_future(settings.claim_interval)
                };
                self.membership.schedule((stream, id), due, reason);
                Err(error)
            }
        }
    }

    /// Claims an entry for this consumer and delivers it, unless it has been delivered too often.
    /// Returns `None` if it is no longer available.
    async fn redeliver(
        &self,
        candidate: &Candidate,
        reason: Option<&str>,
    ) -> Result<Option<Option<Delivery>>> {
        let membership = &self.membership;
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &**membership;
        let Candidate {
            stream, pending, ..
        } = candidate;
        let (stream, id) = (*stream, pending.id);
        let Some(key) = streams.get(stream) else {
            return Ok(None);
        };
        // If another consumer has claimed the entry since it was listed, its idle time is shorter.
        let claimed = client.xclaim(key, group, name, pending.idle, id);
        let (claimed, read) = claimed.traced().await?;
        let delivered = pending.delivered.saturating_add(1);
        let Some(fields) = claimed.into_iter().next().map(|entry| entry.fields) else {
            if !client.xrange(key, id..=id).await?.is_empty() {
                return Ok(None);
            }
            let mut gone = Vec::new();
            let deleted = self.deleted((stream, id), delivered, &read, &mut gone);
            self.acknowledge_deleted(key, &gone).await;
            return Ok(Some(deleted));
        };
        let is_spent = settings
            .max_deliveries
            .is_some_and(|max| pending.delivered >= max);
        if let (true, Some(to)) = (is_spent, &membership.dead_letter) {
            bury(
                membership,
                to,
                (stream, id),
                &fields,
                pending.delivered,
                reason,
            )
            .await?;
            return Ok(Some(None));
        }
        let delivery = Delivery::new(membership, (stream, id), fields, delivered, &read);
        Ok(Some(delivery))
    }
}
