//! TCP listener: RESP2 and RESP3, with pipelining.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use swarm_resp::{CommandDecoder, Frame, ProtocolError, RespVersion, encode_frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::input::{self, Read};
use super::{Stop, Wire};
use crate::dialect::Quirk;
use crate::fragments::{self, Style};
use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, Shared};
use crate::stream::Stream;

/// Number of bytes read at once, as in Redis.
const READ: usize = 16 << 10;

/// Number of buffered bytes at which replies are sent.
const WRITE_AT: usize = 64 << 10;

/// Serves one connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, stop: Stop) {
    let addresses = stream.addresses();
    let wire = Tcp {
        stream,
        received: BytesMut::new(),
        decoder: super::decoder(shared.max_message),
        broken: false,
        reads_on: shared.dialect.has(Quirk::SwarmInput),
        forwards: shared.backend.forwards(),
        max_message: shared.max_message,
        replies: BytesMut::new(),
        fragments: VecDeque::new(),
        fragmented: shared.dialect.has(Quirk::Nagle),
        style: Style::of(shared.dialect),
    };
    super::serve(shared, ListenerKind::Tcp, addresses, wire, stop).await;
}

struct Tcp {
    stream: Stream,
    /// Received bytes that are not yet a complete command.
    received: BytesMut,
    decoder: CommandDecoder,
    /// Set after invalid input; the start of the next command is unknown.
    broken: bool,
    /// Malformed input is answered and read on.
    reads_on: bool,
    /// Commands are forwarded, so they are not split into arguments.
    forwards: bool,
    max_message: usize,
    /// Encoded replies.
    replies: BytesMut,
    /// Fragments of replies behind them, each of which is a separate write.
    fragments: VecDeque<Bytes>,
    /// Replies are sent in fragments.
    fragmented: bool,
    style: Style,
}

impl Tcp {
    /// Decodes a command from the buffer, or an error from malformed input. Returns `None` if it is
    /// incomplete.
    fn decode(&mut self) -> Option<Inbound> {
        let plain = matches!(self.received.as_ref(), [b'*', b'1'..=b'9', ..]);
        if plain || !self.reads_on {
            match self.next_command() {
                Ok(Some(inbound)) if !self.reads_on && is_http(&inbound) => {
                    self.broken = true;
                    tracing::warn!("connection closed: an HTTP client uses the TCP listener");
                    return None;
                }
                Ok(inbound) => return inbound,
                Err(error) if !self.reads_on => {
                    self.broken = true;
                    return Some(Inbound::resp(Err(error.to_string())));
                }
                Err(_) => self.decoder = super::decoder(self.max_message),
            }
        }
        let (length, read) = input::stream(&self.received);
        self.received.advance(length);
        match read {
            Read::Command(inbound) => Some(inbound),
            Read::Incomplete => {
                self.broken = self.received.len() > self.max_message;
                None
            }
            Read::Crashed => {
                self.broken = true;
                None
            }
        }
    }

    fn next_command(&mut self) -> Result<Option<Inbound>, ProtocolError> {
        if self.forwards {
            let request = self.decoder.decode_request(&mut self.received)?;
            return Ok(request.map(Inbound::request));
        }
        let args = self.decoder.decode(&mut self.received)?;
        Ok(args.map(|args| Inbound::resp(Ok(args))))
    }

    /// Reads once. Returns the number of bytes, 0 at the end.
    ///
    /// A connection without an incomplete command has no buffer, so an idle one costs none: bytes
    /// are read into the stack first.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [MaybeUninit::uninit(); READ];
        let mut bytes = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut bytes))?;
        self.received.extend_from_slice(bytes.filled());
        Poll::Ready(Ok(bytes.filled().len()))
    }

    /// Encodes a frame into the buffer.
    fn encode(&mut self, frame: &Frame, protocol: RespVersion) {
        if !self.style.is_standard() {
            self.replies
                .extend_from_slice(&fragments::encoded(frame, protocol, self.style));
        } else {
            encode_frame(&mut self.replies, frame, protocol);
        }
    }

    /// Writes the encoded replies.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replies.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.replies))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.replies.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Wire for Tcp {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        loop {
            if !self.broken
                && let Some(inbound) = self.decode()
            {
                return Poll::Ready(Some(inbound));
            }
            if self.broken {
                return Poll::Ready(None);
            }
            if self.received.is_empty() {
                self.received = BytesMut::new();
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) => return Poll::Ready(None),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "TCP read failed");
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.replies.len() >= WRITE_AT || !self.fragments.is_empty() {
            true => self.poll_flush(cx),
            false => Poll::Ready(Ok(())),
        }
    }

    fn put(&mut self, frame: &Frame, form: &Form) -> io::Result<()> {
        if self.fragmented {
            let fragments = fragments::fragments(frame, form.protocol, self.style);
            self.fragments.extend(fragments);
        } else {
            self.encode(frame, form.protocol);
        }
        Ok(())
    }

    fn is_stream(&self) -> bool {
        !self.fragmented && self.style.is_standard()
    }

    fn put_bytes(&mut self, bytes: BytesMut) {
        match self.replies.is_empty() {
            true => self.replies = bytes,
            false => self.replies.extend_from_slice(&bytes),
        }
    }

    fn put_part(&mut self, frame: &Frame, form: &Form, bytes: usize) -> io::Result<()> {
        self.encode(frame, form.protocol);
        self.replies.truncate(bytes);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_write(cx))?;
            let Some(fragment) = self.fragments.pop_front() else {
                break;
            };
            self.replies.extend_from_slice(&fragment);
        }
        // TLS buffers what the socket did not accept.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // Frees a buffer that grew for a large reply.
        self.replies = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: Ending) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns whether a command is a line of an HTTP request. As in Redis, nothing behind it may run:
/// a web page can send requests with commands in the body to any port.
fn is_http(inbound: &Inbound) -> bool {
    let name = inbound.typed_name();
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:")
}
