//! A WebSocket stream that releases the memory of large messages.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use futures_util::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::{end, error};
use crate::TransportError;
use crate::heartbeat::ReadActivity;

/// Messages of at least this size leave buffers behind that are worth releasing.
const LARGE: usize = 1 << 20;

/// A WebSocket stream that can be rebuilt to shrink its buffers.
///
/// The WebSocket library keeps buffers as large as the largest message and cannot shrink them.
/// After a large message, the socket is therefore rebuilt on the same stream, once both buffers are
/// known to be empty.
pub(super) struct Socket<S> {
    /// `None` only if rebuilding failed, which cannot happen.
    stream: Option<WebSocketStream<ReadActivity<S>>>,
    config: WebSocketConfig,
    /// Lower bound of the bytes that the frames of all messages so far took on the stream;
    /// fragments and longer headers take more.
    taken: u64,
    /// The part of `taken` that was control frames.
    control: u64,
    large: bool,
    /// Upper bound of the library's read buffer, of which every message is a slice.
    read_buffer: usize,
}

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(stream: WebSocketStream<ReadActivity<S>>) -> Self {
        let config = *stream.get_config();
        let read_buffer = config.read_buffer_size;
        Self {
            config,
            stream: Some(stream),
            taken: 0,
            control: 0,
            large: false,
            read_buffer,
        }
    }

    /// Returns the upper bound of the buffer that holds the last message. Keeping a slice of the
    /// message keeps the whole buffer.
    pub(super) const fn read_buffer(&self) -> usize {
        self.read_buffer
    }

    #[cfg(test)]
    pub(super) const fn is_large(&self) -> bool {
        self.large
    }

    /// Returns when data last arrived.
    pub(super) fn last_read(&self) -> Instant {
        let stream = self.stream.as_ref();
        stream.map_or_else(Instant::now, |stream| stream.get_ref().last())
    }

    /// Returns the number of bytes received, including control frames.
    pub(super) fn arrived(&self) -> u64 {
        let stream = self.stream.as_ref();
        stream.map_or(0, |stream| stream.get_ref().arrived())
    }

    /// Returns the number of bytes received, without control frames.
    pub(super) fn read(&self) -> Option<u64> {
        let read = self.stream.as_ref()?.get_ref().read()?;
        Some(read.saturating_sub(self.control))
    }

    /// Returns the pinned stream.
    fn get(&mut self) -> Result<Pin<&mut WebSocketStream<ReadActivity<S>>>, TransportError> {
        self.stream.as_mut().map(Pin::new).ok_or_else(end::closed)
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let ready = self.get()?.poll_ready(cx);
        self.map_write_error(ready)
    }

    pub(super) fn start_send(&mut self, message: Message) -> Result<(), TransportError> {
        self.large |= message.len() >= LARGE;
        match self.get()?.start_send(message) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.write_error(error)),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let flushed = self.get()?.poll_flush(cx);
        self.map_write_error(flushed)
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // Rebuilding would lose the library's closing state.
        self.large = false;
        let closed = self.get()?.poll_close(cx);
        self.map_write_error(closed)
    }

    /// Sends a close frame with a code, if the socket accepts it immediately.
    pub(super) fn send_close(&mut self, cx: &mut Context<'_>, code: CloseCode) {
        let reason = Utf8Bytes::default();
        let close = Message::Close(Some(CloseFrame { code, reason }));
        if let Ok(mut stream) = self.get()
            && stream.as_mut().start_send(close).is_ok()
        {
            // Best effort: the connection is dropped either way.
            let _ = stream.poll_flush(cx);
        }
    }

    /// Receives the next message, including control frames. The library answers pings.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Message, TransportError>> {
        loop {
            match self.get()?.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    let len = message.len();
                    let frame = len as u64 + header_len(len);
                    self.large |= len >= LARGE;
                    // The library doubles its buffer to fit a message.
                    self.read_buffer = self.read_buffer.max(2 * len);
                    self.taken += frame;
                    if message.is_ping() || message.is_pong() {
                        self.control += frame;
                    }
                    return Poll::Ready(Ok(message));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(error::from_socket(error)));
                }
                Poll::Ready(None) => return Poll::Ready(Err(end::closed())),
                Poll::Pending if self.rebuild(cx) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Rebuilds the socket if a large message has passed and both buffers are empty. Returns
    /// whether it did.
    ///
    /// Rebuilding would lose data that was read but not returned yet. `taken` is a lower bound of
    /// what all returned messages took, so if it equals the number of bytes read, nothing is left.
    fn rebuild(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stream) = self.stream.as_mut().filter(|_| self.large) else {
            return false;
        };
        let is_empty = stream.get_ref().read() == Some(self.taken);
        if !is_empty || !matches!(Pin::new(stream).poll_flush(cx), Poll::Ready(Ok(()))) {
            return false;
        }
        self.large = false;
        self.read_buffer = self.config.read_buffer_size;
        let Some(stream) = self.stream.take().map(WebSocketStream::into_inner) else {
            return false;
        };
        // The constructor is async but never waits.
        let rebuilt = pin!(WebSocketStream::from_raw_socket(
            stream,
            Role::Client,
            Some(self.config)
        ));
        if let Poll::Ready(stream) = rebuilt.poll(cx) {
            self.stream = Some(stream);
        }
        true
    }

    fn map_write_error(
        &mut self,
        result: Poll<Result<(), tungstenite::Error>>,
    ) -> Poll<Result<(), TransportError>> {
        result.map(|result| result.map_err(|error| self.write_error(error)))
    }

    /// Converts an error of a write. A peer that rejects a message may send a close frame with the
    /// reason before it closes the connection, so look for one among the received messages.
    fn write_error(&mut self, error: tungstenite::Error) -> TransportError {
        let error = error::from_socket(error);
        let mut cx = Context::from_waker(Waker::noop());
        while let Ok(stream) = self.get()
            && let Poll::Ready(Some(Ok(message))) = stream.poll_next(&mut cx)
        {
            if let Message::Close(frame) = message {
                return error::from_close(frame.as_ref()).with_source(error);
            }
        }
        error
    }
}

/// Length of the shortest header of an unmasked frame.
const fn header_len(payload: usize) -> u64 {
    match payload {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    }
}
