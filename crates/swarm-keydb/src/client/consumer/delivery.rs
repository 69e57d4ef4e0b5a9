//! Entries that were delivered to the application.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::membership::Membership;
use crate::commands::{StreamFields, StreamId};
use crate::error::Result;

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
    /// Number of deliveries of this entry, including this one, as far as known. A high number hints
    /// at an entry that cannot be processed.
    pub delivered: u64,
    outstanding: Outstanding,
}

/// Keeps an entry recorded as outstanding until dropped.
struct Outstanding {
    membership: Arc<Membership>,
    stream: usize,
    id: StreamId,
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.membership.settle(self.stream, self.id);
    }
}

impl Delivery {
    /// Creates a delivery, unless the application already holds this entry.
    pub(super) fn new(
        membership: &Arc<Membership>,
        stream: usize,
        id: StreamId,
        fields: StreamFields,
        delivered: u64,
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
            },
        })
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
