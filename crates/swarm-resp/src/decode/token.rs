//! Reads one token of a frame: any leaf, or the header of an aggregate. The authority on what is wrong with input.

use memchr::memchr2;
use nom::Err;

use super::leaf::{self, LeafError, Length, Parsed};
use super::scan::{Left, Open, Scanner, max_frame, to_u32};
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};

/// What one step of the machine read.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Value(Node),
    Begin(Tag, Left),
    Chunk { start: usize, len: usize },
    EndOfString,
    EndOfStream,
}

impl Scanner {
    /// Reads one token: a leaf, or the header of an aggregate.
    pub(super) fn token<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
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
            b',' => self.number(Tag::SpelledDouble, rest, limits),
            b'(' => self.number(Tag::BigNumber, rest, limits),
            b'!' => self.bulk(Tag::BulkError, rest, limits),
            b'=' => self.bulk(Tag::Verbatim, rest, limits),
            b';' => self.chunk(rest, limits),
            b'.' => {
                // Whether an end may stand here is known before the rest of its line has arrived.
                if let Err(kind) = self.may_end() {
                    return fail(kind, input);
                }
                let (rest, ()) = leaf::empty(rest)?;
                Ok((rest, Token::EndOfStream))
            }
            _ => fail(DecodeErrorKind::UnknownMarker(marker), input),
        }
    }

    /// Whether the innermost open value may end here.
    fn may_end(&self) -> Result<(), DecodeErrorKind> {
        match self.open.last() {
            Some(Open {
                tag,
                left: Left::Stream(count),
                ..
            }) if self.attributed.is_none() => match tag {
                Tag::Map if count % 2 == 1 => Err(DecodeErrorKind::OddMap),
                _ => Ok(()),
            },
            _ => Err(DecodeErrorKind::InvalidStream),
        }
    }

    /// An integer, or, when it does not fit 64 bits, a big number.
    fn integer<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        match leaf::integer(input) {
            Ok((rest, value)) => Ok((rest, Token::Value(Node::integer(value)))),
            Err(Err::Failure(_)) if leaf::is_wide(input) => {
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

    /// A number that is kept as its text, and read when somebody asks for it.
    ///
    /// Where it ends is known whatever it says, so one that cannot be read costs its reply alone. A byte that is not
    /// printable ASCII is another matter: it shows that the stream is out of step.
    fn number<'a>(&mut self, tag: Tag, input: &'a [u8], limits: &Limits) -> Parsed<'a, Token> {
        let search = |unsearched: &[u8]| unsearched.iter().position(|b| !matches!(b, b' '..=b'~'));
        let (rest, line) = self.line_by(input, limits, search)?;
        let offset = self.at.saturating_add(1);
        Ok((rest, Token::Value(text_node(tag, offset, line.len()))))
    }

    /// The rest of a line, without its break. Remembers how far it looked.
    fn line<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Parsed<'a, &'a [u8]> {
        self.line_by(input, limits, |unsearched| {
            memchr2(b'\r', b'\n', unsearched)
        })
    }

    /// [`line`](Self::line), of bytes that `search` admits: it finds the first that it does not.
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
        let (rest, text) = self.body(input, body, len, limits.max_bulk, limits)?;
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
            Some(Open {
                left: Left::Chunks(from),
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
}

fn fail<'a, T>(kind: DecodeErrorKind, input: &[u8]) -> Parsed<'a, T> {
    fail_at(kind, input.len())
}

/// Fails so many bytes before the end of the input.
fn fail_at<'a, T>(kind: DecodeErrorKind, left: usize) -> Parsed<'a, T> {
    Err(Err::Failure(LeafError { kind, left }))
}

fn text_node(tag: Tag, offset: usize, len: usize) -> Node {
    Node::text(tag, to_u32(offset), to_u32(len))
}
