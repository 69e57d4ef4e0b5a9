//! An entry in the hands of the application.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::membership::Membership;
use crate::commands::{StreamCommands, StreamFields, StreamId};
use crate::error::Result;

/// An entry that a [`Consumer`](crate::Consumer) was given, to be processed and [acknowledged](Self::ack).
///
/// One that is dropped without stays pending: it comes again, to this consumer or another.
#[must_use = "a delivery that is dropped comes again later; acknowledge it when it is processed"]
#[non_exhaustive]
pub struct Delivery {
    /// The stream that it is of.
    pub stream: Bytes,
    /// Its ID.
    pub id: StreamId,
    /// What it says: at least one field, unless it [was deleted](Self::is_deleted).
    pub fields: StreamFields,
    /// How often it was given to a consumer, this time included, as far as known. An entry that comes again and again may be
    /// one that cannot be processed.
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

    /// Acknowledges the entry: it is pending no more, and nobody will be given it again.
    ///
    /// Sent again when the reply is lost, for acknowledging twice is as once.
    ///
    /// **Errors:** when the server could not be reached in time. Then it may be acknowledged or not; call this again.
    ///
    /// **Cancel safety:** as for errors.
    pub async fn ack(&self) -> Result<()> {
        let Membership { client, group, .. } = &*self.out.membership;
        let acked = client.xack(&self.stream, group, self.id).retry_safe().await;
        match acked {
            Ok(_) => {}
            // Nothing is pending in a group that is gone.
            Err(error) if error.is_no_group() => {}
            Err(error) => return Err(error),
        }
        self.out.membership.settle(self.out.stream, self.id);
        Ok(())
    }

    /// Whether the entry was deleted while it was pending, so that it has no fields. Only where
    /// [`deleted_entries`](crate::ConsumerBuilder::deleted_entries) asks for those.
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
