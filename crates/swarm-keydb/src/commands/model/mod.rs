//! Types of arguments and replies that plain types cannot express.

mod keys;
mod server;
mod set;
mod streams;
mod ttl;

use swarm_resp::{ConvertError, Frame};

pub use keys::{KeyType, ScanOptions, ScanPage};
pub(super) use keys::{key_type, scan_page};
pub(super) use server::server_info;
pub use server::{Resync, ServerInfo};
pub use set::SetOptions;
pub(super) use set::was_set;
pub use streams::{
    AutoClaim, AutoClaimIds, ConsumerInfo, GroupInfo, GroupRead, NewId, ParseStreamIdError,
    PendingEntry, PendingSummary, ReadAfter, StreamBatch, StreamEntry, StreamFields, StreamId,
    StreamIds, StreamInfo, Trim, XAddOptions, XClaimOptions, XPendingOptions, XReadGroupOptions,
    XReadOptions,
};
pub(super) use streams::{
    auto_claim, auto_claim_ids, batches, claimed, claimed_ids, consumers_info, entries,
    groups_info, pending_entries, pending_summary, stream_info,
};
pub use ttl::{NoTtl, Ttl};
pub(super) use ttl::{ttl_milliseconds, ttl_seconds};

pub(crate) fn ok(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(()),
        _ => Err(ConvertError::new("OK", reply.view())),
    }
}

pub(super) fn pong(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"PONG") => Ok(()),
        _ => Err(ConvertError::new("PONG", reply.view())),
    }
}
