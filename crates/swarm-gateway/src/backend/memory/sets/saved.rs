//! Sets in snapshots.

use super::Set;
use crate::backend::memory::limits::Limits;
use crate::snapshot::Data;

impl Set {
    pub(in super::super) fn saved(&self) -> Vec<Data> {
        self.iter().map(Data).collect()
    }

    /// Converts a saved set, or returns why it is invalid.
    pub(in super::super) fn from_saved(saved: &[Data], limits: Limits) -> Result<Self, String> {
        let mut set = Self::default();
        for member in saved {
            if !set.add(&member.0, limits) {
                return Err(format!("member {member} is listed twice"));
            }
        }
        match set.len() {
            0 => Err("a set needs a member".to_owned()),
            _ => Ok(set),
        }
    }
}
