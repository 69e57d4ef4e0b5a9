//! Streams in snapshots.

use serde::{Deserialize, Serialize};

use super::Data;

/// A stream with its consumer groups. IDs are complete: `milliseconds-sequence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedStream {
    /// Entries in the order of their IDs.
    pub(crate) entries: Vec<SavedEntry>,
    /// Highest ID ever assigned.
    pub(crate) last_id: String,
    /// Highest ID ever deleted by XDEL; none if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_deleted_id: Option<String>,
    /// Number of entries ever added; that of the entries if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) entries_added: Option<u64>,
    #[serde(default)]
    pub(crate) groups: Vec<SavedGroup>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedEntry {
    pub(crate) id: String,
    /// Alternating fields and values.
    pub(crate) fields: Vec<Data>,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedGroup {
    pub(crate) name: Data,
    /// Last entry delivered to any consumer.
    pub(crate) last_delivered_id: String,
    /// Number of entries ever added that were delivered; none if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) entries_read: Option<u64>,
    #[serde(default)]
    pub(crate) consumers: Vec<SavedConsumer>,
    /// Entries delivered but not acknowledged, in the order of their IDs.
    #[serde(default)]
    pub(crate) pending: Vec<SavedPending>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedConsumer {
    pub(crate) name: Data,
    /// Milliseconds since the last activity.
    pub(crate) idle_ms: u64,
}

/// A delivered entry that has not been acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedPending {
    pub(crate) id: String,
    /// Name of one of the group's consumers.
    pub(crate) consumer: Data,
    /// Milliseconds since the last delivery.
    pub(crate) idle_ms: u64,
    pub(crate) deliveries: u64,
}

impl SavedStream {
    /// Checks what does not depend on how IDs are written.
    pub(crate) fn check(&self) -> Result<(), String> {
        for entry in &self.entries {
            if entry.fields.is_empty() || !entry.fields.len().is_multiple_of(2) {
                return Err(format!(
                    "entry {} needs pairs of fields and values",
                    entry.id
                ));
            }
        }
        for group in &self.groups {
            for pending in &group.pending {
                if !group
                    .consumers
                    .iter()
                    .any(|known| known.name == pending.consumer)
                {
                    return Err(format!(
                        "pending entry {} names {}, which is no consumer of group {}",
                        pending.id, pending.consumer, group.name
                    ));
                }
            }
        }
        Ok(())
    }
}
