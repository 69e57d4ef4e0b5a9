//! Codecs for `tokio_util::codec::Framed`: one for clients, one for servers.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec;

use crate::{
    CommandDecoder, CommandLimits, Decoder, Frame, Limits, ProtocolError, Request, RespVersion,
    encode_frame,
};

/// The client's side: a [`codec::Encoder`] of [`Request`]s and a [`codec::Decoder`] of [`Frame`]s.
///
/// Requires the feature `tokio-util`. Malformed input is an [`io::Error`] of kind `InvalidData`
/// that wraps a [`DecodeError`](crate::DecodeError).
///
/// # Examples
///
/// A minimal client and server over any byte stream:
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use swarm_resp::{ClientCodec, Frame, Request, ServerCodec};
/// use tokio_util::codec::Framed;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (client, server) = tokio::io::duplex(1024);
/// let mut client = Framed::new(client, ClientCodec::new());
/// let mut server = Framed::new(server, ServerCodec::new());
///
/// client.send(Request::new("PING", ())).await?;
/// let command = server.next().await.expect("the stream is open")?;
/// assert_eq!(command, ["PING"]);
/// server.send(Frame::simple("PONG")).await?;
/// let reply = client.next().await.expect("the stream is open")?;
/// assert_eq!(reply.as_str(), Some("PONG"));
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ClientCodec {
    decoder: Decoder,
}

impl ClientCodec {
    /// Creates a codec with the default [`Limits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a codec with the given limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
        }
    }
}

impl codec::Decoder for ClientCodec {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Frame>> {
        self.decoder.decode(input).map_err(invalid)
    }
}

impl codec::Encoder<Request> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, request: Request, buffer: &mut BytesMut) -> io::Result<()> {
        buffer.extend_from_slice(request.encoded());
        Ok(())
    }
}

/// The server's side: a [`codec::Decoder`] of commands, given as their arguments, and a
/// [`codec::Encoder`] of [`Frame`]s. See [`ClientCodec`] for an example.
///
/// Requires the feature `tokio-util`. Malformed input is an [`io::Error`] of kind `InvalidData`
/// that wraps a [`ProtocolError`]. Send its reply, then close the connection:
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use swarm_resp::{Frame, ProtocolError, ServerCodec};
/// use tokio_util::codec::Framed;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let (mut client, server) = tokio::io::duplex(1024);
/// # tokio::io::AsyncWriteExt::write_all(&mut client, b"*x\r\n").await?;
/// let mut server = Framed::new(server, ServerCodec::new());
/// while let Some(command) = server.next().await {
///     match command {
///         Ok(_) => server.send(Frame::simple("OK")).await?,
///         Err(error) => {
///             if let Some(error) = ProtocolError::in_io_error(&error) {
///                 server.send(error.reply()).await?;
///             }
///             break;
///         }
///     }
/// }
/// # drop(server);
/// # let mut reply = String::new();
/// # tokio::io::AsyncReadExt::read_to_string(&mut client, &mut reply).await?;
/// # assert_eq!(reply, "-ERR Protocol error: invalid multibulk length\r\n");
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ServerCodec {
    decoder: CommandDecoder,
    protocol: RespVersion,
}

impl ServerCodec {
    /// Creates a codec with the default [`CommandLimits`], which encodes frames in RESP2.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a codec with the given limits.
    pub fn with_limits(limits: CommandLimits) -> Self {
        Self {
            decoder: CommandDecoder::with_limits(limits),
            protocol: RespVersion::default(),
        }
    }

    /// Sets the protocol in which frames are encoded from now on, as a server does after `HELLO 3`.
    pub const fn set_protocol(&mut self, protocol: RespVersion) {
        self.protocol = protocol;
    }
}

impl codec::Decoder for ServerCodec {
    type Item = Vec<Bytes>;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Vec<Bytes>>> {
        self.decoder.decode(input).map_err(invalid)
    }
}

impl codec::Encoder<Frame> for ServerCodec {
    type Error = io::Error;

    fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> io::Result<()> {
        encode_frame(buffer, &frame, self.protocol);
        Ok(())
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl ProtocolError {
    /// Returns the protocol error that an error of a [`ServerCodec`] wraps, if any.
    pub fn in_io_error(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}
