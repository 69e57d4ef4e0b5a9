//! Types of arguments and replies that plain types cannot express.

mod arguments;
mod bitmaps;
mod clients;
mod diagnostics;
mod expiry;
mod generic;
mod geo;
mod keys;
mod lcs;
mod lists;
mod option;
mod ranges;
mod replies;
mod server;
mod set;
mod sorted_sets;
mod streams;
mod ttl;

use swarm_resp::{ConvertError, Frame};

pub use bitmaps::{BitField, BitGets, BitOffset, BitOp, BitOverflow, BitType, BitUnit};
pub use clients::{ClientKill, ClientPause, ClientType, FunctionRestore};
pub use diagnostics::{LatencyEvent, Replica, Role, SlowCommand};
pub(super) use diagnostics::{
    dry_run, latency_events, latency_samples, role, server_time, slow_commands, unix_time,
};
pub use expiry::{ExpireIf, ExpireTime, FieldExpiry, GetEx};
pub(super) use expiry::{
    expire_time_milliseconds, expire_time_seconds, field_expiries, field_times_milliseconds,
    field_times_seconds, field_ttls_milliseconds, field_ttls_seconds, fields_persisted,
};
pub(super) use generic::idle_time;
pub use generic::{CopyOptions, RestoreOptions, SortOptions};
pub(super) use geo::geo_matches;
pub use geo::{GeoAddOptions, GeoCenter, GeoMatch, GeoPoint, GeoSearch, GeoUnit};
pub use keys::{KeyType, ScanItems, ScanOptions, ScanPage};
pub(super) use keys::{key_type, scan_items, scan_page};
pub(super) use lcs::lcs_matches;
pub use lcs::{LcsMatch, LcsMatches};
pub use lists::{LPosOptions, ListEnd};
pub use ranges::{LexBounds, ZRange};
pub(super) use replies::{named, or_empty, position};
pub(super) use server::server_info;
pub use server::{Resync, ServerInfo};
pub use set::SetOptions;
pub(super) use set::was_set;
pub(super) use sorted_sets::popped;
pub use sorted_sets::{Aggregate, ZAddOptions, ZCombineOptions, ZEnd, ZPopped};
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
