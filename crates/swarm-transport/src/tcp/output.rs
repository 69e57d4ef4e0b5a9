//! Requests on their way out: small ones copied together, large ones shared.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use swarm_resp::RequestRef;
use tokio::io::AsyncWrite;

/// Requests from here on are not copied: two slices of a vectored write cost less than the copy.
const LARGE: usize = 16 << 10;

/// So many bytes are written without waiting for more.
const WORTH_A_WRITE: usize = 8 << 10;

/// Slices of one vectored write.
const SLICES: usize = 16;

/// What waits for the socket, oldest first: `before`, then `tail` from `sent` on.
#[derive(Debug)]
pub(super) struct Output {
    before: VecDeque<Bytes>,
    tail: Vec<u8>,
    sent: usize,
    /// Bytes of `before`.
    shared: usize,
    bound: usize,
}

impl Output {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            before: VecDeque::new(),
            tail: Vec::new(),
            sent: 0,
            shared: 0,
            bound,
        }
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.shared + self.tail.len() - self.sent
    }

    /// Whether the peer may begin with these while more are put together.
    pub(super) fn is_worth_a_write(&self) -> bool {
        self.len() >= WORTH_A_WRITE.min(self.bound)
    }

    /// Whether no further request may be put before some of these are written.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.bound
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
        self.shared += bytes.len();
        self.before.push_back(bytes);
    }

    /// Writes until nothing waits.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.len() > 0 {
            let tail = self.tail.get(self.sent..).unwrap_or_default();
            let written = if self.before.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, tail))?
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let waiting = self.before.iter().map(Bytes::as_ref).chain([tail]);
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

    /// Forgets bytes that are written.
    fn advance(&mut self, mut written: usize) {
        while written > 0
            && let Some(front) = self.before.front_mut()
        {
            let part = written.min(front.len());
            front.advance(part);
            self.shared -= part;
            written -= part;
            if front.is_empty() {
                self.before.pop_front();
            }
        }
        self.sent += written;
        if self.sent >= self.tail.len() {
            self.tail.clear();
            self.sent = 0;
        }
    }
}
