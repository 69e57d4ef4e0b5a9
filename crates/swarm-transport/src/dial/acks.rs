//! A TCP stream that acknowledges received bytes without delay where the server needs that.
//!
//! A server that writes a reply in pieces on a socket with Nagle's algorithm waits for the acknowledgment of the first
//! piece before it sends the next. This side's kernel delays that acknowledgment by some 40 ms, in the hope that a
//! request will carry it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::{PeerIdentity, QuickAck, Scheme, TransportOptions};

/// Whether this system has the socket option.
const SUPPORTED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Decides for the sockets of one transport whether to acknowledge at once. Clones share the decision.
#[derive(Clone, Debug)]
pub(crate) struct Acks {
    mode: QuickAck,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether the peer is, or may be, a server that waits for acknowledgments.
    needed: AtomicBool,
    #[cfg(test)]
    set: std::sync::atomic::AtomicUsize,
}

impl Acks {
    pub(crate) fn new(scheme: Scheme, options: &TransportOptions) -> Self {
        Self {
            mode: options.quick_ack,
            shared: Arc::new(Shared {
                // Behind a WebSocket or SwarmKeyDb's HTTP interface SwarmKeyDb is likely; behind RESP Redis is.
                needed: AtomicBool::new(!scheme.is_redis()),
                #[cfg(test)]
                set: std::sync::atomic::AtomicUsize::new(0),
            }),
        }
    }

    /// Takes note of which server the peer is. A server without a name changes nothing.
    pub(crate) fn identified(&self, peer: &PeerIdentity) {
        if peer.server().is_some() {
            self.shared
                .needed
                .store(peer.is_swarmkeydb(), Ordering::Relaxed);
        }
    }

    fn is_needed(&self) -> bool {
        self.shared.needed.load(Ordering::Relaxed)
    }

    /// Whether to set the socket option.
    fn by_socket(&self) -> bool {
        SUPPORTED
            && match self.mode {
                QuickAck::Auto => self.is_needed(),
                QuickAck::On => true,
                QuickAck::Off => false,
            }
    }

    /// Whether the protocol must carry the acknowledgment because the socket option does not.
    #[cfg(feature = "ws")]
    pub(crate) fn by_protocol(&self) -> bool {
        match self.mode {
            QuickAck::Auto => !SUPPORTED && self.is_needed(),
            QuickAck::On => !SUPPORTED,
            QuickAck::Off => self.is_needed(),
        }
    }

    /// How often the socket option was set.
    #[cfg(test)]
    pub(crate) fn times_set(&self) -> usize {
        self.shared.set.load(Ordering::Relaxed)
    }

    /// Sends the acknowledgment that is due. The kernel falls back to delaying by itself, so this is needed anew
    /// after each read.
    fn acknowledge(&self, stream: &TcpStream) {
        #[cfg(test)]
        self.shared.set.fetch_add(1, Ordering::Relaxed);
        // A socket that refuses is slower, and not broken.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
        let _ = stream;
    }
}

/// A TCP stream under the decision of its [`Acks`].
#[derive(Debug)]
pub(crate) struct AckedStream {
    stream: TcpStream,
    acks: Acks,
    /// Whether bytes were read since the last acknowledgment.
    unacknowledged: bool,
}

impl AckedStream {
    pub(super) const fn new(stream: TcpStream, acks: Acks) -> Self {
        Self {
            stream,
            acks,
            unacknowledged: false,
        }
    }
}

impl AsyncRead for AckedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.unacknowledged = true;
        } else if self.unacknowledged {
            // Only now: while there is more to read, the peer is not the one that waits.
            self.unacknowledged = false;
            if self.acks.by_socket() {
                self.acks.acknowledge(&self.stream);
            }
        }
        read
    }
}

impl AsyncWrite for AckedStream {
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    //! When the option is set, and that it is set no more often than that.

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SCHEMES: [Scheme; 7] = [
        Scheme::Ws,
        Scheme::Wss,
        Scheme::Http,
        Scheme::Https,
        Scheme::Redis,
        Scheme::Rediss,
        Scheme::RedisUnix,
    ];

    #[test]
    fn the_server_decides_unless_the_option_does() {
        let swarm = PeerIdentity::new().with_server("swarmkeydb");
        let redis = PeerIdentity::new().with_server("redis");
        let nameless = PeerIdentity::new();
        for scheme in SCHEMES {
            let acks = |mode| Acks::new(scheme, &TransportOptions::new().quick_ack(mode));
            let auto = acks(QuickAck::Auto);
            assert_eq!(auto.by_socket(), !scheme.is_redis(), "{scheme}");
            auto.identified(&nameless);
            assert_eq!(auto.by_socket(), !scheme.is_redis(), "{scheme}");
            auto.identified(&swarm);
            assert!(auto.by_socket(), "{scheme}");
            auto.identified(&redis);
            assert!(!auto.by_socket(), "{scheme}");
            for peer in [&nameless, &swarm, &redis] {
                let (on, off) = (acks(QuickAck::On), acks(QuickAck::Off));
                on.identified(peer);
                off.identified(peer);
                assert!(on.by_socket() && !off.by_socket(), "{scheme} {peer:?}");
            }
        }
    }

    /// Two exchanges: how often the option was set when the stream had waited twice for bytes after a read.
    async fn times_set(scheme: Scheme, mode: QuickAck, peer: Option<&str>) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let acks = Acks::new(scheme, &TransportOptions::new().quick_ack(mode));
        if let Some(name) = peer {
            acks.identified(&PeerIdentity::new().with_server(name));
        }
        let mut stream = AckedStream::new(stream, acks.clone());
        let mut buffer = [0; 64];
        for _ in 0..2 {
            server.write_all(b"+OK\r\n").await.unwrap();
            stream.read_exact(&mut buffer[..5]).await.unwrap();
            // Nothing is there: the stream waits, twice.
            for _ in 0..2 {
                assert!(!reads(&mut stream, &mut buffer));
            }
        }
        acks.times_set()
    }

    /// Polls a read once; whether it was ready.
    fn reads(stream: &mut AckedStream, buffer: &mut [u8]) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let read = Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(buffer));
        read.is_ready()
    }

    #[tokio::test]
    async fn redis_costs_not_one_system_call() {
        let none = [
            times_set(Scheme::Redis, QuickAck::Auto, None).await,
            times_set(Scheme::Redis, QuickAck::Auto, Some("redis")).await,
            times_set(Scheme::Rediss, QuickAck::Auto, Some("valkey")).await,
            times_set(Scheme::Ws, QuickAck::Auto, Some("redis")).await,
            times_set(Scheme::Ws, QuickAck::Off, Some("swarmkeydb")).await,
        ];
        assert_eq!(none, [0; 5]);
    }

    #[tokio::test]
    async fn one_call_for_each_wait_behind_a_read() {
        let each = [
            times_set(Scheme::Redis, QuickAck::Auto, Some("swarmkeydb")).await,
            times_set(Scheme::Redis, QuickAck::On, None).await,
            times_set(Scheme::Ws, QuickAck::Auto, None).await,
        ];
        assert_eq!(each, [2; 3]);
    }
}
