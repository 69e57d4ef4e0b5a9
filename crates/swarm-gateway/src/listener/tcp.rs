//! TCP listener: RESP2 and RESP3, with pipelining.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use swarm_resp::{CommandDecoder, Frame, RespVersion, encode_frame};
use tokio::io::{self as async_io, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::input::{self, Read};
use super::{Sink, Source, Stop};
use crate::dialect::Quirk;
use crate::fragments;
use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, Shared};
use crate::stream::Stream;

/// Number of buffered bytes at which replies are sent.
const WRITE_AT: usize = 64 << 10;

/// Serves one connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, stop: Stop) {
    let addresses = stream.addresses();
    let (reader, writer) = async_io::split(stream);
    let source = TcpSource {
        reader,
        buffer: BytesMut::new(),
        decoder: super::decoder(shared.max_message),
        broken: false,
        reads_on: shared.dialect.has(Quirk::SwarmInput),
        max_message: shared.max_message,
    };
    let sink = TcpSink {
        writer,
        buffer: BytesMut::new(),
        fragmented: shared.dialect.has(Quirk::Nagle),
        unescaped: shared.dialect.has(Quirk::CrLf),
    };
    super::serve(shared, ListenerKind::Tcp, addresses, source, sink, stop).await;
}

struct TcpSource {
    reader: ReadHalf<Stream>,
    /// Received bytes that are not yet a complete command.
    buffer: BytesMut,
    decoder: CommandDecoder,
    /// Set after invalid input; the start of the next command is unknown.
    broken: bool,
    /// Malformed input is answered and read on.
    reads_on: bool,
    max_message: usize,
}

impl TcpSource {
    /// Decodes a command from the buffer, or an error from malformed input. Returns `None` if it is
    /// incomplete.
    fn decode(&mut self) -> Option<Inbound> {
        let plain = matches!(self.buffer.as_ref(), [b'*', b'1'..=b'9', ..]);
        if plain || !self.reads_on {
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(args)) if !self.reads_on && is_http(&args) => {
                    self.broken = true;
                    tracing::warn!("connection closed: an HTTP client uses the TCP listener");
                    return None;
                }
                Ok(args) => return args.map(|args| Inbound::resp(Ok(args))),
                Err(error) if !self.reads_on => {
                    self.broken = true;
                    return Some(Inbound::resp(Err(error.to_string())));
                }
                Err(_) => self.decoder = super::decoder(self.max_message),
            }
        }
        let (length, read) = input::stream(&self.buffer);
        self.buffer.advance(length);
        match read {
            Read::Command(inbound) => Some(inbound),
            Read::Incomplete => {
                self.broken = self.buffer.len() > self.max_message;
                None
            }
            Read::Crashed => {
                self.broken = true;
                None
            }
        }
    }
}

impl Source for TcpSource {
    async fn next(&mut self) -> Option<Inbound> {
        loop {
            if self.broken {
                return None;
            }
            if let Some(inbound) = self.decode() {
                return Some(inbound);
            }
            if self.broken {
                return None;
            }
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "TCP read failed");
                    return None;
                }
            }
        }
    }
}

/// Returns whether a command is a line of an HTTP request. As in Redis, nothing behind it may run:
/// a web page can send requests with commands in the body to any port.
fn is_http(args: &[Bytes]) -> bool {
    let name = args.first().map(Bytes::as_ref).unwrap_or_default();
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:")
}

struct TcpSink {
    writer: WriteHalf<Stream>,
    buffer: BytesMut,
    /// Each fragment of a reply is a separate write.
    fragmented: bool,
    /// Errors and status replies keep their line breaks.
    unescaped: bool,
}

impl TcpSink {
    /// Encodes a frame into the buffer.
    fn encode(&mut self, frame: &Frame, protocol: RespVersion) {
        if self.unescaped {
            self.buffer
                .extend_from_slice(&fragments::unescaped(frame, protocol));
        } else {
            encode_frame(&mut self.buffer, frame, protocol);
        }
    }
}

impl Sink for TcpSink {
    async fn put(&mut self, frame: Frame, form: Form) -> io::Result<()> {
        if self.fragmented {
            for piece in fragments::fragments(&frame, form.protocol, !self.unescaped) {
                self.buffer.extend_from_slice(&piece);
                self.flush().await?;
            }
            return Ok(());
        }
        self.encode(&frame, form.protocol);
        if self.buffer.len() >= WRITE_AT {
            self.flush().await?;
        }
        Ok(())
    }

    async fn put_part(&mut self, frame: Frame, form: Form, bytes: usize) {
        self.encode(&frame, form.protocol);
        self.buffer.truncate(bytes);
        // The connection is cut next, whether or not this succeeded.
        let _ = self.flush().await;
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all_buf(&mut self.buffer).await?;
        // TLS buffers what the socket did not accept.
        self.writer.flush().await?;
        // Frees a buffer that grew for a large reply.
        self.buffer = BytesMut::new();
        Ok(())
    }

    async fn end(&mut self, _: Ending) -> io::Result<()> {
        self.writer.shutdown().await
    }
}
