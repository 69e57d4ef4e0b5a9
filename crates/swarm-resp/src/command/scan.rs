//! Scanner of commands: finds the arguments, and remembers how far it has scanned.

use std::ops::Range;

use bytes::Bytes;

use super::{CommandLimits, ProtocolError, inline};

/// Number of arguments whose positions are kept allocated between commands.
const KEPT: usize = 1024;

/// Scanner of the command at the front of the input.
#[derive(Default)]
pub(super) struct Scanner {
    /// Number of bytes that have been scanned completely.
    at: usize,
    /// Number of bytes after `at` in which the end of the line was not found.
    searched: usize,
    /// Number of arguments, once their header has been scanned.
    count: Option<usize>,
    /// Length of the argument at `at`, once its header has been scanned.
    length: Option<usize>,
    args: Vec<Range<usize>>,
}

/// What is at the front of the input.
pub(super) enum Scan {
    Incomplete,
    /// An empty command of this size.
    Empty(usize),
    /// An inline command, and its size.
    Inline(Vec<Bytes>, usize),
    /// A command of this size, whose arguments are in the scanner.
    Complete(usize),
}

impl Scanner {
    /// Returns the positions of the arguments scanned so far.
    pub(super) fn args(&self) -> &[Range<usize>] {
        &self.args
    }

    /// Forgets the command.
    pub(super) fn reset(&mut self) {
        let mut args = std::mem::take(&mut self.args);
        args.clear();
        args.shrink_to(KEPT);
        *self = Self {
            args,
            ..Self::default()
        };
    }

    /// Scans as much as possible.
    pub(super) fn scan(
        &mut self,
        input: &[u8],
        limits: &CommandLimits,
    ) -> Result<Scan, ProtocolError> {
        let count = match (self.count, input.first()) {
            (Some(count), _) => count,
            (None, None) => return Ok(Scan::Incomplete),
            (None, Some(b'*')) => {
                let Some(count) = self.count(input, limits)? else {
                    return Ok(Scan::Incomplete);
                };
                if count == 0 {
                    return Ok(Scan::Empty(self.at));
                }
                *self.count.insert(count)
            }
            (None, Some(_)) => return self.inline(input, limits),
        };
        while self.args.len() < count {
            let Some(length) = self.length(input, limits)? else {
                return Ok(Scan::Incomplete);
            };
            let end = self.at.saturating_add(length);
            match input.get(end..) {
                Some([b'\r', b'\n', ..]) => {
                    self.args.push(self.at..end);
                    self.at = end.saturating_add(2);
                    self.length = None;
                }
                None | Some([] | [b'\r']) => return Ok(Scan::Incomplete),
                Some(_) => return Err(ProtocolError::UnterminatedBulk),
            }
        }
        Ok(Scan::Complete(self.at))
    }

    /// Scans the number of arguments.
    fn count(
        &mut self,
        input: &[u8],
        limits: &CommandLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if let Some(count) = self.short_line(input, limits) {
            return match count <= limits.max_args {
                true => Ok(Some(count)),
                false => Err(ProtocolError::InvalidCount),
            };
        }
        let Some(line) = self.line(input, limits) else {
            return Ok(None);
        };
        let line = line.map_err(|end| match end {
            BadLine::TooLong => ProtocolError::CountTooBig,
            BadLine::StrayCr => ProtocolError::InvalidCount,
        })?;
        match number(line) {
            // Redis ignores commands without arguments.
            Some(..=0) => Ok(Some(0)),
            Some(count) => (usize::try_from(count).ok())
                .filter(|count| *count <= limits.max_args)
                .map(Some)
                .ok_or(ProtocolError::InvalidCount),
            None => Err(ProtocolError::InvalidCount),
        }
    }

    /// Scans the length of the next argument, unless that is done.
    fn length(
        &mut self,
        input: &[u8],
        limits: &CommandLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.length.is_some() {
            return Ok(self.length);
        }
        if let Some(marker) = input.get(self.at)
            && *marker != b'$'
        {
            return Err(ProtocolError::ExpectedBulk(*marker));
        }
        let length = match self.short_line(input, limits) {
            Some(length) => Some(length),
            None => {
                let Some(line) = self.line(input, limits) else {
                    return Ok(None);
                };
                let line = line.map_err(|end| match end {
                    BadLine::TooLong => ProtocolError::LengthTooBig,
                    BadLine::StrayCr => ProtocolError::InvalidLength,
                })?;
                number(line).and_then(|length| usize::try_from(length).ok())
            }
        };
        let length = length
            .filter(|length| *length <= limits.max_arg)
            .ok_or(ProtocolError::InvalidLength)?;
        // With its CRLF.
        if self.at.saturating_add(length).saturating_add(2) > limits.max_command {
            return Err(ProtocolError::TooLarge);
        }
        self.length = Some(length);
        Ok(self.length)
    }

    /// Scans a header of one or two digits, as are nearly all. Anything else is left to
    /// [`line`](Self::line).
    fn short_line(&mut self, input: &[u8], limits: &CommandLimits) -> Option<usize> {
        let (number, end) = match input.get(self.at..)? {
            [_, ones @ b'0'..=b'9', b'\r', b'\n', ..] => (usize::from(ones & 0xf), 2),
            [_, tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
                let tens = usize::from(tens & 0xf).saturating_mul(10);
                (tens.saturating_add(usize::from(ones & 0xf)), 3)
            }
            _ => return None,
        };
        if end > limits.max_inline {
            return None;
        }
        self.at = self.at.saturating_add(end).saturating_add(2);
        self.searched = 0;
        Some(number)
    }

    /// Scans a header, and returns the text between its marker and its CRLF, or `None` if it is
    /// incomplete.
    fn line<'a>(
        &mut self,
        input: &'a [u8],
        limits: &CommandLimits,
    ) -> Option<Result<&'a [u8], BadLine>> {
        let header = input.get(self.at..)?;
        let unsearched = header.get(self.searched..)?;
        let Some(found) = memchr::memchr(b'\r', unsearched) else {
            self.searched = header.len();
            return (header.len() > limits.max_inline).then_some(Err(BadLine::TooLong));
        };
        let end = self.searched.saturating_add(found);
        if end > limits.max_inline {
            return Some(Err(BadLine::TooLong));
        }
        match header.get(end.saturating_add(1)) {
            Some(b'\n') => {
                self.at = self.at.saturating_add(end).saturating_add(2);
                self.searched = 0;
                Some(Ok(header.get(1..end).unwrap_or_default()))
            }
            Some(_) => Some(Err(BadLine::StrayCr)),
            None => None,
        }
    }

    /// Scans an inline command.
    fn inline(&mut self, input: &[u8], limits: &CommandLimits) -> Result<Scan, ProtocolError> {
        let unsearched = input.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unsearched) else {
            self.searched = input.len();
            return match input.len() > limits.max_inline {
                true => Err(ProtocolError::InlineTooBig),
                false => Ok(Scan::Incomplete),
            };
        };
        let end = self.searched.saturating_add(found);
        if end > limits.max_inline {
            return Err(ProtocolError::InlineTooBig);
        }
        let line = input.get(..end).unwrap_or_default();
        let args = inline::words(line)?;
        let len = end.saturating_add(1);
        Ok(match args.is_empty() {
            true => Scan::Empty(len),
            false => Scan::Inline(args, len),
        })
    }
}

/// Why a header is not a line.
enum BadLine {
    TooLong,
    StrayCr,
}

/// Parses a number as Redis does: no sign but a minus, and no leading zeros.
fn number(line: &[u8]) -> Option<i64> {
    match line {
        b"0" => Some(0),
        [b'1'..=b'9', rest @ ..] | [b'-', b'1'..=b'9', rest @ ..]
            if rest.iter().all(u8::is_ascii_digit) =>
        {
            std::str::from_utf8(line).ok()?.parse().ok()
        }
        _ => None,
    }
}
