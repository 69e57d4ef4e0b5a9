//! Tokenizer: decodes any leaf or aggregate header, and determines all errors.

use memchr::memchr2;
use nom::Err;

use super::leaf::{self, LeafError, Length, Parsed};
use super::state::{OpenValue, Remaining, Scanner, max_frame, to_u32};
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};

/// A token of the input.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Value(Node),
    Begin(Tag, Remaining),
    Chunk { start: usize, len: usize },
    EndOfString,
    EndOfStream,
}

impl Scanner {
    /// Decodes one token: a leaf, or the header of an aggregate.
    pub(super) fn token<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let Some((&marker, rest)) = input.split_first() else {
            return Err(Err::Incomplete(nom::Needed::Unknown));
        };
        let chunk_due = matches!(
            self.open.last(),
            Some(OpenValue {
                remaining: Remaining::Chunks(_),
                ..
            })
        );
        if chunk_due != (marker == b';') {
            return fail(DecodeErrorKind::InvalidStream, input);
        }
        match marker {
            b'$' => self.bulk(Tag::BulkString, rest, limits),
            b':' => self.integer(rest, limits),
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
            b',' => self.number(Tag::TextDouble, rest, limits),
            b'(' => self.number(Tag::BigNumber, rest, limits),
            b'!' => self.bulk(Tag::BulkError, rest, limits),
            b'=' => self.bulk(Tag::Verbatim, rest, limits),
            b';' => self.chunk(rest, limits),
            b'.' => {
                // Report a misplaced end marker before the rest of its line has arrived.
                if let Err(kind) = self.may_end() {
                    return fail(kind, input);
                }
                let (rest, ()) = leaf::empty(rest)?;
                Ok((rest, Token::EndOfStream))
            }
            _ => fail(DecodeErrorKind::UnknownMarker(marker), input),
        }
    }

    /// Checks whether the innermost open value may end here.
    fn may_end(&self) -> Result<(), DecodeErrorKind> {
        match self.open.last() {
            Some(OpenValue {
                tag,
                remaining: Remaining::Stream(count),
                ..
            }) if self.pending_attributes.is_none() => match tag {
                Tag::Map if count % 2 == 1 => Err(DecodeErrorKind::OddMap),
                _ => Ok(()),
            },
            _ => Err(DecodeErrorKind::InvalidStream),
        }
    }

    /// Decodes an integer, or a big number if it exceeds 64 bits.
    fn integer<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        match leaf::integer(input) {
            Ok((rest, value)) => Ok((rest, Token::Value(Node::integer(value)))),
            Err(Err::Failure(_)) if leaf::may_exceed_i64(input) => {
                let (digits, sign) = match input {
                    [b'-' | b'+', digits @ ..] => (digits, 1),
                    _ => (input, 0),
                };
                let search =
                    |unsearched: &[u8]| unsearched.iter().position(|b| !b.is_ascii_digit());
                let (rest, line) = self.line_by(digits, limits, search)?;
                let len = line.len().saturating_add(sign);
                let offset = self.at.saturating_add(1);
                Ok((rest, Token::Value(text_node(Tag::BigNumber, offset, len))))
            }
            Err(error) => Err(error),
        }
    }

    /// Decodes a number that is stored as text and parsed on access.
    ///
    /// The end of a malformed number is known, so it fails only its own reply. But a byte that is
    /// not printable ASCII shows that the stream is out of sync.
    fn number<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let search = |unsearched: &[u8]| unsearched.iter().position(|b| !matches!(b, b' '..=b'~'));
        let (rest, line) = self.line_by(input, limits, search)?;
        let offset = self.at.saturating_add(1);
        Ok((rest, Token::Value(text_node(tag, offset, line.len()))))
    }

    /// Decodes the rest of a line, without the CRLF. Remembers how far it has searched.
    fn line<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, &'a [u8]> {
        self.line_by(input, limits, |unsearched| {
            memchr2(b'\r', b'\n', unsearched)
        })
    }

    /// Same as [`line`](Self::line), where `search` finds the first byte that is not part of the
    /// line.
    fn line_by<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        search: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Parsed<'a, &'a [u8]> {
        let unsearched = input.get(self.searched..).unwrap_or_default();
        let found = search(unsearched).map(|at| at.saturating_add(self.searched));
        let end = found.unwrap_or(input.len());
        if end > limits.max_line {
            return fail(DecodeErrorKind::LineTooLong, input);
        }
        self.searched = end;
        let (line, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
        match rest {
            [b'\r', b'\n', rest @ ..] => Ok((rest, line)),
            [] | [b'\r'] => Err(Err::Incomplete(nom::Needed::Unknown)),
            [b'\r' | b'\n', ..] => fail(DecodeErrorKind::StrayLineBreak, rest),
            _ => fail(DecodeErrorKind::InvalidNumber, rest),
        }
    }

    fn line_node<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (rest, line) = self.line(input, limits)?;
        Ok((
            rest,
            Token::Value(text_node(tag, self.at.saturating_add(1), line.len())),
        ))
    }

    /// Decodes a bulk string: its header, its bytes and the CRLF after them.
    fn bulk<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let (body, length) = leaf::length(input)?;
        let len = match length {
            Length::Known(len) => len,
            Length::Null if tag == Tag::BulkString => return Ok((body, Token::Value(Node::NULL))),
            Length::Streamed if tag == Tag::BulkString => {
                return Ok((
                    body,
                    Token::Begin(tag, Remaining::Chunks(self.joined.len())),
                ));
            }
            Length::Null | Length::Streamed => {
                return fail(DecodeErrorKind::InvalidNumber, input);
            }
        };
        let (rest, text) = self.body(input, body, len, limits.max_bulk, limits)?;
        let header = input.len().saturating_sub(body.len()).saturating_add(1);
        Ok((
            rest,
            Token::Value(text_node(tag, self.at.saturating_add(header), text.len())),
        ))
    }

    /// Decodes `len` bytes of `body` and the CRLF after them. If they are incomplete, records how
    /// much input is needed.
    fn body<'a>(
        &mut self,
        header: &[u8],
        body: &'a [u8],
        len: u64,
        max: usize,
        limits: &Limits,
    ) -> Parsed<'a, &'a [u8]> {
        let len = match usize::try_from(len) {
            Ok(len) if len <= max => len,
            _ => return fail_at(DecodeErrorKind::BulkTooLong, header.len()),
        };
        let header_len = header.len().saturating_sub(body.len());
        let end = [1, header_len, len, 2]
            .iter()
            .fold(self.at, |sum, n| sum.saturating_add(*n));
        if end > max_frame(limits) {
            return fail_at(
                DecodeErrorKind::FrameTooLarge,
                header.len().saturating_add(1),
            );
        }
        let Some((text, rest)) = body.split_at_checked(len) else {
            self.need = end.saturating_sub(1);
            return Err(Err::Incomplete(nom::Needed::Unknown));
        };
        let (rest, ()) = leaf::bulk_end(rest)?;
        Ok((rest, text))
    }

    fn chunk<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let so_far = match self.open.last() {
            Some(OpenValue {
                remaining: Remaining::Chunks(from),
                ..
            }) => self.joined.len().saturating_sub(*from),
            _ => 0,
        };
        let (body, length) = leaf::length(input)?;
        let len = match length {
            Length::Known(0) => return Ok((body, Token::EndOfString)),
            Length::Known(len) => len,
            Length::Null | Length::Streamed => return fail(DecodeErrorKind::InvalidNumber, input),
        };
        let (rest, text) = self.body(
            input,
            body,
            len,
            limits.max_bulk.saturating_sub(so_far),
            limits,
        )?;
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
                return Ok((rest, Token::Begin(tag, Remaining::Stream(0))));
            }
            Length::Null | Length::Streamed => {
                return fail(DecodeErrorKind::InvalidNumber, input);
            }
        };
        match u32::try_from(count) {
            Ok(count) if count as usize <= limits.max_elements => {
                Ok((rest, Token::Begin(tag, Remaining::Values(count))))
            }
            _ => fail(DecodeErrorKind::TooManyElements, input),
        }
    }
}

fn fail<'a, T>(kind: DecodeErrorKind, input: &[u8]) -> Parsed<'a, T> {
    fail_at(kind, input.len())
}

/// Returns an error at `remaining` bytes before the end of the input.
fn fail_at<'a, T>(kind: DecodeErrorKind, remaining: usize) -> Parsed<'a, T> {
    Err(Err::Failure(LeafError { kind, remaining }))
}

fn text_node(tag: Tag, offset: usize, len: usize) -> Node {
    Node::text(tag, to_u32(offset), to_u32(len))
}
