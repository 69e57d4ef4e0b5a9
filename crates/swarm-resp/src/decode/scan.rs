//! The resumable machine that finds where a frame ends and indexes what is in it.

use memchr::memchr2;
use nom::Err;

use super::leaf::{self, LeafError, Length, Parsed};
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};

/// A value that is open: its parts are still to come.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Where its node is.
    at: usize,
    tag: Tag,
    left: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// So many values.
    Values(u32),
    /// Values until an end marker; so many have come.
    Stream(u32),
    /// Chunks of a string until an empty one; where in `joined` it begins.
    Chunks(usize),
}

/// What scanning came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A frame ends after so many bytes.
    Complete(usize),
    /// The frame goes on; ask again when at least one more byte is there.
    Incomplete,
}

/// What is wrong, and how far into the frame.
pub(super) type ScanError = (DecodeErrorKind, usize);

/// Finds one frame at the start of a growing input. Every call gets the same input, longer at its end; what was
/// scanned is not scanned again.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// Where the next token begins.
    at: usize,
    /// How long the input must be before it is worth looking again.
    need: usize,
    /// How far the line at `at` was searched for its end.
    searched: usize,
    open: Vec<Open>,
    nodes: Vec<Node>,
    /// The chunks of streamed strings, put together.
    joined: Vec<u8>,
    /// The attributes that have come for a value that has not: where their node is.
    attributed: Option<usize>,
}

/// What one step of the machine read.
#[derive(Clone, Copy)]
enum Token {
    Value(Node),
    Begin(Tag, Left),
    Chunk { start: usize, len: usize },
    EndOfString,
    EndOfStream,
}

impl Scanner {
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether nodes point into [`joined`](Self::joined).
    pub(super) fn has_streamed_strings(&self) -> bool {
        self.nodes.iter().any(|node| node.tag == Tag::JoinedString)
    }

    /// The text of streamed strings: what nodes tagged `JoinedString` point into.
    pub(super) fn joined(&self) -> &[u8] {
        &self.joined
    }

    /// Forgets the frame, ready for the next.
    pub(super) fn reset(&mut self) {
        self.at = 0;
        self.need = 0;
        self.searched = 0;
        self.open.clear();
        self.nodes.clear();
        self.joined.clear();
        self.attributed = None;
        // One huge reply must not pin its index for good.
        self.nodes.shrink_to(1024);
        self.joined.shrink_to(1024);
    }

    pub(super) fn scan(&mut self, input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
        if input.len() < self.need {
            return self.wait(input, limits);
        }
        loop {
            let rest = input.get(self.at..).unwrap_or_default();
            let (rest, token) = match self.token(rest, limits) {
                Ok(read) => read,
                Err(Err::Incomplete(_)) => return self.wait(input, limits),
                Err(Err::Error(error) | Err::Failure(error)) => {
                    return Err((error.kind, input.len().saturating_sub(error.left)));
                }
            };
            let begin = self.at;
            self.at = input.len().saturating_sub(rest.len());
            self.searched = 0;
            if self.at > max_frame(limits) {
                return Err((DecodeErrorKind::FrameTooLarge, begin));
            }
            let complete = self
                .accept(token, input, limits)
                .map_err(|kind| (kind, begin))?;
            if complete {
                return Ok(Scan::Complete(self.at));
            }
        }
    }

    /// Nothing more to do with this input, unless it is already too long.
    fn wait(&self, input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
        if self.need.max(input.len()) > max_frame(limits) {
            return Err((DecodeErrorKind::FrameTooLarge, self.at));
        }
        Ok(Scan::Incomplete)
    }

    /// Reads one token: a leaf, or the header of an aggregate.
    fn token<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let Some((&marker, rest)) = input.split_first() else {
            return Err(Err::Incomplete(nom::Needed::Unknown));
        };
        let chunk_due = matches!(
            self.open.last(),
            Some(Open {
                left: Left::Chunks(_),
                ..
            })
        );
        if chunk_due != (marker == b';') {
            return fail(DecodeErrorKind::InvalidStream, input);
        }
        match marker {
            b'$' => self.bulk(Tag::BulkString, rest, limits),
            b':' => {
                let (rest, value) = leaf::integer(rest)?;
                Ok((rest, Token::Value(Node::integer(value))))
            }
            b'+' => self.line_node(Tag::SimpleString, rest, limits),
            b'*' => self.aggregate(Tag::Array, rest, limits),
            b'%' => self.aggregate(Tag::Map, rest, limits),
            b'~' => self.aggregate(Tag::Set, rest, limits),
            b'>' => self.aggregate(Tag::Push, rest, limits),
            b'|' => self.aggregate(Tag::Attribute, rest, limits),
            b'-' => self.line_node(Tag::SimpleError, rest, limits),
            b'_' => {
                let (rest, ()) = leaf::empty(rest)?;
                Ok((rest, Token::Value(Node::NULL)))
            }
            b'#' => {
                let (rest, value) = leaf::boolean(rest)?;
                Ok((rest, Token::Value(Node::boolean(value))))
            }
            b',' => {
                let (after, line) = self.line(rest, limits)?;
                match leaf::double(line) {
                    Some(value) => Ok((after, Token::Value(Node::double(value)))),
                    None => fail(DecodeErrorKind::InvalidNumber, rest),
                }
            }
            b'(' => {
                let (_, line) = self.line(rest, limits)?;
                if !leaf::is_big_number(line) {
                    return fail(DecodeErrorKind::InvalidNumber, rest);
                }
                self.line_node(Tag::BigNumber, rest, limits)
            }
            b'!' => self.bulk(Tag::BulkError, rest, limits),
            b'=' => self.bulk(Tag::Verbatim, rest, limits),
            b';' => self.chunk(rest, limits),
            b'.' => {
                let (rest, ()) = leaf::empty(rest)?;
                Ok((rest, Token::EndOfStream))
            }
            _ => fail(DecodeErrorKind::UnknownMarker(marker), input),
        }
    }

    /// The rest of a line, without its break. Remembers how far it looked.
    fn line<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, &'a [u8]> {
        let unsearched = input.get(self.searched..).unwrap_or_default();
        let found = memchr2(b'\r', b'\n', unsearched).map(|at| at.saturating_add(self.searched));
        let end = found.unwrap_or(input.len());
        if end > limits.max_line {
            return fail(DecodeErrorKind::LineTooLong, input);
        }
        self.searched = end;
        let (line, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
        match rest {
            [b'\r', b'\n', rest @ ..] => Ok((rest, line)),
            [] | [b'\r'] => Err(Err::Incomplete(nom::Needed::Unknown)),
            _ => fail(DecodeErrorKind::StrayLineBreak, rest),
        }
    }

    fn line_node<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (rest, line) = self.line(input, limits)?;
        Ok((
            rest,
            Token::Value(text_node(tag, self.at.saturating_add(1), line.len())),
        ))
    }

    /// The header of a bulk, its bytes and the break behind them.
    fn bulk<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (body, length) = leaf::length(input)?;
        let len = match length {
            Length::Known(len) => len,
            Length::Null if tag == Tag::BulkString => return Ok((body, Token::Value(Node::NULL))),
            Length::Streamed if tag == Tag::BulkString => {
                return Ok((body, Token::Begin(tag, Left::Chunks(self.joined.len()))));
            }
            Length::Null | Length::Streamed => {
                return fail(DecodeErrorKind::InvalidNumber, input);
            }
        };
        let (rest, text) = self.body(input, body, len, limits)?;
        if tag == Tag::Verbatim && text.get(3) != Some(&b':') {
            return fail(DecodeErrorKind::InvalidVerbatim, body);
        }
        let header = input.len().saturating_sub(body.len()).saturating_add(1);
        Ok((
            rest,
            Token::Value(text_node(tag, self.at.saturating_add(header), text.len())),
        ))
    }

    /// `len` bytes of `body` and the break behind them; notes how much input that takes when it is not there.
    fn body<'a>(
        &mut self,
        header: &[u8],
        body: &'a [u8],
        len: u64,
        limits: &Limits,
    ) -> Parsed<'a, &'a [u8]> {
        let len = match usize::try_from(len) {
            Ok(len) if len <= limits.max_bulk => len,
            _ => {
                let left = header.len();
                return Err(Err::Failure(LeafError {
                    kind: DecodeErrorKind::BulkTooLong,
                    left,
                }));
            }
        };
        let Some((text, rest)) = body.split_at_checked(len) else {
            let header_len = header.len().saturating_sub(body.len());
            self.need = [1, header_len, len, 2]
                .iter()
                .fold(self.at, |sum, n| sum.saturating_add(*n));
            return Err(Err::Incomplete(nom::Needed::Unknown));
        };
        let (rest, ()) = leaf::bulk_end(rest)?;
        Ok((rest, text))
    }

    fn chunk<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (body, length) = leaf::length(input)?;
        let len = match length {
            Length::Known(0) => return Ok((body, Token::EndOfString)),
            Length::Known(len) => len,
            Length::Null | Length::Streamed => return fail(DecodeErrorKind::InvalidNumber, input),
        };
        let (rest, text) = self.body(input, body, len, limits)?;
        let header = input.len().saturating_sub(body.len()).saturating_add(1);
        Ok((
            rest,
            Token::Chunk {
                start: self.at.saturating_add(header),
                len: text.len(),
            },
        ))
    }

    fn aggregate<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (rest, length) = leaf::length(input)?;
        let pairs = matches!(tag, Tag::Map | Tag::Attribute);
        let count = match length {
            Length::Known(count) if pairs => count.saturating_mul(2),
            Length::Known(count) => count,
            Length::Null if tag == Tag::Array => {
                return Ok((rest, Token::Value(Node::NULL_ARRAY)));
            }
            Length::Streamed if !matches!(tag, Tag::Push | Tag::Attribute) => {
                return Ok((rest, Token::Begin(tag, Left::Stream(0))));
            }
            Length::Null | Length::Streamed => {
                return fail(DecodeErrorKind::InvalidNumber, input);
            }
        };
        match u32::try_from(count) {
            Ok(count) if count as usize <= limits.max_elements => {
                Ok((rest, Token::Begin(tag, Left::Values(count))))
            }
            _ => fail(DecodeErrorKind::TooManyElements, input),
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
                if let Some(Open {
                    left: Left::Chunks(from),
                    ..
                }) = self.open.last()
                {
                    let so_far = self.joined.len().saturating_sub(*from);
                    if so_far.saturating_add(len) > limits.max_bulk {
                        return Err(DecodeErrorKind::BulkTooLong);
                    }
                }
                self.joined.extend_from_slice(text);
                Ok(false)
            }
            Token::EndOfString => Ok(self.close()),
            Token::EndOfStream => match self.open.last() {
                Some(Open {
                    left: Left::Stream(_),
                    ..
                }) if self.attributed.is_some() => Err(DecodeErrorKind::InvalidStream),
                Some(Open {
                    tag: Tag::Map,
                    left: Left::Stream(count),
                    ..
                }) if count % 2 == 1 => Err(DecodeErrorKind::OddMap),
                Some(Open {
                    left: Left::Stream(_),
                    ..
                }) => Ok(self.close()),
                _ => Err(DecodeErrorKind::InvalidStream),
            },
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
    fn close(&mut self) -> bool {
        // A loop rather than a call of `value_ended`: nesting must not become recursion.
        while let Some(Open { at, tag, left }) = self.open.pop() {
            let span = to_u32(self.nodes.len().saturating_sub(at));
            if let Some(node) = self.nodes.get_mut(at) {
                *node = match left {
                    Left::Values(_) => Node { b: span, ..*node },
                    Left::Stream(count) => Node::aggregate(tag, count, span),
                    Left::Chunks(from) => {
                        let len = self.joined.len().saturating_sub(from);
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

fn fail<T>(kind: DecodeErrorKind, input: &[u8]) -> Parsed<'_, T> {
    Err(Err::Failure(LeafError {
        kind,
        left: input.len(),
    }))
}

/// Offsets fit: a frame is bounded by [`max_frame`].
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn text_node(tag: Tag, offset: usize, len: usize) -> Node {
    Node::text(tag, to_u32(offset), to_u32(len))
}

/// The index counts in 32 bits, for the frame and its joined strings together.
fn max_frame(limits: &Limits) -> usize {
    limits.max_frame.min(u32::MAX as usize / 2)
}
