//! TCP listener: RESP2 and RESP3, with pipelining.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, RespVersion, encode_frame};
use tokio::io::{self as async_io, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Sink, Source, Stop};
use crate::dialect::Quirk;
use crate::fragments;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, ListenerKind, Shared};
use crate::stream::Stream;

/// Number of buffered bytes at which replies are sent.
const WRITE_AT: usize = 64 << 10;

/// Maximum length of an inline command, as in Redis.
const MAX_INLINE: usize = 64 << 10;

/// Serves one connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, stop: Stop) {
    let (reader, writer) = async_io::split(stream);
    let source = TcpSource {
        reader,
        buffer: BytesMut::new(),
        decoder: Decoder::with_limits(super::limits(shared.max_message)),
        broken: false,
    };
    let sink = TcpSink {
        writer,
        buffer: BytesMut::new(),
        fragmented: shared.dialect.has(Quirk::Nagle),
        unescaped: shared.dialect.has(Quirk::CrLf),
    };
    super::serve(shared, ListenerKind::Tcp, source, sink, stop).await;
}

struct TcpSource {
    reader: ReadHalf<Stream>,
    /// Received bytes that are not yet a complete command.
    buffer: BytesMut,
    decoder: Decoder,
    /// Set after invalid input; the start of the next command is unknown.
    broken: bool,
}

impl Source for TcpSource {
    async fn next(&mut self) -> Option<Inbound> {
        loop {
            if self.broken {
                return None;
            }
            match self.command() {
                Ok(Some(args)) => return Some(Inbound::resp(Ok(args))),
                Ok(None) => {}
                Err(what) => {
                    self.broken = true;
                    return Some(Inbound::resp(Err(what)));
                }
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

impl TcpSource {
    /// Takes a complete command off the buffer.
    fn command(&mut self) -> Result<Option<Vec<Bytes>>, String> {
        loop {
            match self.buffer.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let frame = (self.decoder.decode(&mut self.buffer))
                        .map_err(|error| error.to_string())?;
                    return frame.map(|frame| super::command(&frame)).transpose();
                }
                Some(_) => {}
            }
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                return if self.buffer.len() > MAX_INLINE {
                    Err("too big inline request".to_owned())
                } else {
                    Ok(None)
                };
            };
            let line = self.buffer.split_to(end).freeze();
            self.buffer.advance(1);
            if let Some(args) = super::inline(&line) {
                return Ok(Some(args));
            }
        }
    }
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
        let (Form::Resp(protocol) | Form::Json(protocol, _)) = form;
        if self.fragmented {
            for piece in fragments::fragments(&frame, protocol, !self.unescaped) {
                self.buffer.extend_from_slice(&piece);
                self.flush().await?;
            }
            return Ok(());
        }
        self.encode(&frame, protocol);
        if self.buffer.len() >= WRITE_AT {
            self.flush().await?;
        }
        Ok(())
    }

    async fn put_part(&mut self, frame: Frame, form: Form, bytes: usize) {
        let (Form::Resp(protocol) | Form::Json(protocol, _)) = form;
        self.encode(&frame, protocol);
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
