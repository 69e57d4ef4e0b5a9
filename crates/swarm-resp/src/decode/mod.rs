//! Incremental decoding of frames.

mod borrowed;
mod buffer_size;
mod copy_buffer;
mod error;
mod fast_path;
mod leaf;
mod limits;
mod scan;
mod state;
mod token;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;

use bytes::{Buf, Bytes, BytesMut};

pub use error::{DecodeError, DecodeErrorKind};
pub use limits::Limits;

use crate::frame::{Frame, Node, shares, text_shares};
pub(crate) use buffer_size::BufferSize;
use copy_buffer::CopyBuffer;
use scan::Scan;
use state::Scanner;

/// Incremental decoder of frames.
///
/// Append received data to a buffer; each call of [`decode`](Self::decode) takes one complete frame
/// off its front, or returns `Ok(None)` if the frame is incomplete. The decoder remembers how far
/// it has scanned, so each byte is examined only a constant number of times, however a frame is
/// split into chunks.
///
/// After an error, the start of the next frame is unknown. All later calls return the same error,
/// until [`reset`](Self::reset).
#[derive(Default)]
pub struct Decoder {
    limits: Limits,
    scanner: Scanner,
    /// The node of a borrowed frame that consists of one leaf.
    borrowed_leaf: Option<Node>,
    /// Number of bytes of all previous frames.
    taken: u64,
    buffer: BufferSize,
    copy_buffer: CopyBuffer,
    failed: Option<DecodeError>,
}

impl fmt::Debug for Decoder {
    /// Formats the position in the stream, but none of its data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("taken", &self.taken)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Creates a decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a decoder with the given limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Sets the minimum size of the buffer that the input is part of, in bytes.
    ///
    /// Use this with [`decode_bytes`](Self::decode_bytes) and
    /// [`decode_message`](Self::decode_message) if their input is a small slice of a large buffer:
    /// a frame [shares a buffer](crate#memory) only if it makes up a large enough part of it. By
    /// default, the decoder assumes that the buffer ends with the input.
    pub const fn set_buffer_size(&mut self, bytes: usize) {
        self.buffer.set_min_size(bytes);
    }

    /// Decodes one frame and removes it from the front of the buffer.
    ///
    /// Returns `Ok(None)` while the frame is incomplete. Then append more data to the same buffer
    /// and call again; do not modify the buffer in any other way.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is not RESP or exceeds a limit.
    #[inline]
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        self.decode_from(input)
    }

    /// Decodes one frame from shared bytes, such as a WebSocket message, and removes it from their
    /// front.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode).
    pub fn decode_bytes(&mut self, input: &mut Bytes) -> Result<Option<Frame>, DecodeError> {
        self.decode_from(input)
    }

    #[inline(always)]
    fn decode_from(&mut self, input: &mut impl Input) -> Result<Option<Frame>, DecodeError> {
        if let Some((node, len)) = self.leaf(input) {
            let frame = self.take_leaf(input, node, len);
            self.record_leaf(len);
            return Ok(Some(frame));
        }
        let Some(len) = self.scan(input)? else {
            self.buffer
                .observe(input.as_ptr(), input.extent(), self.taken);
            return Ok(None);
        };
        let frame = self.take(input, len);
        self.record_frame(len);
        Ok(Some(frame))
    }

    /// Decodes a message that must contain exactly one frame.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode). Also returns an error if the frame is incomplete or
    /// followed by more data.
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

    /// Returns the offset in the stream, in bytes, of the next frame: the total size of all frames
    /// decoded so far. The difference between two calls is the encoded size of the frames decoded
    /// in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use swarm_resp::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// let mut buffer = BytesMut::from("+OK\r\n$5\r\nhello\r\n");
    /// decoder.decode(&mut buffer)?;
    /// let before = decoder.position();
    /// let frame = decoder.decode(&mut buffer)?;
    /// assert_eq!((before, decoder.position() - before), (5, 11));
    /// # assert!(frame.is_some());
    /// # Ok::<(), swarm_resp::DecodeError>(())
    /// ```
    pub const fn position(&self) -> u64 {
        self.taken
    }

    /// Resets the decoder for a new stream: discards a partial frame and any error, and counts
    /// offsets from 0.
    pub fn reset(&mut self) {
        self.scanner.reset();
        self.taken = 0;
        self.failed = None;
    }

    /// Decodes the frame at the front of `input` if it is a common kind of leaf, as are nearly all
    /// small replies.
    ///
    /// Inlined, because a function call would add a tenth to the cost of such a reply.
    #[inline(always)]
    fn leaf(&self, input: &[u8]) -> Option<(Node, usize)> {
        if self.failed.is_some() || !self.scanner.may_be_leaf(input) {
            return None;
        }
        fast_path::leaf(scan::visible(input, &self.limits), 0, &self.limits)
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

    /// Same as [`record_frame`](Self::record_frame), for a leaf, which leaves nothing in the scanner except
    /// possibly its length.
    #[inline]
    fn record_leaf(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.need = 0;
    }

    fn record_frame(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.reset();
    }

    /// Removes a frame of `len` bytes that consists of one leaf from the input.
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

    /// Removes the scanned frame of `len` bytes from the input.
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
                None => self.copy_buffer.copy(bytes),
            };
            input.advance(len);
            copy
        };
        Frame::from_nodes(bytes, &self.scanner.nodes)
    }
}

/// A buffer from whose front frames are removed.
pub(crate) trait Input: Buf + Deref<Target = [u8]> {
    /// Returns the number of bytes from the start of the input to the end of its buffer.
    fn extent(&self) -> usize;

    /// Splits off the first `len` bytes, which share the buffer.
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
