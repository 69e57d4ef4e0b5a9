//! Sorted sets in snapshots.

use super::SortedSet;
use crate::backend::memory::limits::Limits;
use crate::snapshot::{Data, SavedMember};

impl SortedSet {
    pub(in super::super) fn saved(&self) -> Vec<SavedMember> {
        let members = self.from(0).map(|scored| SavedMember {
            member: Data(scored.member.clone()),
            score: scored.score.to_string(),
        });
        members.collect()
    }

    /// Converts a saved sorted set, or returns why it is invalid.
    pub(in super::super) fn from_saved(
        saved: &[SavedMember],
        limits: Limits,
    ) -> Result<Self, String> {
        let mut set = Self::default();
        for SavedMember { member, score } in saved {
            let number: Option<f64> = score.parse().ok().filter(|score: &f64| !score.is_nan());
            let number = number.ok_or_else(|| format!("{score:?} is not a score"))?;
            if set.score(&member.0).is_some() {
                return Err(format!("member {member} is listed twice"));
            }
            set.set(&member.0, number, limits);
        }
        match set.len() {
            0 => Err("a sorted set needs a member".to_owned()),
            _ => Ok(set),
        }
    }
}
