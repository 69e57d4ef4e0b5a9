//! Fast path: decodes the most common leaves and aggregates in a tight loop.
//!
//! Every function may return `None` to fall back to the scanner, which then decodes the input,
//! reports what is wrong with it, or determines how much is missing. So the fast path reports no
//! errors, and never accepts input that the scanner would treat differently.
//!
//! Everything here may answer "not this one": then the machine reads it, and says what is wrong
//! with it or how much is missing. So there is no error here, and nothing that the machine would
//! read otherwise.

use super::Limits;
use super::leaf::{self, Length};
use super::state::{OpenValue, Remaining, Scanner};
use crate::frame::{Node, Tag};

/// Maximum length of a simple string on the fast path.
const MAX_LINE: usize = 64;

/// Decodes a complete leaf of a common kind at `at`, and returns its node and end.
#[inline(always)]
pub(super) fn leaf(input: &[u8], at: usize, limits: &Limits) -> Option<(Node, usize)> {
    let (marker, rest) = input.get(at..)?.split_first()?;
    let (node, rest) = match marker {
        b'$' => {
            let (body, length) = leaf::length(rest).ok()?;
            match length {
                Length::Known(len) => {
                    let len = usize::try_from(len).ok()?;
                    let offset = input.len().wrapping_sub(body.len());
                    let (_, behind) = body.split_at_checked(len)?;
                    let (rest, ()) = leaf::bulk_end(behind).ok()?;
                    if len > limits.max_bulk {
                        return None;
                    }
                    (text(Tag::BulkString, offset, len)?, rest)
                }
                Length::Null => (Node::NULL, body),
                Length::Streamed => return None,
            }
        }
        b':' => {
            let (rest, value) = leaf::integer(rest).ok()?;
            (Node::integer(value), rest)
        }
        b'+' | b'-' => {
            let tag = match marker {
                b'+' => Tag::SimpleString,
                _ => Tag::SimpleError,
            };
            let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let len = rest.iter().take(MAX_LINE).position(is_end)?;
            let (_, behind) = rest.split_at_checked(len)?;
            let (behind, ()) = leaf::bulk_end(behind).ok()?;
            if len > limits.max_line {
                return None;
            }
            (text(tag, at.wrapping_add(1), len)?, behind)
        }
        b'_' => (Node::NULL, leaf::empty(rest).ok()?.0),
        b'#' => {
            let (rest, value) = leaf::boolean(rest).ok()?;
            (Node::boolean(value), rest)
        }
        _ => return None,
    };
    let end = input.len().wrapping_sub(rest.len());
    Some((node, end))
}

#[inline(always)]
fn text(tag: Tag, offset: usize, len: usize) -> Option<Node> {
    Some(Node::text(
        tag,
        u32::try_from(offset).ok()?,
        u32::try_from(len).ok()?,
    ))
}

impl Scanner {
    /// Decodes leaves and headers while an aggregate of known length is open. Returns whether the
    /// frame is complete.
    pub(super) fn run(&mut self, input: &[u8], limits: &Limits) -> bool {
        while let Some(OpenValue {
            remaining: Remaining::Values(remaining),
            ..
        }) = self.open.last_mut()
        {
            let mut at = self.at;
            while *remaining > 0 && self.nodes.len() <= limits.max_elements {
                let Some((node, end)) = leaf(input, at, limits) else {
                    break;
                };
                self.nodes.push(node);
                *remaining = remaining.wrapping_sub(1);
                at = end;
            }
            let remaining = *remaining;
            if at != self.at {
                self.advance_to(at);
            }
            if remaining > 0 {
                if self.begin(input, limits).is_none() {
                    return false;
                }
            } else if self.close() {
                return true;
            }
        }
        false
    }

    /// Opens an aggregate of known, nonzero length.
    fn begin(&mut self, input: &[u8], limits: &Limits) -> Option<()> {
        let (marker, rest) = input.get(self.at..)?.split_first()?;
        let (tag, per_item) = match marker {
            b'*' => (Tag::Array, 1),
            b'%' => (Tag::Map, 2),
            b'~' => (Tag::Set, 1),
            b'>' => (Tag::Push, 1),
            _ => return None,
        };
        let (rest, Length::Known(count)) = leaf::length(rest).ok()? else {
            return None;
        };
        let count = u32::try_from(count.checked_mul(per_item)?).ok()?;
        let end = input.len().wrapping_sub(rest.len());
        let admitted = count > 0
            && count as usize <= limits.max_elements
            && self.nodes.len() <= limits.max_elements
            && self.open.len() < limits.max_depth;
        if !admitted {
            return None;
        }
        let (at, remaining) = (self.nodes.len(), Remaining::Values(count));
        self.nodes.push(Node::aggregate(tag, count, 1));
        self.open.push(OpenValue { at, tag, remaining });
        self.advance_to(end);
        Some(())
    }

    fn advance_to(&mut self, at: usize) {
        self.at = at;
        self.searched = 0;
        self.pending_attributes = None;
    }
}
