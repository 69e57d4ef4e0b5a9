//! Stream IDs: parsing, formatting, and neighbors.

use std::fmt;

use bytes::Bytes;

use super::super::reject::Reject;

/// ID of a stream entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct StreamId {
    pub(super) millis: u64,
    pub(super) sequence: u64,
}

pub(super) const INVALID: Reject =
    Reject::text("ERR Invalid stream ID specified as stream command argument");

/// Longer texts are invalid.
const MAX_TEXT: usize = 127;

impl StreamId {
    pub(super) const MIN: Self = Self::new(0, 0);
    pub(super) const MAX: Self = Self::new(u64::MAX, u64::MAX);

    pub(super) const fn new(millis: u64, sequence: u64) -> Self {
        Self { millis, sequence }
    }

    /// Parses `ms-seq`, or `ms` with the given sequence.
    pub(super) fn parse(text: &[u8], sequence: u64) -> Result<Self, Reject> {
        if text.len() > MAX_TEXT {
            return Err(INVALID);
        }
        let mut parts = text.splitn(2, |byte| *byte == b'-');
        let millis = number(parts.next().unwrap_or_default())?;
        let sequence = parts.next().map_or(Ok(sequence), number)?;
        Ok(Self { millis, sequence })
    }

    /// Parses a range bound; also `-`, `+`, and `(` before an exclusive ID.
    fn parse_end(text: &[u8], sequence: u64) -> Result<(Self, bool), Reject> {
        Ok(match text {
            b"-" => (Self::MIN, false),
            b"+" => (Self::MAX, false),
            [b'(', id @ ..] => (Self::parse(id, sequence)?, true),
            id => (Self::parse(id, sequence)?, false),
        })
    }

    /// Parses the start of a range.
    pub(super) fn parse_start(text: &[u8]) -> Result<Self, Reject> {
        match Self::parse_end(text, 0)? {
            (id, false) => Ok(id),
            (id, true) => id
                .next()
                .ok_or(Reject::text("ERR invalid start ID for the interval")),
        }
    }

    /// Parses the inclusive end of a range.
    pub(super) fn parse_stop(text: &[u8]) -> Result<Self, Reject> {
        match Self::parse_end(text, u64::MAX)? {
            (id, false) => Ok(id),
            (id, true) => id
                .previous()
                .ok_or(Reject::text("ERR invalid end ID for the interval")),
        }
    }

    pub(super) fn next(self) -> Option<Self> {
        match self.sequence.checked_add(1) {
            Some(sequence) => Some(Self { sequence, ..self }),
            None => self
                .millis
                .checked_add(1)
                .map(|millis| Self::new(millis, 0)),
        }
    }

    fn previous(self) -> Option<Self> {
        match self.sequence.checked_sub(1) {
            Some(sequence) => Some(Self { sequence, ..self }),
            None => (self.millis.checked_sub(1)).map(|millis| Self::new(millis, u64::MAX)),
        }
    }

    pub(super) fn to_bytes(self) -> Bytes {
        self.to_string().into()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

/// Parses a number as Redis does, with `strtoull` of C: it may have leading spaces, zeros, and a
/// sign. A minus wraps around, unless the number is a canonical integer.
fn number(text: &[u8]) -> Result<u64, Reject> {
    if super::super::number::integer(text).is_ok_and(|number| number < 0) {
        return Err(INVALID);
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_space(byte));
    let text = start.and_then(|start| text.get(start..)).unwrap_or(&[]);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number: Option<u64> = (std::str::from_utf8(digits).ok())
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    let number = number.ok_or(INVALID)?;
    Ok(if negative {
        number.wrapping_neg()
    } else {
        number
    })
}

/// ID requested by XADD.
#[derive(Debug, Clone, Copy)]
pub(super) enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    AutoSequence(u64),
    Given(StreamId),
}

impl NewId {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Reject> {
        match text {
            b"*" => Ok(Self::Auto),
            [millis @ .., b'-', b'*'] => number(millis).map(Self::AutoSequence),
            id => StreamId::parse(id, 0).map(Self::Given),
        }
    }

    /// Returns the ID after `last`, if there is one.
    pub(super) fn after(self, last: StreamId, now: i64) -> Option<StreamId> {
        let id = match self {
            Self::Auto => {
                let now = StreamId::new(u64::try_from(now).unwrap_or(0), 0);
                if now.millis > last.millis {
                    now
                } else {
                    last.next()?
                }
            }
            Self::AutoSequence(millis) if millis == last.millis => {
                StreamId::new(millis, last.sequence.checked_add(1)?)
            }
            Self::AutoSequence(millis) => StreamId::new(millis, 0),
            Self::Given(id) => id,
        };
        (id > last).then_some(id)
    }
}
