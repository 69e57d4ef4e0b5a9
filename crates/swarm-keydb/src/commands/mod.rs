//! Command families: one trait each, implemented by every executor.

mod generated;
mod model;
mod raw;
#[cfg(test)]
mod recorder;
pub(crate) mod scope;
mod script;
mod session;
#[cfg(feature = "serde")]
mod structs;
mod words;

pub use generated::*;
pub(crate) use model::ok;
pub use model::{
    Aggregate, BitField, BitGets, BitOffset, BitOp, BitOverflow, BitType, BitUnit, ClientKill,
    ClientPause, ClientType, CopyOptions, ExpireIf, ExpireTime, FieldExpiry, FunctionRestore,
    GeoAddOptions, GeoCenter, GeoMatch, GeoPoint, GeoSearch, GeoUnit, GetEx, LPosOptions,
    LatencyEvent, LcsMatch, LcsMatches, LexBounds, ListEnd, Replica, RestoreOptions, Role,
    ScanItems, SlowCommand, SortOptions, ZAddOptions, ZCombineOptions, ZEnd, ZPopped, ZRange,
};
pub use model::{
    AutoClaim, AutoClaimIds, ConsumerInfo, GroupInfo, GroupRead, NewId, ParseStreamIdError,
    PendingEntry, PendingSummary, ReadAfter, StreamBatch, StreamEntry, StreamFields, StreamId,
    StreamIds, StreamInfo, Trim, XAddOptions, XClaimOptions, XPendingOptions, XReadGroupOptions,
    XReadOptions,
};
pub use model::{KeyType, NoTtl, Resync, ScanOptions, ScanPage, ServerInfo, SetOptions, Ttl};
pub use raw::RawCommands;
pub use script::{RunScript, Script};
pub(crate) use session::{Use, hello_command, vet, wait_command};
#[cfg(feature = "serde")]
pub use structs::{StructCommands, StructError};
