//! Entries that were delivered to the application.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::membership::Membership;
use crate::commands::{StreamFields, StreamId};
use crate::error::Result;

/// Entry delivered by a [`Consumer`](crate::Consumer), to be processed and then [acknowledged](Self::ack).
///
/// A delivery that is dropped without an acknowledgement stays pending and is redelivered, to this consumer or another.
#[must_use = "a delivery that is dropped is redelivered; acknowledge it after processing"]
#[non_exhaustive]
pub struct Delivery {
    /// Key of the stream.
    pub stream: Bytes,
    /// ID of the entry.
    pub id: StreamId,
    /// Fields of the entry: at least one, unless it [was deleted](Self::is_deleted).
    pub fields: StreamFields,
    /// Number of deliveries of this entry, including this one, as far as known. A high number hints at an entry that cannot
    /// be processed.
    pub delivered: u64,
    out: Out,
}

/// Notes that an entry is out, for as long as it lives.
struct Out {
    membership: Arc<Membership>,
    stream: usize,
    id: StreamId,
}

impl Drop for Out {
    fn drop(&mut self) {
        self.membership.settle(self.stream, self.id);
    }
}

impl Delivery {
    /// A delivery, unless the application has this entry in its hands already.
    pub(super) fn new(
        membership: &Arc<Membership>,
        stream: usize,
        id: StreamId,
        fields: StreamFields,
        delivered: u64,
    ) -> Option<Self> {
        membership.hand_out(stream, id).then(|| Self {
            stream: (membership.streams.get(stream)).map_or_else(Bytes::new, Clone::clone),
            id,
            fields,
            delivered,
            out: Out {
                membership: Arc::clone(membership),
                stream,
                id,
            },
        })
    }

    /// Acknowledges the entry. It is then no longer pending, and is not delivered again.
    ///
    /// Acknowledgements of the same stream and group that are awaited at the same time, by any number of tasks and consumers
    /// of a client, share one `XACK`: one is in flight, and those that come meanwhile go together in the next, up to 1,000 at
    /// a time. So process deliveries concurrently, or await the acknowledgements of several together, where each write
    /// takes long, as it does with SwarmKeyDb's write queue.
    ///
    /// Acknowledging is idempotent, so the client sends it again if a reply is lost. `Ok` means that the entry is not pending;
    /// it does not tell whether another consumer had acknowledged it before.
    ///
    /// # Errors
    ///
    /// If no reply came in time: the entry may be acknowledged or not, so call this method again. The wait takes up to twice
    /// the `request_timeout`: once for the `XACK` in flight, and once for the next one.
    ///
    /// Of kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the server still lists the entry as pending after the `XACK`. That happens
    /// on SwarmKeyDb with IDs that were added with leading zeros, such as `7-01`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before its `XACK` is sent, the entry is not acknowledged. Later, it may be. Other
    /// acknowledgements are not affected.
    pub async fn ack(&self) -> Result<()> {
        self.out.membership.ack(self.out.stream, self.out.id).await
    }

    /// Whether the entry was deleted while it was pending, and so has no fields. Such entries are only delivered under
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
