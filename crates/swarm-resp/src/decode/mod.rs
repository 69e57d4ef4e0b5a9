//! From bytes to frames, resumable at any byte.

mod borrowed;
mod buffer;
mod copies;
mod error;
mod leaf;
mod limits;
mod run;
mod scan;
mod token;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;

use bytes::{Buf, Bytes, BytesMut};

pub use error::{DecodeError, DecodeErrorKind};
pub(crate) use leaf::{double, is_big_number};
pub use limits::Limits;

use crate::frame::{Frame, Node, shares, text_shares};
use buffer::Buffer;
use copies::Copies;
use scan::{Scan, Scanner};

/// Decodes frames out of a stream.
///
/// Feed it a buffer that grows at its end: each call takes one whole frame off its front, without copying, or
/// answers `Ok(None)` when it is not all there. What was scanned is remembered, so however a frame is cut into
/// chunks, none of its bytes is looked at more than a constant number of times.
///
/// After an error the stream cannot be read further, for nothing says where the next frame begins: every later
/// call answers the same error, until [`reset`](Self::reset).
#[derive(Default)]
pub struct Decoder {
    limits: Limits,
    scanner: Scanner,
    /// The index of a lone leaf that was lent.
    lone: Option<Node>,
    /// Bytes taken in frames before this one.
    taken: u64,
    buffer: Buffer,
    copies: Copies,
    failed: Option<DecodeError>,
}

impl fmt::Debug for Decoder {
    /// Shows how far the stream was read, and nothing of what was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("taken", &self.taken)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder with limits of its own.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Says how large a buffer the input is a part of, at least, in bytes.
    ///
    /// For [`decode_bytes`](Self::decode_bytes) and [`decode_message`](Self::decode_message), whose input may be a small
    /// slice of a large buffer. A frame [shares a buffer](crate#memory) only if it is a good part of it; unless told, the
    /// decoder knows of no more of it than it is given.
    pub const fn set_buffer_size(&mut self, bytes: usize) {
        self.buffer.set_known(bytes);
    }

    /// Takes one frame off the front of a growing buffer.
    ///
    /// Answers `Ok(None)` while the frame is incomplete; then call again with the same buffer, more bytes behind
    /// what it holds. The buffer must not be changed otherwise.
    ///
    /// # Errors
    ///
    /// When the input is not RESP or exceeds a limit.
    #[inline]
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        self.decode_from(input)
    }

    /// Takes one frame off the front of bytes that are shared already, such as a WebSocket message.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_bytes(&mut self, input: &mut Bytes) -> Result<Option<Frame>, DecodeError> {
        self.decode_from(input)
    }

    #[inline(always)]
    fn decode_from(&mut self, input: &mut impl Input) -> Result<Option<Frame>, DecodeError> {
        if let Some((node, len)) = self.leaf(input) {
            let frame = self.take_leaf(input, node, len);
            self.took_leaf(len);
            return Ok(Some(frame));
        }
        let Some(len) = self.scan(input)? else {
            self.buffer.look(input.as_ptr(), input.extent(), self.taken);
            return Ok(None);
        };
        let frame = self.take(input, len);
        self.took(len);
        Ok(Some(frame))
    }

    /// Decodes a message that must hold exactly one frame.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and when the message ends inside the frame or goes on behind it.
    pub fn decode_message(&mut self, mut message: Bytes) -> Result<Frame, DecodeError> {
        let len = message.len();
        let Some(frame) = self.decode_bytes(&mut message)? else {
            return Err(self.fail(DecodeErrorKind::Truncated, len));
        };
        if !message.is_empty() {
            return Err(self.fail(DecodeErrorKind::TrailingBytes, 0));
        }
        Ok(frame)
    }

    /// Forgets a frame that was read in part, and any error: for a new stream, whose bytes are counted from 0 again.
    pub fn reset(&mut self) {
        self.scanner.reset();
        self.taken = 0;
        self.failed = None;
    }

    /// The whole frame at the front of `input`, when it is one of the leaves that nearly all small replies are.
    ///
    /// A call would cost a tenth of what such a reply does.
    #[inline(always)]
    fn leaf(&self, input: &[u8]) -> Option<(Node, usize)> {
        if self.failed.is_some() || !self.scanner.is_worth_a_look(input) {
            return None;
        }
        run::leaf(scan::visible(input, &self.limits), 0, &self.limits)
    }

    fn scan(&mut self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.scanner.reclaim();
        match self.scanner.scan(input, &self.limits) {
            Ok(Scan::Complete(len)) => Ok(Some(len)),
            Ok(Scan::Incomplete) => Ok(None),
            Err((kind, at)) => Err(self.fail(kind, at)),
        }
    }

    fn fail(&mut self, kind: DecodeErrorKind, at: usize) -> DecodeError {
        let error = DecodeError {
            kind,
            offset: self.taken.saturating_add(at as u64),
        };
        self.failed = Some(error);
        error
    }

    /// As [`took`](Self::took), after a leaf that left nothing in the scanner but, perhaps, how long it would be.
    #[inline]
    fn took_leaf(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.need = 0;
    }

    fn took(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.reset();
    }

    /// Takes a frame of `len` bytes that is one leaf off the input.
    #[inline(always)]
    fn take_leaf(&mut self, input: &mut impl Input, node: Node, len: usize) -> Frame {
        if let Some(frame) = Frame::small(input, node) {
            input.advance(len);
            return frame;
        }
        let buffer = self.buffer.size(input.as_ptr(), input.extent(), self.taken);
        if text_shares(len, buffer) {
            return Frame::leaf(input.split(len), node);
        }
        let frame = Frame::copied_leaf(input, node);
        input.advance(len);
        frame
    }

    /// Takes the frame that was scanned off the input.
    fn take(&mut self, input: &mut impl Input, len: usize) -> Frame {
        if self.scanner.has_joined {
            self.scanner.join(input.get(..len).unwrap_or(input));
            input.advance(len);
            let bytes = Bytes::copy_from_slice(&self.scanner.joined);
            return Frame::from_nodes(bytes, &self.scanner.nodes);
        }
        if let [node] = self.scanner.nodes.as_slice()
            && !node.tag.is_aggregate()
        {
            return self.take_leaf(input, *node, len);
        }
        let bytes = if !self.scanner.nodes.iter().any(|node| node.is_text()) {
            input.advance(len);
            Bytes::new()
        } else if shares(
            len,
            self.buffer.size(input.as_ptr(), input.extent(), self.taken),
        ) {
            input.split(len)
        } else {
            let bytes = input.get(..len).unwrap_or(input);
            let copy = match Frame::small_tree(bytes, &self.scanner.nodes) {
                Some(frame) => {
                    input.advance(len);
                    return frame;
                }
                None => self.copies.copy(bytes),
            };
            input.advance(len);
            copy
        };
        Frame::from_nodes(bytes, &self.scanner.nodes)
    }
}

/// A buffer that frames are taken off the front of.
trait Input: Buf + Deref<Target = [u8]> {
    /// Bytes from where it begins to the end of the buffer.
    fn extent(&self) -> usize;

    /// Takes so many bytes, which share the buffer.
    fn split(&mut self, len: usize) -> Bytes;
}

impl Input for BytesMut {
    #[inline]
    fn extent(&self) -> usize {
        self.capacity()
    }

    #[inline]
    fn split(&mut self, len: usize) -> Bytes {
        self.split_to(len).freeze()
    }
}

impl Input for Bytes {
    #[inline]
    fn extent(&self) -> usize {
        self.len()
    }

    #[inline]
    fn split(&mut self, len: usize) -> Bytes {
        self.split_to(len)
    }
}
