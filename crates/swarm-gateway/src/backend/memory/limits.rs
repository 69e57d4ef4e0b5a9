//! Limits of the compact encodings, which decide the order in which small collections are shown.

use super::config::Config;

/// Largest collection that Redis encodes compactly. A collection that has exceeded a limit keeps
/// the other encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Maximum number of elements.
    pub(super) entries: usize,
    /// Maximum length of an element in bytes.
    pub(super) value: usize,
}

impl Limits {
    pub(super) fn of_hashes(config: &Config) -> Self {
        Self {
            entries: config.number("hash-max-listpack-entries"),
            value: config.number("hash-max-listpack-value"),
        }
    }

    pub(super) fn of_sorted_sets(config: &Config) -> Self {
        Self {
            entries: config.number("zset-max-listpack-entries"),
            value: config.number("zset-max-listpack-value"),
        }
    }

    /// Sets of integers; other sets have no compact encoding.
    pub(super) fn of_sets(config: &Config) -> Self {
        Self {
            entries: config.number("set-max-intset-entries"),
            value: usize::MAX,
        }
    }
}
