//! Read buffer: received data that is not decoded yet.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use swarm_resp::{DecodeError, Decoder, Frame};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::TransportOptions;
use crate::dial::is_tls_alert;

/// Received data that is not decoded yet.
///
/// The buffer grows with the data that arrives, never by the length that a header announces, and
/// shrinks after a large frame.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    buffer: BytesMut,
    decoder: Decoder,
    /// Number of bytes to read at a time.
    chunk: usize,
    /// Whether the buffer holds no complete frame.
    drained: bool,
    /// Total number of bytes read.
    read: u64,
}

/// A protocol that a peer speaks instead of RESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Tls,
}

impl ReadBuffer {
    pub(super) fn new(options: &TransportOptions) -> Self {
        Self {
            buffer: BytesMut::new(),
            decoder: Decoder::with_limits(options.limits),
            chunk: options.read_buffer,
            drained: true,
            read: 0,
        }
    }

    /// Decodes the next frame, or returns `None` if it is incomplete.
    pub(super) fn decode(&mut self) -> Result<Option<Frame>, DecodeError> {
        if self.drained {
            return Ok(None);
        }
        let frame = self.decoder.decode(&mut self.buffer)?;
        self.drained = frame.is_none();
        Ok(frame)
    }

    /// Recognizes other protocols by the data at the front of the buffer.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        match &self.buffer[..] {
            [b'H', b'T', b'T', b'P', b'/', ..] => Some(Protocol::Http),
            // The answer of a TLS server to data that is not TLS.
            data if is_tls_alert(data) => Some(Protocol::Tls),
            _ => None,
        }
    }

    /// Returns whether the buffer holds part of a frame.
    pub(super) fn has_partial_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Reads once. Returns the number of bytes read, 0 at the end of the stream.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.reserve();
        // The future has no state of its own, so it can be recreated for each poll.
        let read = ready!(pin!(stream.read_buf(&mut self.buffer)).poll(cx))?;
        self.drained = read == 0 && self.drained;
        self.read += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Returns the total number of bytes read.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Discards buffered data.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn reserve(&mut self) {
        let (len, capacity) = (self.buffer.len(), self.buffer.capacity());
        // A buffer that is growing is at least half full, because it doubles.
        if capacity > 4 * len.max(self.chunk) {
            let mut smaller = BytesMut::with_capacity(len + self.chunk);
            smaller.extend_from_slice(&self.buffer);
            self.buffer = smaller;
        } else if capacity - len < self.chunk / 8 {
            self.buffer.reserve(self.chunk);
        }
    }
}
