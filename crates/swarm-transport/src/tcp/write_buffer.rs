//! Write buffer: copies small requests together and shares large ones.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use swarm_resp::RequestRef;
use tokio::io::AsyncWrite;

/// Requests of at least this size are not copied: another slice in a vectored write costs less.
const LARGE: usize = 16 << 10;

/// Once this many bytes are buffered, they are written without waiting for a flush.
const EARLY_WRITE: usize = 8 << 10;

/// Maximum number of slices in a vectored write.
const SLICES: usize = 16;

/// Buffered requests, oldest first: `shared_len`, then the unwritten part of `tail`.
#[derive(Debug)]
pub(super) struct Output {
    shared: VecDeque<Bytes>,
    tail: Vec<u8>,
    sent: usize,
    /// Total size of `shared_len`.
    shared_len: usize,
    capacity: usize,
}

impl Output {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            shared: VecDeque::new(),
            tail: Vec::new(),
            sent: 0,
            shared_len: 0,
            capacity,
        }
    }

    /// Returns the number of buffered bytes.
    pub(super) fn len(&self) -> usize {
        self.shared_len + self.tail.len() - self.sent
    }

    /// Returns whether to write early, so that the server can start while the client encodes more
    /// requests.
    pub(super) fn should_write_early(&self) -> bool {
        self.len() >= EARLY_WRITE.min(self.capacity)
    }

    /// Returns whether the buffer is full.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub(super) fn put(&mut self, request: RequestRef<'_>) {
        if request.encoded().len() < LARGE {
            self.tail.extend_from_slice(request.encoded());
            return;
        }
        if !self.tail.is_empty() {
            let mut tail = Bytes::from(std::mem::take(&mut self.tail));
            tail.advance(std::mem::take(&mut self.sent));
            self.share(tail);
        }
        self.share(request.to_bytes());
    }

    fn share(&mut self, bytes: Bytes) {
        self.shared_len += bytes.len();
        self.shared.push_back(bytes);
    }

    /// Writes all buffered data.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.len() > 0 {
            let tail = self.tail.get(self.sent..).unwrap_or_default();
            let written = if self.shared.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, tail))?
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let waiting = self.shared.iter().map(Bytes::as_ref).chain([tail]);
                let mut count = 0;
                for (slice, bytes) in slices.iter_mut().zip(waiting) {
                    *slice = IoSlice::new(bytes);
                    count += 1;
                }
                let slices = slices.get(..count).unwrap_or_default();
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Removes data that was written.
    fn advance(&mut self, mut written: usize) {
        while written > 0
            && let Some(front) = self.shared.front_mut()
        {
            let part = written.min(front.len());
            front.advance(part);
            self.shared_len -= part;
            written -= part;
            if front.is_empty() {
                self.shared.pop_front();
            }
        }
        self.sent += written;
        if self.sent >= self.tail.len() {
            self.tail.clear();
            self.sent = 0;
        }
    }
}
