//! Hashes in snapshots.

use super::Hash;
use crate::backend::memory::limits::Limits;
use crate::snapshot::{Data, SavedField};

impl Hash {
    pub(in super::super) fn saved(&self) -> Vec<SavedField> {
        let fields = self.iter().map(|(field, value)| SavedField {
            field: Data(field.clone()),
            value: Data(value.clone()),
        });
        fields.collect()
    }

    /// Converts a saved hash, or returns why it is invalid.
    pub(in super::super) fn from_saved(
        saved: &[SavedField],
        limits: Limits,
    ) -> Result<Self, String> {
        let mut hash = Self::default();
        for SavedField { field, value } in saved {
            if !hash.set(&field.0, &value.0, limits) {
                return Err(format!("field {field} is listed twice"));
            }
        }
        match hash.len() {
            0 => Err("a hash needs a field".to_owned()),
            _ => Ok(hash),
        }
    }
}
