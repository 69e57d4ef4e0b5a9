//! Entries that were delivered to the application.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::{Instrument as _, Span};

use super::dead_letter::bury;
use super::membership::Membership;
use super::retries::{Entry, in_future};
use super::span::DeliverySpan;
use crate::commands::{StreamFields, StreamId};
use crate::error::{Error, Result};

/// Entry delivered by a [`Consumer`](crate::Consumer), to be processed and then
/// [acknowledged](Self::ack).
///
/// A delivery that is dropped without an acknowledgement stays pending and is redelivered, to this
/// consumer or another.
#[must_use = "a delivery that is dropped is redelivered; acknowledge it after processing"]
#[non_exhaustive]
pub struct Delivery {
    /// Key of the stream.
    pub stream: Bytes,
    /// ID of the entry.
    pub id: StreamId,
    /// Fields of the entry: at least one, unless it [was deleted](Self::is_deleted).
    pub fields: StreamFields,
    /// Number of deliveries of this entry, including this one, as far as known.
    ///
    /// Do not use it to give up on entries: a consumer reads and claims entries in batches, and
    /// after a crash, the number of each entry of the batch has grown, although only one was being
    /// processed. Use [`max_deliveries`](crate::ConsumerBuilder::max_deliveries) instead, with
    /// which the consumer claims one entry at a time.
    pub delivered: u64,
    outstanding: Outstanding,
}

/// Keeps an entry recorded as outstanding until dropped.
struct Outstanding {
    membership: Arc<Membership>,
    stream: usize,
    id: StreamId,
    span: Box<DeliverySpan>,
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        let membership = &self.membership;
        let was_outstanding = match membership.settings.retry_delay {
            // Has no effect if the entry is acknowledged.
            Some(delay) => membership.give_back((self.stream, self.id), in_future(delay), None),
            None => membership.settle(self.stream, self.id),
        };
        if was_outstanding {
            self.span.cancelled();
        }
    }
}

impl Delivery {
    /// Creates a delivery, unless the application already holds this entry. `read` is the span of
    /// the operation that returned the entry.
    pub(super) fn new(
        membership: &Arc<Membership>,
        (stream, id): Entry,
        fields: StreamFields,
        delivered: u64,
        read: &Span,
    ) -> Option<Self> {
        membership.deliver(stream, id).then(|| Self {
            stream: (membership.streams.get(stream)).map_or_else(Bytes::new, Clone::clone),
            id,
            fields,
            delivered,
            outstanding: Outstanding {
                membership: Arc::clone(membership),
                stream,
                id,
                span: Box::new(DeliverySpan::new(membership, id, delivered, read)),
            },
        })
    }

    /// Records that the application receives the delivery.
    pub(super) fn note_yielded(&self) {
        self.outstanding.span.yielded();
    }

    /// Runs a future in the span of this delivery, so that the spans of its commands become
    /// children of the span. Without a subscriber of spans, the future runs unchanged. See
    /// [observability](crate::guide::observability#deliveries).
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{Client, Delivery, Result};
    /// async fn process(client: &Client, delivery: &Delivery) -> Result<()> {
    ///     let work = async {
    ///         client.incr("processed").await?;
    ///         delivery.ack().await
    ///     };
    ///     delivery.in_span(work).await
    /// }
    /// ```
    pub fn in_span<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.span().clone())
    }

    pub(crate) fn span(&self) -> &Span {
        self.outstanding.span.span()
    }

    /// Acknowledges the entry. It is then no longer pending, and is not delivered again.
    ///
    /// The client batches concurrent acknowledgments of the same stream and group, from all tasks
    /// and consumers of a client: one `XACK` is in flight, and acknowledgments that arrive
    /// meanwhile share the next one, up to 1,000 at a time. If writes are slow, as with
    /// SwarmKeyDb's write queue, process deliveries concurrently or await several acknowledgments
    /// together.
    ///
    /// Acknowledging is idempotent, so the client sends it again if a reply is lost. `Ok` means
    /// that the entry is not pending; it does not tell whether another consumer had acknowledged it
    /// before.
    ///
    /// # Errors
    ///
    /// Kind [`Timeout`](crate::ErrorKind::Timeout) or [`Connection`](crate::ErrorKind::Connection)
    /// if no reply arrived: the entry may be acknowledged or not, so call this method again. The
    /// wait takes up to twice the `request_timeout`: once for the `XACK` in flight, and once for
    /// the next one.
    ///
    /// Kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the server still lists the
    /// entry as pending after the `XACK`. That happens on SwarmKeyDb with IDs that were added with
    /// leading zeros, such as `7-01`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before its `XACK` is sent, the entry is not acknowledged. If it is
    /// dropped later, the entry may be acknowledged. Other acknowledgments are not affected.
    pub async fn ack(&self) -> Result<()> {
        self.outstanding
            .membership
            .ack(self.outstanding.stream, self.outstanding.id)
            .await
    }

    /// Gives the entry back: this consumer redelivers it after a delay, as its next delivery.
    ///
    /// Sends nothing. The delay ends early if the entry has reached
    /// [`max_deliveries`](crate::ConsumerBuilder::max_deliveries), or if another consumer claims
    /// the entry after [`min_idle`](crate::ConsumerBuilder::min_idle), so use a shorter delay than
    /// that. If the consumer stops or crashes first, the entry is redelivered like any other that
    /// is pending. Has no effect on an entry that is acknowledged.
    pub fn nack(self, after: Duration) {
        self.give_back(after, None);
    }

    /// Gives the entry back like [`nack`](Self::nack), with the reason. If the entry is not
    /// delivered again, the reason is written to the
    /// [dead-letter stream](crate::ConsumerBuilder::dead_letter).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass an error or a literal"
    )]
    pub fn nack_with(self, after: Duration, reason: impl ToString) {
        self.give_back(after, Some(reason.to_string()));
    }

    fn give_back(self, after: Duration, reason: Option<String>) {
        let Outstanding {
            membership,
            stream,
            id,
            span,
        } = &self.outstanding;
        let max = membership.settings.max_deliveries;
        let is_spent = max.is_some_and(|max| self.delivered >= max);
        let due = if is_spent { Duration::ZERO } else { after };
        if membership.give_back((*stream, *id), in_future(due), reason) {
            span.failed("nack");
        }
    }

    /// Moves the entry to the [dead-letter stream](crate::ConsumerBuilder::dead_letter), because it
    /// can never be processed. Writes the entry there, and then acknowledges it.
    ///
    /// # Errors
    ///
    /// Kind [`Config`](crate::ErrorKind::Config) if the consumer has no dead-letter stream.
    /// Otherwise the errors of any command and of [`ack`](Self::ack). After an error, the entry may
    /// be in the dead-letter stream and still pending, so call this method again; the entry may
    /// then be there twice.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the entry may be in the dead-letter stream, or acknowledged, too.
    /// An entry that is acknowledged is always in the dead-letter stream.
    pub async fn dead_letter(&self, reason: impl ToString) -> Result<()> {
        let Outstanding {
            membership,
            stream,
            id,
            span,
        } = &self.outstanding;
        let to = membership.dead_letter.as_ref().ok_or_else(|| {
            Error::config("the consumer has no dead-letter stream; set dead_letter")
        })?;
        let (entry, reason) = ((*stream, *id), reason.to_string());
        bury(
            membership,
            to,
            entry,
            &self.fields,
            self.delivered,
            Some(&reason),
        )
        .await?;
        span.failed("dead_letter");
        Ok(())
    }

    /// Resets the entry's idle time, so that no other consumer claims it for another
    /// [`min_idle`](crate::ConsumerBuilder::min_idle). Call it regularly during long work.
    ///
    /// Returns false if the entry is no longer pending for this consumer: it is acknowledged, or
    /// another consumer has claimed it and processes it again.
    ///
    /// SwarmKeyDb counts each call as a delivery, so this method is rejected there, and on servers
    /// that the client does not recognize, if
    /// [`max_deliveries`](crate::ConsumerBuilder::max_deliveries) is set. Raise `min_idle` instead.
    ///
    /// # Errors
    ///
    /// The errors of any command. Kind [`Config`](crate::ErrorKind::Config) if the call would count
    /// as a delivery.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the idle time may be reset.
    pub async fn extend(&self) -> Result<bool> {
        let Outstanding {
            membership,
            stream,
            id,
            ..
        } = &self.outstanding;
        membership.extend(*stream, *id).await
    }

    /// Returns whether the entry was deleted while it was pending and so has no fields. The
    /// consumer yields such entries only with
    /// [`DeletedEntries::Yield`](crate::DeletedEntries::Yield).
    pub const fn is_deleted(&self) -> bool {
        self.fields.is_empty()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("fields", &self.fields.len())
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}
