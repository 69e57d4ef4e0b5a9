//! Detects unresponsive peers: read activity and keep-alive pings.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::dial::deadline_after;

/// A stream that records when data last arrived, and how much.
///
/// Any byte counts as activity, so a large reply over a slow network shows that the peer is alive
/// long before the reply is complete.
#[derive(Debug)]
pub(crate) struct ReadActivity<S> {
    stream: S,
    last: Instant,
    head: Head,
    arrived: u64,
    read: u64,
}

/// Parser state for the head of an HTTP response, which ends with an empty line.
#[derive(Debug, Clone, Copy)]
enum Head {
    InLine,
    AfterLf,
    AfterLfCr,
    Ended,
}

impl<S> ReadActivity<S> {
    /// Counts every byte that is read.
    #[cfg(test)]
    pub(crate) fn new(stream: S) -> Self {
        Self {
            head: Head::Ended,
            ..Self::after_http_head(stream)
        }
    }

    /// Counts only the bytes that follow the head of an HTTP response.
    pub(crate) fn after_http_head(stream: S) -> Self {
        Self {
            stream,
            last: Instant::now(),
            head: Head::InLine,
            arrived: 0,
            read: 0,
        }
    }

    pub(crate) const fn last(&self) -> Instant {
        self.last
    }

    /// Number of bytes read, including the HTTP head.
    pub(crate) const fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Number of bytes read after the HTTP head, or `None` while the head is incomplete.
    pub(crate) const fn read(&self) -> Option<u64> {
        match self.head {
            Head::Ended => Some(self.read),
            _ => None,
        }
    }

    fn record(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.last = Instant::now();
        self.arrived += bytes.len() as u64;
        let mut bytes = bytes.iter();
        while !matches!(self.head, Head::Ended)
            && let Some(byte) = bytes.next()
        {
            self.head = match (self.head, byte) {
                (Head::AfterLf | Head::AfterLfCr, b'\n') => Head::Ended,
                (Head::InLine, b'\n') => Head::AfterLf,
                (Head::AfterLf, b'\r') => Head::AfterLfCr,
                _ => Head::InLine,
            };
        }
        self.read += bytes.len() as u64;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadActivity<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.record(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadActivity<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The action that is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeartbeatAction {
    /// Send a ping: nothing has arrived for the heartbeat interval.
    Ping,
    /// Drop the connection: nothing has arrived since the ping.
    TimedOut,
}

/// Keep-alive timer: requests a ping when the connection is idle, and reports a timeout if the peer
/// does not respond.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    pinged: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Heartbeat {
    /// Creates a timer that requests a ping after the connection was idle for `interval`, and then
    /// waits `timeout` for any data.
    pub(crate) fn new(interval: Duration, timeout: Duration) -> Self {
        Self {
            interval,
            timeout,
            pinged: None,
            timer: Box::pin(sleep_until(deadline_after(Instant::now(), interval))),
        }
    }

    /// Polls the timer. Call this when there is nothing to read. `last_read` is when data last
    /// arrived.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        last_read: Instant,
    ) -> Poll<HeartbeatAction> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.pinged.is_some_and(|pinged| last_read < pinged) {
                return Poll::Ready(HeartbeatAction::TimedOut);
            }
            let now = Instant::now();
            let due = deadline_after(last_read, self.interval);
            if now >= due {
                self.pinged = Some(now);
                self.timer.as_mut().reset(deadline_after(now, self.timeout));
                return Poll::Ready(HeartbeatAction::Ping);
            }
            self.pinged = None;
            self.timer.as_mut().reset(due);
        }
    }

    /// Restarts the interval, for a peer that has a reason not to answer pings.
    pub(crate) fn restart(&mut self) {
        self.pinged = None;
        self.timer
            .as_mut()
            .reset(deadline_after(Instant::now(), self.interval));
    }

    /// Maximum time until a vanished peer is detected.
    pub(crate) fn limit(&self) -> Duration {
        self.interval.saturating_add(self.timeout)
    }
}
