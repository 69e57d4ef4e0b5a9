//! A WebSocket that gives the memory of large messages back.

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

use super::error;
use crate::TransportError;
use crate::heartbeat::Heard;

/// Messages from here on leave buffers behind that are worth giving back.
const LARGE: usize = 1 << 20;

/// A socket whose library keeps buffers as large as the largest message, and offers no way to shrink them. So after a large
/// message it is put together anew on the same stream, once both buffers are known to be empty.
pub(super) struct Socket<S> {
    /// `None` only if putting together anew failed, which it cannot.
    stream: Option<WebSocketStream<Heard<S>>>,
    config: WebSocketConfig,
    /// Bytes that the frames of all messages so far took at least: fragments and long headers take more.
    taken: u64,
    /// Of these, those of control frames.
    control: u64,
    large: bool,
    /// How large the library's read buffer may be, of which every message is a slice.
    read_buffer: usize,
}

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(stream: WebSocketStream<Heard<S>>) -> Self {
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

    /// How large the buffer may be that the last message is a slice of. Whoever shares the message keeps all of it.
    pub(super) const fn read_buffer(&self) -> usize {
        self.read_buffer
    }

    #[cfg(test)]
    pub(super) const fn is_large(&self) -> bool {
        self.large
    }

    /// When the peer was heard of last.
    pub(super) fn last_heard(&self) -> Instant {
        let stream = self.stream.as_ref();
        stream.map_or_else(Instant::now, |stream| stream.get_ref().last())
    }

    /// Bytes that have come from the peer, whatever they are.
    pub(super) fn arrived(&self) -> u64 {
        let stream = self.stream.as_ref();
        stream.map_or(0, |stream| stream.get_ref().arrived())
    }

    /// Bytes that have come from the peer, those of control frames left out.
    pub(super) fn read(&self) -> Option<u64> {
        let read = self.stream.as_ref()?.get_ref().read()?;
        Some(read.saturating_sub(self.control))
    }

    /// The stream for a method of the library.
    fn get(&mut self) -> Result<Pin<&mut WebSocketStream<Heard<S>>>, TransportError> {
        self.stream.as_mut().map(Pin::new).ok_or_else(error::closed)
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let ready = self.get()?.poll_ready(cx);
        self.sent(ready)
    }

    pub(super) fn start_send(&mut self, message: Message) -> Result<(), TransportError> {
        self.large |= message.len() >= LARGE;
        match self.get()?.start_send(message) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.broken(error)),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let flushed = self.get()?.poll_flush(cx);
        self.sent(flushed)
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // From here on the library has a state to keep.
        self.large = false;
        let closed = self.get()?.poll_close(cx);
        self.sent(closed)
    }

    /// Tells the peer why the connection ends, if the socket takes that at once.
    pub(super) fn abandon(&mut self, cx: &mut Context<'_>, code: CloseCode) {
        let reason = Utf8Bytes::default();
        let close = Message::Close(Some(CloseFrame { code, reason }));
        if let Ok(mut stream) = self.get()
            && stream.as_mut().start_send(close).is_ok()
        {
            // Nothing follows: whether it leaves changes nothing here.
            let _ = stream.poll_flush(cx);
        }
    }

    /// The next message. Control frames are among them; pings are answered already.
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
                    // Room for a message is made by doubling what there is.
                    self.read_buffer = self.read_buffer.max(2 * len);
                    self.taken += frame;
                    if message.is_ping() || message.is_pong() {
                        self.control += frame;
                    }
                    return Poll::Ready(Ok(message));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error::of_socket(error))),
                Poll::Ready(None) => return Poll::Ready(Err(error::closed())),
                Poll::Pending if self.renew(cx) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Puts the socket together anew if large buffers are empty. Says whether it did.
    ///
    /// What was read and is not in a message yet would be lost. `taken` counts what the messages took at least, so when
    /// that is all that was read, nothing is left over.
    fn renew(&mut self, cx: &mut Context<'_>) -> bool {
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
        // It awaits nothing.
        let renewed = pin!(WebSocketStream::from_raw_socket(
            stream,
            Role::Client,
            Some(self.config)
        ));
        if let Poll::Ready(stream) = renewed.poll(cx) {
            self.stream = Some(stream);
        }
        true
    }

    fn sent(
        &mut self,
        sent: Poll<Result<(), tungstenite::Error>>,
    ) -> Poll<Result<(), TransportError>> {
        sent.map(|sent| sent.map_err(|error| self.broken(error)))
    }

    /// The error of a write. A peer that refuses a message says why before it cuts the connection, and that is found only
    /// by reading on.
    fn broken(&mut self, error: tungstenite::Error) -> TransportError {
        let error = error::of_socket(error);
        let mut cx = Context::from_waker(Waker::noop());
        while let Ok(stream) = self.get()
            && let Poll::Ready(Some(Ok(message))) = stream.poll_next(&mut cx)
        {
            if let Message::Close(frame) = message {
                return error::of_close(frame.as_ref()).with_source(error);
            }
        }
        error
    }
}

/// Bytes of the shortest header of a frame that is not masked.
const fn header_len(payload: usize) -> u64 {
    match payload {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    }
}
