//! Codec for `tokio_util::codec::Framed`.

use std::io;

use bytes::BytesMut;
use tokio_util::codec;

use crate::{DecodeError, Decoder, Frame, Limits, Request, RespVersion, encode_frame};

/// A [`codec::Decoder`] of frames, and a [`codec::Encoder`] of [`Request`]s and [`Frame`]s.
///
/// Requires the feature `tokio-util`. Malformed input is an [`io::Error`] of kind `InvalidData`
/// that wraps a [`DecodeError`].
///
/// # Examples
///
/// A minimal client over any byte stream:
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use swarm_resp::{FrameCodec, Request};
/// use tokio_util::codec::Framed;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let (stream, server) = tokio::io::duplex(1024);
/// # let mut server = Framed::new(server, FrameCodec::new());
/// # let answer = async {
/// #     server.next().await;
/// #     server.send(swarm_resp::Frame::simple("PONG")).await
/// # };
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
    /// Creates a codec with the default [`Limits`], which encodes frames in RESP2.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a codec with the given limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            protocol: RespVersion::default(),
        }
    }

    /// Sets the protocol in which frames are encoded from now on, as a server does after `HELLO 3`.
    /// The encoding of requests does not depend on the protocol, and decoding accepts both.
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
