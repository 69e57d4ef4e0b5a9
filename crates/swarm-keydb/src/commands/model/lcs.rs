//! Replies of LCS.

use std::ops::RangeInclusive;

use swarm_resp::{ConvertError, Frame, FrameRef, FromFrame};

/// Longest common subsequence of two values, as the ranges that match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LcsMatches {
    /// Length of the subsequence in bytes, including matches that are too short to be listed.
    pub len: u64,
    /// Matching ranges, the last first.
    pub matches: Vec<LcsMatch>,
}

/// Ranges of two values that match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LcsMatch {
    /// Positions in the first value.
    pub first: RangeInclusive<u64>,
    /// Positions in the second value.
    pub second: RangeInclusive<u64>,
    /// Length in bytes.
    pub len: u64,
}

impl FromFrame for LcsMatch {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let ((from, to), (other_from, other_to), len) = frame.convert()?;
        Ok(Self {
            first: from..=to,
            second: other_from..=other_to,
            len,
        })
    }
}

pub(in crate::commands) fn lcs_matches(reply: &Frame) -> Result<LcsMatches, ConvertError> {
    let mut found = LcsMatches::default();
    let pairs = super::server::fields(reply.view())?;
    for (name, value) in pairs {
        match &*name {
            b"len" => found.len = value.convert()?,
            b"matches" => found.matches = value.convert()?,
            _ => {}
        }
    }
    Ok(found)
}
