//! Stream whose last writes can be changed: it fails after a limited number of further bytes, or
//! writes another close frame than the WebSocket library.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Close frame of the deployed gateway: 1000, `closing`.
const CLOSING: &[u8] = b"\x88\x09\x03\xe8closing";

/// Number of bytes that may still be written; unlimited by default.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: Arc<AtomicUsize>,
    /// The library's answer to a close frame, in whose place [`CLOSING`] is written.
    echo: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            echo: Arc::default(),
        }
    }
}

impl Budget {
    pub(super) fn limit(&self, bytes: usize) {
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// Answers a close frame with [`CLOSING`] instead of an echo of its payload.
    pub(super) fn close(&self, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        let echo = [&[0x88, length], payload].concat();
        *self.echo.lock().unwrap_or_else(PoisonError::into_inner) = Some(echo);
    }

    /// Returns the length of the echo if bytes end with it.
    fn echo_in(&self, bytes: &[u8]) -> Option<usize> {
        let echo = self.echo.lock().unwrap_or_else(PoisonError::into_inner);
        echo.as_ref()
            .filter(|echo| bytes.ends_with(echo))
            .map(Vec::len)
    }
}

/// A stream whose writes consume a [`Budget`].
pub(super) struct Budgeted<S> {
    stream: S,
    budget: Budget,
    /// Number of bytes of [`CLOSING`] that have been written.
    closed: usize,
}

impl<S> Budgeted<S> {
    pub(super) const fn new(stream: S, budget: Budget) -> Self {
        Self {
            stream,
            budget,
            closed: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Budgeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> Budgeted<S> {
    /// Writes [`CLOSING`], whatever the library wants to write.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = CLOSING.get(self.closed..) {
            self.closed += ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Budgeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.budget.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let mut allowed = bytes.get(..left).unwrap_or(bytes);
        if let Some(echo) = self.budget.echo_in(bytes) {
            allowed = bytes.get(..bytes.len() - echo).unwrap_or_default();
            if allowed.is_empty() {
                ready!(self.poll_close(cx))?;
                return Poll::Ready(Ok(echo));
            }
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, allowed);
        if let (Poll::Ready(Ok(written)), true) = (&written, left != usize::MAX) {
            self.budget.limit(left.saturating_sub(*written));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
