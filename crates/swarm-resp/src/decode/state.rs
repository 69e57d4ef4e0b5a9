//! The state of the resumable scanner: how far it is, and the index that it builds.

use super::Limits;
use crate::frame::{Node, Tag};

/// An incomplete value.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenValue {
    /// The position of its node.
    pub(super) at: usize,
    pub(super) tag: Tag,
    pub(super) remaining: Remaining,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remaining {
    /// This many values.
    Values(u32),
    /// Values until an end marker; this many were decoded.
    Stream(u32),
    /// Chunks of a string until an empty one; the string starts at this position in `joined`.
    Chunks(usize),
}

/// Maximum capacity of an index that is retained for the next frame: 16,384 entries are 192 KiB.
const MAX_RETAINED_NODES: usize = 1 << 14;
const MAX_RETAINED_JOINED: usize = 64 << 10;

/// Scans one frame at the start of a growing input. Every call gets the same input with more data
/// at its end; what was already scanned is not scanned again.
#[derive(Default)]
pub(super) struct Scanner {
    /// Start of the next token.
    pub(super) at: usize,
    /// Minimum length of the input before scanning can continue: up to the first byte after the
    /// text of a bulk string, which shows whether the string ends there.
    pub(super) need: usize,
    /// How far the line at `at` was searched for its end.
    pub(super) searched: usize,
    pub(super) open: Vec<OpenValue>,
    pub(super) nodes: Vec<Node>,
    /// The assembled chunks of streamed strings, which nodes tagged `JoinedString` refer to.
    pub(super) joined: Vec<u8>,
    pub(super) has_joined: bool,
    /// The node of attributes whose value is not decoded yet.
    pub(super) pending_attributes: Option<usize>,
    /// The frame is complete, and a borrowed view of it was returned.
    pub(super) borrowed: bool,
}

impl Scanner {
    /// Returns whether `input` may be a complete frame of one leaf.
    #[inline]
    pub(super) fn may_be_leaf(&self, input: &[u8]) -> bool {
        self.at == 0 && self.searched == 0 && input.len() >= self.need
    }

    /// Discards the frame, in preparation for the next one.
    pub(super) fn reset(&mut self) {
        self.at = 0;
        self.need = 0;
        self.searched = 0;
        self.open.clear();
        self.nodes.clear();
        self.joined.clear();
        self.has_joined = false;
        self.pending_attributes = None;
        self.borrowed = false;
        // Do not retain the index of one huge reply.
        if self.nodes.capacity() > MAX_RETAINED_NODES {
            self.nodes = Vec::new();
        }
        if self.joined.capacity() > MAX_RETAINED_JOINED {
            self.joined = Vec::new();
        }
    }

    /// Discards a borrowed frame: its view ended before the next call.
    #[inline]
    pub(super) fn reclaim(&mut self) {
        if self.borrowed {
            self.reset();
        }
    }

    /// Appends the frame's bytes, if it has any text in them, to the streamed strings in `joined`,
    /// and adjusts the index.
    pub(super) fn join(&mut self, frame: &[u8]) {
        let base = to_u32(self.joined.len());
        if self.nodes.iter().any(|node| node.is_text()) {
            self.joined.extend_from_slice(frame);
        }
        for node in &mut self.nodes {
            if node.tag == Tag::JoinedString {
                node.tag = Tag::BulkString;
            } else if node.is_text() {
                node.a = node.a.saturating_add(base);
            }
        }
    }
}

/// Converts an offset, which fits because [`max_frame`] bounds a frame.
pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Returns the effective frame limit. The index has 32-bit offsets for the frame and its joined
/// strings together.
pub(super) fn max_frame(limits: &Limits) -> usize {
    limits.max_frame.min(u32::MAX as usize / 2)
}
