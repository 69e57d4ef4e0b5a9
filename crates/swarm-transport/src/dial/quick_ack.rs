//! A TCP stream that acknowledges received data immediately (`TCP_QUICKACK`) if the server needs
//! it.
//!
//! A server that writes a reply in several pieces on a socket with Nagle's algorithm sends the
//! second piece only after the first was acknowledged. The client's kernel delays that
//! acknowledgment by about 40 ms, in the hope that a request will carry it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::{PeerIdentity, QuickAck, Scheme, TransportOptions};

/// Whether this platform has the socket option.
const SUPPORTED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Decides whether the sockets of one transport acknowledge immediately. Clones share the decision.
#[derive(Clone, Debug)]
pub(crate) struct QuickAckPolicy {
    mode: QuickAck,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Whether the peer is, or may be, a server that waits for acknowledgments.
    needed: AtomicBool,
    /// Whether the peer has answered with a TLS alert.
    sent_alert: AtomicBool,
    #[cfg(test)]
    set: std::sync::atomic::AtomicUsize,
}

impl QuickAckPolicy {
    pub(crate) fn new(scheme: Scheme, options: &TransportOptions) -> Self {
        Self {
            mode: options.quick_ack,
            shared: Arc::new(Shared {
                // The WebSocket and HTTP gateways belong to SwarmKeyDb; RESP over TCP is most
                // likely Redis.
                needed: AtomicBool::new(!scheme.is_redis()),
                sent_alert: AtomicBool::new(false),
                #[cfg(test)]
                set: std::sync::atomic::AtomicUsize::new(0),
            }),
        }
    }

    /// Records which server the peer is. A server without a name changes nothing.
    pub(crate) fn peer_identified(&self, peer: &PeerIdentity) {
        if peer.server().is_some() {
            self.shared
                .needed
                .store(peer.is_swarmkeydb(), Ordering::Relaxed);
        }
    }

    /// Records the first data of a stream.
    fn note_greeting(&self, data: &[u8]) {
        if is_tls_alert(data) {
            self.shared.sent_alert.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the peer has answered with a TLS alert, as a TLS server does to data that is
    /// not TLS.
    #[cfg(any(feature = "ws", feature = "http"))]
    pub(crate) fn peer_sent_alert(&self) -> bool {
        self.shared.sent_alert.load(Ordering::Relaxed)
    }

    fn is_needed(&self) -> bool {
        self.shared.needed.load(Ordering::Relaxed)
    }

    /// Returns whether to set the socket option.
    fn uses_socket_option(&self) -> bool {
        SUPPORTED
            && match self.mode {
                QuickAck::Auto => self.is_needed(),
                QuickAck::On => true,
                QuickAck::Off => false,
            }
    }

    /// Returns whether the transport must send a message to carry the acknowledgment, because the
    /// socket option is unavailable or off.
    #[cfg(feature = "ws")]
    pub(crate) fn uses_pongs(&self) -> bool {
        match self.mode {
            QuickAck::Auto => !SUPPORTED && self.is_needed(),
            QuickAck::On => !SUPPORTED,
            QuickAck::Off => self.is_needed(),
        }
    }

    /// Returns how often the socket option was set.
    #[cfg(test)]
    pub(crate) fn times_set(&self) -> usize {
        self.shared.set.load(Ordering::Relaxed)
    }

    /// Sends the pending acknowledgment. The kernel resets the option by itself, so set it again
    /// after each read.
    fn acknowledge(&self, stream: &TcpStream) {
        #[cfg(test)]
        self.shared.set.fetch_add(1, Ordering::Relaxed);
        // If the option cannot be set, replies are slower, but the socket still works.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
        let _ = stream;
    }
}

/// Returns whether data begins with an alert record of any version from SSL 3 to TLS 1.3.
pub(crate) const fn is_tls_alert(data: &[u8]) -> bool {
    matches!(data, [0x15, 0x03, ..])
}

/// A TCP stream that acknowledges immediately if its [`QuickAckPolicy`] says so.
#[derive(Debug)]
pub(crate) struct QuickAckStream {
    stream: TcpStream,
    ack_policy: QuickAckPolicy,
    /// Whether data was read since the last acknowledgment.
    unacknowledged: bool,
    /// Whether any data was read.
    is_greeted: bool,
}

impl QuickAckStream {
    pub(super) const fn new(stream: TcpStream, ack_policy: QuickAckPolicy) -> Self {
        Self {
            stream,
            ack_policy,
            unacknowledged: false,
            is_greeted: false,
        }
    }
}

impl AsyncRead for QuickAckStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.unacknowledged = true;
            if !self.is_greeted {
                self.is_greeted = true;
                let data = buffer.filled().get(before..).unwrap_or_default();
                self.ack_policy.note_greeting(data);
            }
        } else if self.unacknowledged {
            // Acknowledge only when there is nothing left to read: until then the peer is not
            // waiting.
            self.unacknowledged = false;
            if self.ack_policy.uses_socket_option() {
                self.ack_policy.acknowledge(&self.stream);
            }
        }
        read
    }
}

impl AsyncWrite for QuickAckStream {
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
    //! The option is set exactly when it is needed.

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_option_overrides_the_server() {
        let swarm = PeerIdentity::new().with_server("swarmkeydb");
        let redis = PeerIdentity::new().with_server("redis");
        let nameless = PeerIdentity::new();
        for scheme in Scheme::ALL {
            let ack_policy =
                |mode| QuickAckPolicy::new(scheme, &TransportOptions::new().quick_ack(mode));
            let auto = ack_policy(QuickAck::Auto);
            assert_eq!(auto.uses_socket_option(), !scheme.is_redis(), "{scheme}");
            auto.peer_identified(&nameless);
            assert_eq!(auto.uses_socket_option(), !scheme.is_redis(), "{scheme}");
            auto.peer_identified(&swarm);
            assert!(auto.uses_socket_option(), "{scheme}");
            auto.peer_identified(&redis);
            assert!(!auto.uses_socket_option(), "{scheme}");
            for peer in [&nameless, &swarm, &redis] {
                let (on, off) = (ack_policy(QuickAck::On), ack_policy(QuickAck::Off));
                on.peer_identified(peer);
                off.peer_identified(peer);
                assert!(
                    on.uses_socket_option() && !off.uses_socket_option(),
                    "{scheme} {peer:?}"
                );
            }
        }
    }

    /// Runs two exchanges, each followed by two reads that find no data, and returns how often the
    /// option was set.
    async fn times_set(scheme: Scheme, mode: QuickAck, peer: Option<&str>) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let ack_policy = QuickAckPolicy::new(scheme, &TransportOptions::new().quick_ack(mode));
        if let Some(name) = peer {
            ack_policy.peer_identified(&PeerIdentity::new().with_server(name));
        }
        let mut stream = QuickAckStream::new(stream, ack_policy.clone());
        let mut buffer = [0; 64];
        for _ in 0..2 {
            server.write_all(b"+OK\r\n").await.unwrap();
            stream.read_exact(&mut buffer[..5]).await.unwrap();
            // Two reads that find no data.
            for _ in 0..2 {
                assert!(!reads(&mut stream, &mut buffer));
            }
        }
        ack_policy.times_set()
    }

    /// Polls a read once and returns whether it was ready.
    fn reads(stream: &mut QuickAckStream, buffer: &mut [u8]) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let read = Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(buffer));
        read.is_ready()
    }

    #[tokio::test]
    async fn redis_costs_no_system_call() {
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
    async fn swarmkeydb_costs_one_system_call_per_idle_read() {
        let each = [
            times_set(Scheme::Redis, QuickAck::Auto, Some("swarmkeydb")).await,
            times_set(Scheme::Redis, QuickAck::On, None).await,
            times_set(Scheme::Ws, QuickAck::Auto, None).await,
        ];
        assert_eq!(each, [2; 3]);
    }
}
