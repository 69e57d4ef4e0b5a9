//! The resumable machine that finds where a frame ends and indexes what is in it.

use nom::Err;

use super::token::Token;
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};

/// A value that is open: its parts are still to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Where its node is.
    pub(super) at: usize,
    pub(super) tag: Tag,
    pub(super) left: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// So many values.
    Values(u32),
    /// Values until an end marker; so many have come.
    Stream(u32),
    /// Chunks of a string until an empty one; where in `joined` it begins.
    Chunks(usize),
}

/// How large an index is kept for the next frame: 16,384 entries are 192 KiB.
const KEPT_NODES: usize = 1 << 14;
const KEPT_JOINED: usize = 64 << 10;

/// What scanning came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A frame ends after so many bytes.
    Complete(usize),
    /// The frame goes on; ask again when at least one more byte is there.
    Incomplete,
}

/// What one step came to.
enum Step {
    Next,
    Complete,
    Incomplete,
}

/// What is wrong, and how far into the frame.
pub(super) type ScanError = (DecodeErrorKind, usize);

/// Finds one frame at the start of a growing input. Every call gets the same input, longer at its end; what was
/// scanned is not scanned again.
#[derive(Default)]
pub(super) struct Scanner {
    /// Where the next token begins.
    pub(super) at: usize,
    /// How long the input must be before it is worth looking again: up to the first byte behind a bulk's text, which
    /// says already whether the bulk ends there.
    pub(super) need: usize,
    /// How far the line at `at` was searched for its end.
    pub(super) searched: usize,
    pub(super) open: Vec<Open>,
    pub(super) nodes: Vec<Node>,
    /// The chunks of streamed strings, put together: what nodes tagged `JoinedString` point into.
    pub(super) joined: Vec<u8>,
    pub(super) has_joined: bool,
    /// The attributes that have come for a value that has not: where their node is.
    pub(super) attributed: Option<usize>,
    /// The frame is complete, and was lent out to be read here.
    pub(super) lent: bool,
}

impl Scanner {
    /// Whether `input` may be a whole frame of one leaf, as far as is known.
    #[inline]
    pub(super) fn is_worth_a_look(&self, input: &[u8]) -> bool {
        self.at == 0 && self.searched == 0 && input.len() >= self.need
    }

    /// Forgets the frame, ready for the next.
    pub(super) fn reset(&mut self) {
        self.at = 0;
        self.need = 0;
        self.searched = 0;
        self.open.clear();
        self.nodes.clear();
        self.joined.clear();
        self.has_joined = false;
        self.attributed = None;
        self.lent = false;
        // One huge reply must not pin its index for good.
        if self.nodes.capacity() > KEPT_NODES {
            self.nodes = Vec::new();
        }
        if self.joined.capacity() > KEPT_JOINED {
            self.joined = Vec::new();
        }
    }

    /// Forgets a frame that was lent: who calls again has let go of it.
    #[inline]
    pub(super) fn reclaim(&mut self) {
        if self.lent {
            self.reset();
        }
    }

    /// Puts the frame's bytes, if any text lies in them, behind the streamed strings in `joined`, and points
    /// the index at both.
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

    pub(super) fn scan(&mut self, input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
        self.scan_by::<true>(input, limits)
    }

    /// Scans, with or without the tight loop: without it is how tests know what it must find.
    pub(super) fn scan_by<const TIGHT: bool>(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Scan, ScanError> {
        let visible = visible(input, limits);
        while visible.len() >= self.need {
            // A line that was searched in vain is the machine's, which remembers how far.
            if TIGHT && self.searched == 0 && self.run(visible, limits) {
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

    /// Reads one token and puts it into the index.
    fn step(&mut self, input: &[u8], limits: &Limits) -> Result<Step, ScanError> {
        let rest = input.get(self.at..).unwrap_or_default();
        let (rest, token) = match self.token(rest, limits) {
            Ok(read) => read,
            Err(Err::Incomplete(_)) => return Ok(Step::Incomplete),
            Err(Err::Error(error) | Err::Failure(error)) => {
                return Err((error.kind, input.len().saturating_sub(error.left)));
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

    /// Puts a token into the index. Says whether the frame is complete.
    fn accept(
        &mut self,
        token: Token,
        input: &[u8],
        limits: &Limits,
    ) -> Result<bool, DecodeErrorKind> {
        match token {
            Token::Value(node) => {
                self.push(node, limits)?;
                Ok(self.value_ended())
            }
            Token::Begin(tag, left) => {
                if self.open.len() >= limits.max_depth {
                    return Err(DecodeErrorKind::TooDeep);
                }
                let at = self.nodes.len();
                let count = if let Left::Values(count) = left {
                    count
                } else {
                    0
                };
                if tag == Tag::Attribute
                    && let Some(at) = self.attributed.take()
                {
                    return Ok(self.join_attributes(at, count));
                }
                self.push(Node::aggregate(tag, count, 1), limits)?;
                self.open.push(Open { at, tag, left });
                Ok(left == Left::Values(0) && self.close())
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

    /// Attributes right behind attributes continue them: every value has one map of them at most.
    fn join_attributes(&mut self, at: usize, count: u32) -> bool {
        if let Some(node) = self.nodes.get_mut(at) {
            node.a = node.a.saturating_add(count);
        }
        let (tag, left) = (Tag::Attribute, Left::Values(count));
        self.open.push(Open { at, tag, left });
        count == 0 && self.close()
    }

    fn push(&mut self, node: Node, limits: &Limits) -> Result<(), DecodeErrorKind> {
        if self.nodes.len() > limits.max_elements {
            return Err(DecodeErrorKind::TooManyElements);
        }
        self.nodes.push(node);
        self.attributed = None;
        Ok(())
    }

    /// Counts a value that has ended, and ends the aggregates that it completes. Says whether the frame is complete.
    fn value_ended(&mut self) -> bool {
        let Some(open) = self.open.last_mut() else {
            return true;
        };
        match &mut open.left {
            Left::Values(left) => {
                *left = left.saturating_sub(1);
                *left == 0 && self.close()
            }
            Left::Stream(count) => {
                *count = count.saturating_add(1);
                false
            }
            Left::Chunks(_) => false,
        }
    }

    /// Closes the innermost open value. Says whether that completes the frame.
    pub(super) fn close(&mut self) -> bool {
        // A loop rather than a call of `value_ended`: nesting must not become recursion.
        while let Some(Open { at, tag, left }) = self.open.pop() {
            let span = to_u32(self.nodes.len().saturating_sub(at));
            if let Some(node) = self.nodes.get_mut(at) {
                *node = match left {
                    Left::Values(_) => Node { b: span, ..*node },
                    Left::Stream(count) => Node::aggregate(tag, count, span),
                    Left::Chunks(from) => {
                        let len = self.joined.len().saturating_sub(from);
                        self.has_joined = true;
                        Node::text(Tag::JoinedString, to_u32(from), to_u32(len))
                    }
                };
            }
            if tag == Tag::Attribute {
                // It describes the value that follows, and counts for none itself.
                self.attributed = Some(at);
                return false;
            }
            match self.open.last_mut().map(|open| &mut open.left) {
                None => return true,
                Some(Left::Values(left)) => {
                    *left = left.saturating_sub(1);
                    if *left > 0 {
                        return false;
                    }
                }
                Some(Left::Stream(count)) => {
                    *count = count.saturating_add(1);
                    return false;
                }
                Some(Left::Chunks(_)) => return false,
            }
        }
        true
    }
}

/// Offsets fit: a frame is bounded by [`max_frame`].
pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The index counts in 32 bits, for the frame and its joined strings together.
pub(super) fn max_frame(limits: &Limits) -> usize {
    limits.max_frame.min(u32::MAX as usize / 2)
}

/// As much of the input as one frame may take. Nothing behind it is looked at, so that what comes of a frame that is
/// too large does not depend on how it was cut into chunks.
#[inline]
pub(super) fn visible<'a>(input: &'a [u8], limits: &Limits) -> &'a [u8] {
    input.get(..max_frame(limits)).unwrap_or(input)
}
