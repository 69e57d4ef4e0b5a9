//! The RESP transport over pipes that split data arbitrarily, and over real sockets.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use swarm_resp::{Decoder, Limits, Request};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::net::TcpListener;

use super::TcpConnector;
use super::read_buffer::ReadBuffer;
use super::transport::RespTransport;
use crate::dial::QuickAckPolicy;
use crate::{Connect, Endpoint, Scheme, Transport, TransportErrorKind as Kind, TransportOptions};

/// Fails the test if the future hangs.
async fn with_timeout<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("timed out")
}

fn ack_policy() -> QuickAckPolicy {
    QuickAckPolicy::new(Scheme::Redis, &TransportOptions::new())
}

fn pipe(capacity: usize) -> (RespTransport<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(capacity);
    (
        RespTransport::over_socket(ours, ack_policy(), &TransportOptions::new()),
        theirs,
    )
}

async fn start(transport: &mut impl Transport, request: Request) {
    with_timeout(poll_fn(|cx| transport.poll_ready(cx)))
        .await
        .unwrap();
    transport.start_send(request.view()).unwrap();
}

#[tokio::test]
async fn small_and_large_requests_keep_their_order_through_partial_writes() {
    for capacity in [1, 7, 1000, 1 << 20] {
        let (mut transport, mut peer) = pipe(capacity);
        let sizes = [3, 20 << 10, 0, 5, 16 << 10, 17 << 10, 40 << 10, 1, 100];
        let requests: Vec<_> = (sizes.iter().cycle().take(12).enumerate())
            .map(|(n, size)| Request::new("SET", (n, vec![n as u8; size / 16 * 16])))
            .collect();
        let expected: Vec<_> = requests
            .iter()
            .map(|request| request.encoded().clone())
            .collect();
        let expected = expected.concat();
        let len = expected.len();
        let reader = tokio::spawn(async move {
            let mut seen = vec![0; len];
            peer.read_exact(&mut seen).await.unwrap();
            seen
        });
        for request in requests {
            start(&mut transport, request).await;
        }
        with_timeout(poll_fn(|cx| transport.poll_flush(cx)))
            .await
            .unwrap();
        assert!(
            with_timeout(reader).await.unwrap() == expected,
            "capacity {capacity}"
        );
    }
}

/// Accepts and counts all writes.
struct Counting(Arc<AtomicUsize>);

impl AsyncWrite for Counting {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
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
async fn many_requests_share_a_write() {
    let writes = Arc::new(AtomicUsize::new(0));
    let mut transport = RespTransport::over_socket(
        Counting(Arc::clone(&writes)),
        ack_policy(),
        &TransportOptions::new(),
    );
    for n in 0..100 {
        start(&mut transport, Request::new("GET", n)).await;
    }
    start(
        &mut transport,
        Request::new("SET", ("k", "x".repeat(1 << 20))),
    )
    .await;
    assert_eq!(writes.load(Ordering::Relaxed), 0);
    poll_fn(|cx| transport.poll_flush(cx)).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    let mut bytes = 0;
    for n in 0..10_000 {
        let request = Request::new("GET", n);
        bytes += request.encoded().len();
        start(&mut transport, request).await;
    }
    // Early writes send several hundred requests at a time.
    let early = writes.load(Ordering::Relaxed) - 1;
    assert!(
        early * (8 << 10) <= bytes && (early + 1) * (9 << 10) > bytes,
        "{early}"
    );
    poll_fn(|cx| transport.poll_flush(cx)).await.unwrap();
    assert!(writes.load(Ordering::Relaxed) <= early + 2);
}

#[tokio::test]
async fn fragmented_replies_are_reassembled() {
    let (mut transport, mut peer) = pipe(5);
    let value = vec![b'\xff'; 300 << 10];
    let sent = value.clone();
    tokio::spawn(async move {
        peer.write_all(b"+OK\r\n*2\r\n$0\r\n\r\n:-9223372036854775808\r\n")
            .await
            .unwrap();
        peer.write_all(format!("${}\r\n", sent.len()).as_bytes())
            .await
            .unwrap();
        peer.write_all(&sent).await.unwrap();
        peer.write_all(b"\r\n>2\r\n+a\r\n#t\r\n_\r").await.unwrap();
    });
    let mut next = async || with_timeout(poll_fn(|cx| transport.poll_receive(cx))).await;
    assert_eq!(next().await.unwrap().as_str(), Some("OK"));
    assert_eq!(
        next().await.unwrap().to_string(),
        r#"["", -9223372036854775808]"#
    );
    assert_eq!(next().await.unwrap().as_bytes(), Some(&value[..]));
    assert!(next().await.unwrap().is_push());
    let end = next().await.unwrap_err();
    assert!(
        end.is_closed() && end.to_string().contains("in the middle of a frame"),
        "{end}"
    );
    assert!(next().await.unwrap_err().is_closed());
}

#[tokio::test]
async fn received_bytes_grow_while_a_reply_arrives() {
    let (mut transport, mut peer) = pipe(100);
    let mut cx = Context::from_waker(Waker::noop());
    for (n, byte) in b"$5\r\nhello\r".iter().enumerate() {
        assert!(transport.poll_receive(&mut cx).is_pending());
        assert_eq!(transport.received_bytes(), Some(n as u64));
        peer.write_all(&[*byte]).await.unwrap();
    }
}

#[tokio::test]
async fn data_that_is_not_resp_or_exceeds_limits_is_an_error() {
    let cases = [
        (
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            Kind::Protocol,
            "http://",
        ),
        (b"\x15\x03\x03\0\x02\x02\x0a", Kind::Protocol, "rediss://"),
        (b"$3\r\nhello\r\n", Kind::Protocol, "RESP port"),
        (b"$-2\r\n", Kind::Protocol, "RESP port"),
        (b"$600000000\r\n", Kind::Limit, "RESP port"),
        (b"*999999999\r\n", Kind::Limit, "RESP port"),
    ];
    for (bytes, kind, remedy) in cases {
        for replied in [false, true] {
            let (mut transport, mut peer) = pipe(100);
            if replied {
                peer.write_all(b"+OK\r\n").await.unwrap();
                with_timeout(poll_fn(|cx| transport.poll_receive(cx)))
                    .await
                    .unwrap();
            }
            peer.write_all(bytes).await.unwrap();
            let error = with_timeout(poll_fn(|cx| transport.poll_receive(cx)))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            // A peer that has replied speaks RESP, whatever its data looks like now.
            let remedy = if replied { "RESP port" } else { remedy };
            assert!(error.to_string().contains(remedy), "{error}");
            // Retrying does not help if the port has never spoken RESP.
            assert_eq!(error.is_transient(), replied && kind == Kind::Protocol);
        }
    }
}

#[tokio::test]
async fn backpressure_if_the_peer_does_not_read() {
    let (mut transport, _peer) = pipe(1000);
    let mut sent = 0;
    while transport
        .poll_ready(&mut Context::from_waker(Waker::noop()))
        .is_ready()
    {
        transport
            .start_send(Request::new("SET", ("k", "x".repeat(30 << 10))).view())
            .unwrap();
        sent += 1;
    }
    assert!(sent <= 6, "{sent} requests of 30 KiB wait");
}

#[tokio::test]
async fn the_read_buffer_grows_with_a_frame_and_shrinks_afterwards() {
    let (mut ours, mut theirs) = duplex(1 << 20);
    let mut input = ReadBuffer::new(&TransportOptions::new().limits(Limits::default()));
    tokio::spawn(async move {
        // A length is announced, but no data follows: no memory may be reserved.
        theirs.write_all(b"$67108864\r\n").await.unwrap();
        theirs.write_all(&vec![b'x'; 64 << 20]).await.unwrap();
        theirs.write_all(b"\r\n+OK\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut largest = 0;
    let mut first = true;
    let big = loop {
        if let Some(frame) = input.decode().unwrap() {
            break frame;
        }
        poll_fn(|cx| input.poll_read(&mut ours, cx)).await.unwrap();
        if first {
            assert!(input.capacity() <= 64 << 10, "reserved by a header");
            first = false;
        }
        largest = largest.max(input.capacity());
    };
    assert!((64 << 20..=256 << 20).contains(&largest), "{largest}");
    assert_eq!(big.as_bytes().unwrap().len(), 64 << 20);
    drop(big);
    while input.decode().unwrap().is_none() {
        poll_fn(|cx| input.poll_read(&mut ours, cx)).await.unwrap();
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(input.poll_read(&mut ours, &mut cx).is_pending());
    assert!(input.capacity() <= 64 << 10, "{}", input.capacity());
}

#[tokio::test]
async fn closing_flushes_and_drains_before_the_socket_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("redis://127.0.0.1:{port}")).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An unread reply must not discard requests that are still in transit.
        stream.write_all(b"+UNREAD\r\n").await.unwrap();
        let (mut seen, mut decoder, mut requests) = (BytesMut::new(), Decoder::new(), 0);
        while stream.read_buf(&mut seen).await.unwrap() > 0 {
            while decoder.decode(&mut seen).unwrap().is_some() {
                requests += 1;
            }
        }
        requests
    });
    let connector = TcpConnector::new(&endpoint, &TransportOptions::new()).unwrap();
    let mut transport = with_timeout(connector.connect()).await.unwrap();
    for n in 0..1000 {
        with_timeout(poll_fn(|cx| transport.poll_ready(cx)))
            .await
            .unwrap();
        transport
            .start_send(Request::new("INCRBY", (n, b"\xff")).view())
            .unwrap();
    }
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    assert_eq!(with_timeout(server).await.unwrap(), 1000);
    let late = with_timeout(poll_fn(|cx| transport.poll_receive(cx)))
        .await
        .unwrap_err();
    assert!(late.is_closed());
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_connect_and_missing_ones_are_refused() {
    let path = std::env::temp_dir().join(format!("swarm-transport-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let connector =
        TcpConnector::new(&Endpoint::unix(&path).unwrap(), &TransportOptions::new()).unwrap();
    let missing = with_timeout(connector.connect()).await.err().unwrap();
    assert!(
        missing.is_refused() && missing.to_string().contains("path"),
        "{missing}"
    );

    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 14];
        stream.read_exact(&mut seen).await.unwrap();
        stream.write_all(b"+PONG\r\n").await.unwrap();
        seen
    });
    let mut transport = with_timeout(connector.connect()).await.unwrap();
    start(&mut transport, Request::new("PING", ())).await;
    with_timeout(poll_fn(|cx| transport.poll_flush(cx)))
        .await
        .unwrap();
    let reply = with_timeout(poll_fn(|cx| transport.poll_receive(cx)))
        .await
        .unwrap();
    assert_eq!(reply.as_str(), Some("PONG"));
    assert_eq!(
        &with_timeout(server).await.unwrap(),
        b"*1\r\n$4\r\nPING\r\n"
    );
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn endpoints_of_other_transports_are_rejected() {
    let refused = |address| {
        let endpoint = Endpoint::parse(address).unwrap();
        TcpConnector::new(&endpoint, &TransportOptions::new())
            .unwrap_err()
            .to_string()
    };
    assert!(refused("ws://host").contains("redis://"));
}
