//! Bytes on their way in, until they make a frame.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use swarm_resp::{DecodeError, Decoder, Frame};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::TransportOptions;

/// What arrived and is not decoded yet. It grows with the frame that is arriving, never by what a header announces, and
/// shrinks back when a large frame is gone.
#[derive(Debug)]
pub(super) struct Input {
    buffer: BytesMut,
    decoder: Decoder,
    /// Bytes to read at a time.
    chunk: usize,
    /// Whether all in the buffer was decoded as far as it goes.
    dry: bool,
    /// Bytes read so far.
    read: u64,
}

impl Input {
    pub(super) fn new(options: &TransportOptions) -> Self {
        Self {
            buffer: BytesMut::new(),
            decoder: Decoder::with_limits(options.limits),
            chunk: options.read_buffer,
            dry: true,
            read: 0,
        }
    }

    /// The next frame of what has arrived.
    pub(super) fn decode(&mut self) -> Result<Option<Frame>, DecodeError> {
        if self.dry {
            return Ok(None);
        }
        let frame = self.decoder.decode(&mut self.buffer)?;
        self.dry = frame.is_none();
        Ok(frame)
    }

    /// Whether a part of a frame has arrived.
    pub(super) fn is_inside_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Reads once. Ready with the number of bytes, 0 at the end of the stream.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        // The future holds nothing between polls, so making it anew each time loses nothing.
        let read = ready!(pin!(stream.read_buf(&mut self.buffer)).poll(cx))?;
        self.dry = read == 0 && self.dry;
        self.read += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Bytes read so far.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Discards what has arrived.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn make_room(&mut self) {
        let (len, capacity) = (self.buffer.len(), self.buffer.capacity());
        // While a frame arrives, the buffer is at least half full: doubling made it that large.
        if capacity > 4 * len.max(self.chunk) {
            let mut smaller = BytesMut::with_capacity(len + self.chunk);
            smaller.extend_from_slice(&self.buffer);
            self.buffer = smaller;
        } else if capacity - len < self.chunk / 8 {
            self.buffer.reserve(self.chunk);
        }
    }
}
