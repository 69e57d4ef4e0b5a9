//! Number of writes for a burst of requests.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use swarm_resp::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::dial::QuickAckPolicy;
use crate::heartbeat::ReadActivity;
use crate::ws::native::handshake::config;
use crate::ws::native::transport::WsTransport;
use crate::{Scheme, Transport, TransportOptions};

/// Accepts all writes, and counts them and their bytes.
#[derive(Clone, Default)]
struct Counting {
    writes: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl AsyncWrite for Counting {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Counting {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_burst_of_requests_shares_few_writes() {
    let stream = Counting::default();
    let options = TransportOptions::new();
    let socket = WebSocketStream::from_raw_socket(
        ReadActivity::new(stream.clone()),
        Role::Client,
        Some(config(&options)),
    )
    .await;
    let mut transport =
        WsTransport::new(socket, QuickAckPolicy::new(Scheme::Ws, &options), &options);
    let mut size = 0;
    for n in 0..10_000 {
        poll_fn(|cx| transport.poll_ready(cx)).await.unwrap();
        let request = Request::new("GET", n);
        size += request.encoded().len() + 6;
        transport.start_send(request.view()).unwrap();
    }
    poll_fn(|cx| transport.poll_flush(cx)).await.unwrap();
    // Each request is one message, with a header of two bytes and a mask of four.
    assert_eq!(stream.bytes.load(Ordering::Relaxed), size);
    // One write per 128 KiB of requests, and one for the rest.
    assert!(stream.writes.load(Ordering::Relaxed) <= size / (128 << 10) + 1);
}
