//! Client connection, plain or encrypted.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::event_loop::Turns;

/// Encryption of a listener's connections.
#[derive(Clone)]
pub(crate) enum Encryption {
    Off,
    #[cfg(feature = "tls")]
    Tls(TlsAcceptor),
}

impl Encryption {
    pub(crate) const fn is_on(&self) -> bool {
        match self {
            Self::Off => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
        }
    }

    /// Performs the TLS handshake if required. The client may delay this indefinitely.
    pub(crate) async fn open(self, stream: Socket) -> io::Result<Stream> {
        match self {
            Self::Off => Ok(Stream::Plain(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => Ok(Stream::Tls(Box::new(acceptor.accept(stream).await?))),
        }
    }
}

/// An established connection.
pub(crate) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Socket>>),
}

/// Socket that is read at most once in a turn of the event loop.
pub(crate) struct Socket {
    stream: TcpStream,
    turns: Turns,
    /// The turn in which it was last read.
    read_in: u64,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, turns: &Turns) -> Self {
        Self {
            stream,
            turns: turns.clone(),
            read_in: 0,
        }
    }
}

/// Addresses of both ends of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Addresses {
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
}

impl Stream {
    pub(crate) fn addresses(&self) -> Addresses {
        let socket = match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0,
        };
        Addresses {
            remote: socket.stream.peer_addr().ok(),
            local: socket.stream.local_addr().ok(),
        }
    }

    /// Closes the connection with a reset instead of an end.
    pub(crate) fn reset(self) {
        let socket = match &self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0,
        };
        if let Err(error) = socket.stream.set_zero_linger() {
            tracing::debug!(%error, "cannot set SO_LINGER");
        }
    }

    /// Returns whether HTTP/2 was negotiated.
    #[cfg(feature = "tls")]
    pub(crate) fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turn = self.turns.current();
        if self.read_in == turn {
            ready!(self.stream.poll_read_ready(cx))?;
            // The next turn, behind the sockets that are readable already.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.read_in = turn;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
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
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Delegates to the wrapped stream of either variant.
macro_rules! inside {
    ($self:ident, $stream:ident => $done:expr) => {
        match $self.get_mut() {
            Stream::Plain($stream) => $done,
            #[cfg(feature = "tls")]
            Stream::Tls($stream) => $done,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        inside!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        inside!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
