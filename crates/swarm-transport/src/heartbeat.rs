//! Finds a peer that is gone though its connection looks open.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::dial::after;

/// A stream that notes when it last heard of its peer, and how much. Any byte counts, so that a large reply over a slow
/// network is a sign of life long before it is whole.
#[derive(Debug)]
pub(crate) struct Heard<S> {
    stream: S,
    last: Instant,
    head: Head,
    arrived: u64,
    read: u64,
}

/// How far the head of an HTTP answer has been read: it ends with an empty line.
#[derive(Debug, Clone, Copy)]
enum Head {
    InLine,
    AfterBreak,
    AfterBreakAndReturn,
    Ended,
}

impl<S> Heard<S> {
    /// Counts all that is read.
    #[cfg(test)]
    pub(crate) fn new(stream: S) -> Self {
        Self {
            head: Head::Ended,
            ..Self::behind_head(stream)
        }
    }

    /// Counts what is read behind the head of an HTTP answer.
    pub(crate) fn behind_head(stream: S) -> Self {
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

    /// Bytes read, whatever they are.
    pub(crate) const fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Bytes read, behind the head once it has ended.
    pub(crate) const fn read(&self) -> Option<u64> {
        match self.head {
            Head::Ended => Some(self.read),
            _ => None,
        }
    }

    fn note(&mut self, bytes: &[u8]) {
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
                (Head::AfterBreak | Head::AfterBreakAndReturn, b'\n') => Head::Ended,
                (Head::InLine, b'\n') => Head::AfterBreak,
                (Head::AfterBreak, b'\r') => Head::AfterBreakAndReturn,
                _ => Head::InLine,
            };
        }
        self.read += bytes.len() as u64;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.note(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
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

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The peer was silent for long: ask whether it is there.
    Ask,
    /// It did not answer.
    Gone,
}

/// Asks after a silence, and gives up when the silence goes on.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    silence: Duration,
    patience: Duration,
    asked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Heartbeat {
    /// Asks after a `silence` and waits for an answer as long as its `patience` lasts.
    pub(crate) fn new(silence: Duration, patience: Duration) -> Self {
        Self {
            silence,
            patience,
            asked: None,
            timer: Box::pin(sleep_until(after(Instant::now(), silence))),
        }
    }

    /// Pending while there is nothing to do; to be polled when there is nothing to read. `heard` says when the peer last
    /// was.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, heard: Instant) -> Poll<Beat> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.asked.is_some_and(|asked| heard < asked) {
                return Poll::Ready(Beat::Gone);
            }
            let now = Instant::now();
            let due = after(heard, self.silence);
            if now >= due {
                self.asked = Some(now);
                self.timer.as_mut().reset(after(now, self.patience));
                return Poll::Ready(Beat::Ask);
            }
            self.asked = None;
            self.timer.as_mut().reset(due);
        }
    }

    /// The peer has a reason not to answer: it is asked again after another silence.
    pub(crate) fn forgive(&mut self) {
        self.asked = None;
        self.timer
            .as_mut()
            .reset(after(Instant::now(), self.silence));
    }

    /// The longest time that a vanished peer goes unnoticed.
    pub(crate) fn limit(&self) -> Duration {
        self.silence.saturating_add(self.patience)
    }
}
