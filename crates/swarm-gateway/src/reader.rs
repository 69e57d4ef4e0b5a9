//! Internal reader of the deployed WebSocket gateway, which splits the command processor's output
//! into replies.
//!
//! The reader supports `$`, `*`, `:`, and `+`, and parses any other line as an inline command: a
//! list of words. An error therefore arrives as its words, and a text with line breaks as several
//! replies.

use bytes::{Buf, Bytes, BytesMut};
use swarm_resp::Frame;

use crate::dialect::{Dialect, Quirk};

/// Maximum length of a bulk string that the reader waits for.
const LONGEST: i64 = 512 << 20;

/// Lengths beyond this one cannot be allocated, although they are valid; the reader crashes.
const ALLOCATABLE: i64 = 0x7fff_ffc7;

/// Depth of nested arrays that the reader follows.
const DEEPEST: usize = 64;

/// Incremental reply parser.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: BytesMut,
    /// Set after invalid input; the reader stops for good.
    dead: bool,
    /// Errors are read as lists of words.
    words: bool,
    /// Simple strings are read as bulk strings.
    bulk: bool,
}

/// Reason that no reply is available.
enum Stop {
    Incomplete,
    Broken,
    Crashed,
}

/// Result of reading from the start of some bytes.
pub(crate) enum Parsed {
    /// A frame, and its length.
    Frame(Frame, usize),
    Incomplete,
    /// Malformed input, and the length of what was read of it.
    Broken(usize),
    /// The reader cannot go on.
    Crashed,
}

/// Reads one frame of a client's input.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut cursor = Cursor {
        bytes,
        at: 0,
        depth: 0,
    };
    match cursor.frame(true, true) {
        Ok(frame) => Parsed::Frame(frame, cursor.at),
        Err(Stop::Incomplete) => Parsed::Incomplete,
        Err(Stop::Broken) => Parsed::Broken(cursor.at),
        Err(Stop::Crashed) => Parsed::Crashed,
    }
}

impl Reader {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            words: dialect.has(Quirk::ArrayErrors),
            bulk: dialect.has(Quirk::SimpleAsBulk),
            ..Self::default()
        }
    }

    /// Returns whether the reader is between two replies, so that a push may be sent.
    pub(crate) fn is_between(&self) -> bool {
        self.buffer.is_empty() && !self.dead
    }

    /// Adds output of the command processor.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if !self.dead {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Returns the next complete reply.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        if self.dead || self.buffer.is_empty() {
            return None;
        }
        let mut cursor = Cursor {
            bytes: &self.buffer,
            at: 0,
            depth: 0,
        };
        match cursor.frame(self.words, self.bulk) {
            Ok(frame) => {
                let read = cursor.at;
                self.buffer.advance(read);
                Some(frame)
            }
            Err(Stop::Incomplete) => None,
            Err(Stop::Broken | Stop::Crashed) => {
                self.dead = true;
                self.buffer.clear();
                None
            }
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    fn frame(&mut self, words: bool, bulk: bool) -> Result<Frame, Stop> {
        let start = self.at;
        let mark = *self.bytes.get(start).ok_or(Stop::Incomplete)?;
        self.at += 1;
        let line = self.line()?;
        match mark {
            b'$' => match length(line)? {
                -1 => Ok(Frame::null()),
                ALLOCATABLE.. => Err(Stop::Crashed),
                length @ 0..=LONGEST => {
                    let length = usize::try_from(length).map_err(|_| Stop::Broken)?;
                    let value = self.take(length)?;
                    match self.take(2)? {
                        b"\r\n" => Ok(Frame::bulk(Bytes::copy_from_slice(value))),
                        _ => Err(Stop::Broken),
                    }
                }
                _ => Err(Stop::Broken),
            },
            b'*' => match length(line)? {
                -1 => Ok(Frame::null_array()),
                ALLOCATABLE.. => Err(Stop::Crashed),
                count @ 0.. => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(Stop::Crashed);
                    }
                    let items: Result<Vec<_>, _> =
                        (0..count).map(|_| self.frame(words, bulk)).collect();
                    self.depth -= 1;
                    Ok(Frame::array(&items?))
                }
                _ => Err(Stop::Broken),
            },
            b':' => Ok(Frame::integer(number(line)?)),
            b'+' if bulk => Ok(Frame::bulk(Bytes::copy_from_slice(line))),
            b'+' => Ok(Frame::simple(Bytes::copy_from_slice(line))),
            b'-' if !words => Ok(Frame::error(Bytes::copy_from_slice(line))),
            _ => {
                // The type marker belongs to the first word.
                let end = start + 1 + line.len();
                let line = self.bytes.get(start..end).unwrap_or_default();
                let words = line.split(|byte| *byte == b' ');
                // Such a line is read as ASCII.
                let ascii = |word: &[u8]| -> Vec<u8> {
                    let byte = |byte: &u8| if byte.is_ascii() { *byte } else { b'?' };
                    word.iter().map(byte).collect()
                };
                Ok(Frame::build(|reply| {
                    reply.array(|array| {
                        (words.filter(|word| !word.is_empty()))
                            .for_each(|word| array.bulk(&ascii(word)));
                    });
                }))
            }
        }
    }

    /// Returns the bytes up to a CR, which must be followed by an LF.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = (rest.iter().position(|byte| *byte == b'\r')).ok_or(Stop::Incomplete)?;
        match rest.get(end + 1) {
            Some(b'\n') => {
                self.at += end + 2;
                Ok(rest.get(..end).unwrap_or_default())
            }
            Some(_) => {
                self.at += end + 2;
                Err(Stop::Broken)
            }
            None => Err(Stop::Incomplete),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.saturating_add(length);
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Incomplete)?;
        self.at = end;
        Ok(taken)
    }
}

fn number(line: &[u8]) -> Result<i64, Stop> {
    let text = std::str::from_utf8(line).map_err(|_| Stop::Broken)?;
    text.trim().parse().map_err(|_| Stop::Broken)
}

/// Parses a length, which has 32 bits.
fn length(line: &[u8]) -> Result<i64, Stop> {
    match number(line)? {
        length if i32::try_from(length).is_ok() => Ok(length),
        _ => Err(Stop::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Vec<String>, Reader) {
        let mut reader = Reader::new(Dialect::UPSTREAM);
        reader.feed(bytes);
        let frames = std::iter::from_fn(|| reader.next());
        let shown = frames.map(|frame| frame.to_string()).collect();
        (shown, reader)
    }

    #[test]
    fn a_line_that_it_does_not_know_is_words() {
        let (frames, reader) = read(b"-ERR  no such\r\n+OK\r\n%7\r\n_\r\n:5\r\n$-1\r\n*-1\r\n");
        assert_eq!(
            frames,
            [
                r#"["-ERR", "no", "such"]"#,
                r#""OK""#,
                r#"["%7"]"#,
                r#"["_"]"#,
                "5",
                "nil",
                "nil"
            ]
        );
        assert!(reader.is_between());
    }

    #[test]
    fn a_text_with_line_breaks_is_several_replies() {
        let (frames, _) = read(b"-a\r\n:1\r\n$3\r\nabc\r\n");
        assert_eq!(frames, [r#"["-a"]"#, "1", r#""abc""#]);
        // An empty line is part of the next reply.
        let (frames, _) = read(b"-a\r\n\r\nb c\r\n");
        assert_eq!(frames, [r#"["-a"]"#, r#"["\r\nb", "c"]"#]);
    }

    #[test]
    fn a_list_takes_what_follows_into_itself() {
        let (frames, mut reader) = read(b"-a\r\n*2\r\n:1\r\n");
        assert_eq!(frames, [r#"["-a"]"#]);
        assert!(!reader.is_between());
        reader.feed(b":2\r\n");
        assert_eq!(reader.next().unwrap().to_string(), "[1, 2]");
    }

    #[test]
    fn a_lone_cr_and_a_wrong_length_end_it() {
        for bytes in [
            &b"-a\rb\r\n"[..],
            b"$x\r\n",
            b"-a\r\n$5\r\nab\r\n+OK\r\n",
            b":x\r\n",
        ] {
            let (frames, mut reader) = read(bytes);
            assert!(frames.len() <= 1);
            reader.feed(b"+OK\r\n");
            assert!(reader.next().is_none(), "{bytes:?}");
            assert!(!reader.is_between());
        }
    }
}
