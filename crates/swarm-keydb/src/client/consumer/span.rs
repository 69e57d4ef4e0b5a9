//! Span of a delivery, from the read of its entry until the delivery is dropped.

use tracing::field::Empty;
use tracing::{Level, Span};

use super::membership::Membership;
use crate::commands::StreamId;
use crate::options::CANCELLED;

/// Span of a delivery. Disabled unless a subscriber wants it.
///
/// The span has no parent, because the entry was added elsewhere. It links to the operation that
/// read the entry instead.
pub(super) struct DeliverySpan(Span);

impl DeliverySpan {
    /// Creates the span of an entry that `read` has returned.
    pub(super) fn new(membership: &Membership, id: StreamId, delivered: u64, read: &Span) -> Self {
        if !tracing::level_enabled!(Level::DEBUG) {
            return Self(Span::none());
        }
        let origin = membership.client.shared.connection.origin();
        let (address, port) = origin.server();
        let span = tracing::debug_span!(
            parent: None,
            "delivery",
            otel.name = "process",
            otel.kind = "consumer",
            otel.status_code = Empty,
            messaging.system = origin.system(),
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.message.id = %id,
            swarmkeydb.delivery.count = i64::try_from(delivered).unwrap_or(i64::MAX),
            server.address = address,
            server.port = port.map(i64::from),
            error.type = Empty,
        );
        span.follows_from(read);
        Self(span)
    }

    pub(super) const fn span(&self) -> &Span {
        &self.0
    }

    /// Records that the application receives the delivery.
    pub(super) fn yielded(&self) {
        tracing::debug!(parent: &self.0, "delivered");
    }

    /// Records that the application has given the entry back or moved it to the dead-letter stream.
    pub(super) fn failed(&self, how: &'static str) {
        self.0.record("error.type", how);
        self.0.record("otel.status_code", "ERROR");
    }

    /// Records that the delivery was dropped without an acknowledgment.
    pub(super) fn cancelled(&self) {
        self.0.record("error.type", CANCELLED);
    }
}

impl Drop for DeliverySpan {
    fn drop(&mut self) {
        // Exporters take the last time that the span was entered for its end.
        self.0.in_scope(|| ());
    }
}
