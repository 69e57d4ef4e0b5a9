//! The resumable scanner: finds the end of a frame and builds its index.

use nom::Err;

use super::state::{OpenValue, Remaining, Scanner, max_frame, to_u32};
use super::token::Token;
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A frame ends after this many bytes.
    Complete(usize),
    /// The frame is incomplete; scan again when more data has arrived.
    Incomplete,
}

/// The result of one step.
enum Step {
    Next,
    Complete,
    Incomplete,
}

/// The cause of an error, and its offset in the frame.
pub(super) type ScanError = (DecodeErrorKind, usize);

impl Scanner {
    pub(super) fn scan(&mut self, input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
        self.scan_by::<true>(input, limits)
    }

    /// Scans with or without the fast path, so that tests can compare the two.
    pub(super) fn scan_by<const FAST_PATH: bool>(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Scan, ScanError> {
        let visible = visible(input, limits);
        while visible.len() >= self.need {
            // A partially searched line is left to the tokenizer, which remembers the position.
            if FAST_PATH && self.searched == 0 && self.run(visible, limits) {
                return Ok(Scan::Complete(self.at));
            }
            match self.step(visible, limits)? {
                Step::Complete => return Ok(Scan::Complete(self.at)),
                Step::Incomplete => break,
                Step::Next => {}
            }
        }
        if visible.len() < input.len() {
            return Err((DecodeErrorKind::FrameTooLarge, self.at));
        }
        Ok(Scan::Incomplete)
    }

    /// Decodes one token and adds it to the index.
    fn step(&mut self, input: &[u8], limits: &Limits) -> Result<Step, ScanError> {
        let rest = input.get(self.at..).unwrap_or_default();
        let (rest, token) = match self.token(rest, limits) {
            Ok(read) => read,
            Err(Err::Incomplete(_)) => return Ok(Step::Incomplete),
            Err(Err::Error(error) | Err::Failure(error)) => {
                return Err((error.kind, input.len().saturating_sub(error.remaining)));
            }
        };
        let begin = self.at;
        self.at = input.len().saturating_sub(rest.len());
        self.searched = 0;
        match self.accept(token, input, limits) {
            Ok(true) => Ok(Step::Complete),
            Ok(false) => Ok(Step::Next),
            Err(kind) => Err((kind, begin)),
        }
    }

    /// Adds a token to the index. Returns whether the frame is complete.
    fn accept(
        &mut self,
        token: Token,
        input: &[u8],
        limits: &Limits,
    ) -> Result<bool, DecodeErrorKind> {
        match token {
            Token::Value(node) => {
                self.push(node, limits)?;
                Ok(self.count_value())
            }
            Token::Begin(tag, remaining) => {
                if self.open.len() >= limits.max_depth {
                    return Err(DecodeErrorKind::TooDeep);
                }
                let at = self.nodes.len();
                let count = if let Remaining::Values(count) = remaining {
                    count
                } else {
                    0
                };
                if tag == Tag::Attribute
                    && let Some(at) = self.pending_attributes.take()
                {
                    return Ok(self.join_attributes(at, count));
                }
                self.push(Node::aggregate(tag, count, 1), limits)?;
                self.open.push(OpenValue { at, tag, remaining });
                Ok(remaining == Remaining::Values(0) && self.close())
            }
            Token::Chunk { start, len } => {
                let text = input
                    .get(start..start.saturating_add(len))
                    .unwrap_or_default();
                self.joined.extend_from_slice(text);
                Ok(false)
            }
            Token::EndOfString | Token::EndOfStream => Ok(self.close()),
        }
    }

    /// Merges consecutive attributes, because a value has at most one map of them.
    fn join_attributes(&mut self, at: usize, count: u32) -> bool {
        if let Some(node) = self.nodes.get_mut(at) {
            node.a = node.a.saturating_add(count);
        }
        let (tag, remaining) = (Tag::Attribute, Remaining::Values(count));
        self.open.push(OpenValue { at, tag, remaining });
        count == 0 && self.close()
    }

    fn push(&mut self, node: Node, limits: &Limits) -> Result<(), DecodeErrorKind> {
        if self.nodes.len() > limits.max_elements {
            return Err(DecodeErrorKind::TooManyElements);
        }
        self.nodes.push(node);
        self.pending_attributes = None;
        Ok(())
    }

    /// Counts a completed value, and closes the aggregates that it completes. Returns whether the
    /// frame is complete.
    fn count_value(&mut self) -> bool {
        let Some(open) = self.open.last_mut() else {
            return true;
        };
        match &mut open.remaining {
            Remaining::Values(remaining) => {
                *remaining = remaining.saturating_sub(1);
                *remaining == 0 && self.close()
            }
            Remaining::Stream(count) => {
                *count = count.saturating_add(1);
                false
            }
            Remaining::Chunks(_) => false,
        }
    }

    /// Closes the innermost open value. Returns whether the frame is complete.
    pub(super) fn close(&mut self) -> bool {
        // A loop instead of a call of `count_value`, to avoid recursion for nested values.
        while let Some(OpenValue { at, tag, remaining }) = self.open.pop() {
            let span = to_u32(self.nodes.len().saturating_sub(at));
            if let Some(node) = self.nodes.get_mut(at) {
                *node = match remaining {
                    Remaining::Values(_) => Node { b: span, ..*node },
                    Remaining::Stream(count) => Node::aggregate(tag, count, span),
                    Remaining::Chunks(from) => {
                        let len = self.joined.len().saturating_sub(from);
                        self.has_joined = true;
                        Node::text(Tag::JoinedString, to_u32(from), to_u32(len))
                    }
                };
            }
            if tag == Tag::Attribute {
                // Attributes do not count as a value.
                self.pending_attributes = Some(at);
                return false;
            }
            match self.open.last_mut().map(|open| &mut open.remaining) {
                None => return true,
                Some(Remaining::Values(remaining)) => {
                    *remaining = remaining.saturating_sub(1);
                    if *remaining > 0 {
                        return false;
                    }
                }
                Some(Remaining::Stream(count)) => {
                    *count = count.saturating_add(1);
                    return false;
                }
                Some(Remaining::Chunks(_)) => return false,
            }
        }
        true
    }
}

/// Returns the part of the input that one frame may take. Nothing after it is examined, so the
/// error for an oversized frame does not depend on how it was split into chunks.
#[inline]
pub(super) fn visible<'a>(input: &'a [u8], limits: &Limits) -> &'a [u8] {
    input.get(..max_frame(limits)).unwrap_or(input)
}
