//! The codec for tokio's framed readers and writers.

use std::io;

use bytes::BytesMut;
use tokio_util::codec;

use crate::{DecodeError, Decoder, Frame, Limits, Request, RespVersion, encode_frame};

/// Decodes frames, and encodes [`Request`]s and [`Frame`]s, as a [`codec::Decoder`] and [`codec::Encoder`].
///
/// Needs the feature `tokio-util`. Input that cannot be read is an [`io::Error`] of the kind `InvalidData` around a
/// [`DecodeError`].
///
/// A client of any byte stream:
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use swarm_resp::{FrameCodec, Request};
/// use tokio_util::codec::Framed;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let (stream, server) = tokio::io::duplex(1024);
/// # let mut server = Framed::new(server, FrameCodec::new());
/// # let answer = async { server.next().await; server.send(swarm_resp::Frame::simple("PONG")).await };
/// let mut connection = Framed::new(stream, FrameCodec::new());
/// connection.send(Request::new("PING", ())).await?;
/// # answer.await?;
/// let reply = connection.next().await.expect("the stream is open")?;
/// assert_eq!(reply.as_str(), Some("PONG"));
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct FrameCodec {
    decoder: Decoder,
    protocol: RespVersion,
}

impl FrameCodec {
    /// A codec with the default [`Limits`], which writes frames in RESP2.
    pub fn new() -> Self {
        Self::default()
    }

    /// A codec with limits of its own.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            protocol: RespVersion::default(),
        }
    }

    /// Sets the protocol that frames are written in from now on, as a server does after `HELLO 3`. Requests are the same
    /// in both, and reading takes both.
    pub const fn set_protocol(&mut self, protocol: RespVersion) {
        self.protocol = protocol;
    }
}

impl codec::Decoder for FrameCodec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Frame>> {
        let invalid = |error: DecodeError| io::Error::new(io::ErrorKind::InvalidData, error);
        self.decoder.decode(input).map_err(invalid)
    }
}

impl codec::Encoder<Request> for FrameCodec {
    type Error = io::Error;

    fn encode(&mut self, request: Request, buffer: &mut BytesMut) -> io::Result<()> {
        buffer.extend_from_slice(request.encoded());
        Ok(())
    }
}

impl codec::Encoder<Frame> for FrameCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> io::Result<()> {
        encode_frame(buffer, &frame, self.protocol);
        Ok(())
    }
}
