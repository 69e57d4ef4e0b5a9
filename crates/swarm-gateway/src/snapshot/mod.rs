//! Snapshots of a store: documents that can be loaded into another gateway.
//!
//! Each type of value has a variant of [`SavedValue`]; the store's side is in the module of the
//! type.

mod data;
mod stream;

use serde::{Deserialize, Serialize};

use crate::error::StoreError;

pub(crate) use data::Data;
pub(crate) use stream::{SavedConsumer, SavedEntry, SavedGroup, SavedPending, SavedStream};

/// All keys of a gateway, with their values and times to live, as returned by
/// [`Gateway::snapshot`](crate::Gateway::snapshot). The default has no keys.
///
/// Times are relative to the snapshot, so it does not age: a restored key lives as long as it had
/// left, and a pending entry of a stream has been idle for as long as it was. Snapshots are
/// documents in JSON, also for [`serde`]. Any dialect can load them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub(crate) version: Version,
    /// Keys in the order in which they were created.
    pub(crate) keys: Vec<SavedKey>,
}

/// Version of the format of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
pub(crate) enum Version {
    /// Of a gateway with a single database.
    #[serde(rename = "1")]
    One,
    #[default]
    #[serde(rename = "2")]
    Two,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedKey {
    pub(crate) key: Data,
    /// Number of the database, 0 if it is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) database: u32,
    /// Remaining time to live in milliseconds; none if the key does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) value: SavedValue,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(database: &u32) -> bool {
    *database == 0
}

/// A value, by the name of its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum SavedValue {
    String(Data),
    Hash(Vec<SavedField>),
    /// Members; those of a set of integers in their order.
    Set(Vec<Data>),
    SortedSet(Vec<SavedMember>),
    /// Elements from the head to the tail; at least one.
    List(Vec<Data>),
    Stream(SavedStream),
}

/// A field of a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedField {
    pub(crate) field: Data,
    pub(crate) value: Data,
}

/// A member of a sorted set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedMember {
    pub(crate) member: Data,
    /// A number such as `1.5`, `inf`, or `-inf`; a string, because JSON has no infinite numbers.
    pub(crate) score: String,
}

impl Snapshot {
    /// Returns the snapshot as a document in JSON.
    pub fn to_json(&self) -> String {
        // Strings are the only keys, and nothing else can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses a document that [`to_json`](Self::to_json) returned, or that was written by hand.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Invalid`] if the document is no snapshot.
    pub fn from_json(document: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(document).map_err(|error| StoreError::invalid(error.to_string()))
    }
}

/// Returns the milliseconds from one time to a later one, or 0.
pub(crate) fn elapsed(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

/// Returns the time a number of milliseconds before now.
pub(crate) fn ago(now: i64, milliseconds: u64) -> i64 {
    now.saturating_sub(i64::try_from(milliseconds).unwrap_or(i64::MAX))
        .max(0)
}
