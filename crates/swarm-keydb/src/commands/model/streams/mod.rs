//! Arguments and replies of stream commands.

mod add;
mod arguments;
mod claim;
mod entry;
mod id;
mod info;
mod pending;
mod position;
mod read;
mod trim;

#[cfg(test)]
mod tests;

pub use add::XAddOptions;
pub use claim::{AutoClaim, AutoClaimIds, XClaimOptions};
pub(in crate::commands) use claim::{auto_claim, auto_claim_ids, claimed, claimed_ids};
pub(in crate::commands) use entry::entries;
pub use entry::{StreamEntry, StreamFields};
pub use id::{ParseStreamIdError, StreamId, StreamIds};
pub use info::{ConsumerInfo, GroupInfo, StreamInfo};
pub(in crate::commands) use info::{consumers_info, groups_info, stream_info};
pub use pending::{PendingEntry, PendingSummary, XPendingOptions};
pub(in crate::commands) use pending::{pending_entries, pending_summary};
pub use position::{GroupRead, NewId, ReadAfter};
pub(in crate::commands) use read::batches;
pub use read::{StreamBatch, XReadGroupOptions, XReadOptions};
pub use trim::Trim;
