//! The contract of `Transport`: rules that hold on every transport, and in a browser.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::{join, join_all};
use swarm_resp::{Frame, Request};
use swarm_transport::{BoxTransport, Connect, TransportError, TransportOptions};
use tokio::sync::{mpsc, oneshot};

/// Time limit of what a debug build encodes and decodes.
const MINUTE: Duration = Duration::from_secs(60);

/// A peer, and the place where the test runs.
pub(crate) trait Peer {
    /// Whether each request is an exchange of its own.
    const IS_HTTP: bool;

    /// Maximum number of requests that are sent before a reply is taken.
    const AT_ONCE: usize = 30;

    /// Whether one poll may receive several replies.
    const READS_BATCHES: bool = !Self::IS_HTTP;

    fn connector(&self, options: TransportOptions) -> Arc<dyn Connect>;

    /// Is called when a connection is open.
    async fn dialed(&self) {}

    /// Returns the number of requests that have arrived.
    async fn requests(&self) -> usize;

    /// Waits until a connection has ended.
    async fn ended(&self);

    /// Waits for a future. Returns `None` if it is pending after the limit.
    async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T>;

    /// Lets others run.
    async fn turn();

    async fn dial(&self) -> BoxTransport {
        let connector = self.connector(TransportOptions::new());
        let transport = soon::<Self, _>(connector.connect()).await.unwrap();
        self.dialed().await;
        transport
    }
}

/// Time limit of a step, shorter than the default timeouts of the transports.
#[track_caller]
fn soon<P: Peer + ?Sized, T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let step = Location::caller();
    async move {
        let result = P::within(Duration::from_secs(5), future).await;
        result.unwrap_or_else(|| panic!("timed out after 5 s at {step}"))
    }
}

async fn start(transport: &mut BoxTransport, request: Request) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_ready(cx)).await?;
    transport.start_send(request.view())
}

async fn flush(transport: &mut BoxTransport) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_flush(cx)).await
}

async fn receive(transport: &mut BoxTransport) -> Result<Frame, TransportError> {
    poll_fn(|cx| transport.poll_receive(cx)).await
}

async fn call(transport: &mut BoxTransport, request: Request) -> Result<Frame, TransportError> {
    start(transport, request).await?;
    flush(transport).await?;
    receive(transport).await
}

/// Sends the requests of many tasks over one transport; replies match by order alone.
async fn share(
    mut transport: BoxTransport,
    mut calls: mpsc::Receiver<(Request, oneshot::Sender<Frame>)>,
) {
    let mut waiting = VecDeque::new();
    let mut next = None;
    poll_fn(|cx| {
        loop {
            if next.is_none() {
                next = match calls.poll_recv(cx) {
                    Poll::Ready(None) if waiting.is_empty() => return Poll::Ready(()),
                    Poll::Ready(call) => call,
                    Poll::Pending => None,
                };
            }
            let mut moved = false;
            if next.is_some() && transport.poll_ready(cx).map(Result::unwrap).is_ready() {
                let (request, reply) = next.take().unwrap();
                transport.start_send(request.view()).unwrap();
                waiting.push_back(reply);
                moved = true;
            }
            if !moved {
                let _ = transport.poll_flush(cx).map(Result::unwrap);
            }
            if let Poll::Ready(frame) = transport.poll_receive(cx) {
                let caller: oneshot::Sender<_> = waiting.pop_front().unwrap();
                caller.send(frame.unwrap()).unwrap();
                moved = true;
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await;
}

pub(crate) async fn replies_reach_64_concurrent_senders<P: Peer>(peer: &P) {
    let (calls, receiver) = mpsc::channel(64);
    let driver = share(peer.dial().await, receiver);
    let senders = (0..64).map(|task| {
        let calls = calls.clone();
        async move {
            for n in 0..20 {
                let (reply, answered) = oneshot::channel();
                let value = format!("{task}/{n}");
                let request = Request::new("ECHO", value.as_str());
                calls.send((request, reply)).await.unwrap();
                let frame = answered.await.unwrap();
                assert_eq!(frame.as_str(), Some(value.as_str()));
            }
        }
    });
    let senders = join_all(senders);
    drop(calls);
    let all = P::within(MINUTE, join(driver, senders)).await;
    all.expect("timed out");
}

pub(crate) async fn values_of_every_size_pass<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    for size in [0, 1, 125, 126, 16 << 10, 65_535, 65_536, 1 << 20, 32 << 20] {
        let value = "v".repeat(size);
        // 32 MiB are encrypted, masked or escaped by a debug build.
        let request = Request::new("ECHO", value.as_str());
        let reply = P::within(MINUTE, call(&mut transport, request)).await;
        let reply = reply.expect("timed out").unwrap();
        assert!(reply.as_str() == Some(&value), "{size} bytes");
    }
    let list = soon::<P, _>(call(
        &mut transport,
        Request::new("LIST", ("", "a", "", "\r\n")),
    ))
    .await
    .unwrap();
    let items: Vec<_> = list
        .items()
        .unwrap()
        .map(|item| item.as_str().unwrap())
        .collect();
    assert_eq!(items, ["", "a", "", "\r\n"]);
}

pub(crate) async fn ten_thousand_requests_in_one_burst<P: Peer>(peer: &P) {
    // HTTP carries one command per exchange, so a burst is bounded by the number of exchanges in
    // flight.
    let burst = if P::IS_HTTP { 1_000 } else { 10_000 };
    let mut transport = peer.dial().await;
    let (mut sent, mut received, mut flushes) = (0, 0, 0);
    let all = poll_fn(|cx| {
        loop {
            let before = (sent, received);
            while sent < burst && transport.poll_ready(cx).map(Result::unwrap).is_ready() {
                transport
                    .start_send(Request::new("ECHO", sent).view())
                    .unwrap();
                sent += 1;
            }
            flushes += 1;
            let _ = transport.poll_flush(cx).map(Result::unwrap);
            while let Poll::Ready(frame) = transport.poll_receive(cx) {
                assert_eq!(frame.unwrap().as_str(), Some(received.to_string().as_str()));
                received += 1;
            }
            if received == burst {
                return Poll::Ready(());
            }
            if before == (sent, received) {
                return Poll::Pending;
            }
        }
    });
    // A debug build encodes and answers them one by one.
    P::within(MINUTE, all).await.expect("timed out");
    if P::READS_BATCHES {
        assert!(
            flushes * 5 < burst,
            "{flushes} flushes for {burst} requests"
        );
    }
}

pub(crate) async fn a_flushed_request_arrives_though_nobody_receives<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    start(&mut transport, Request::new("ECHO", "x"))
        .await
        .unwrap();
    soon::<P, _>(flush(&mut transport)).await.unwrap();
    soon::<P, _>(async {
        while peer.requests().await == 0 {
            P::turn().await;
        }
    })
    .await;
    assert_eq!(
        soon::<P, _>(receive(&mut transport))
            .await
            .unwrap()
            .as_str(),
        Some("x")
    );
}

pub(crate) async fn abandoned_polls_lose_nothing<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    for n in 0..50 {
        let value = "x".repeat(n * 1000);
        start(&mut transport, Request::new("ECHO", value.as_str()))
            .await
            .unwrap();
        // Polls that are abandoned immediately, with a waker that wakes nobody.
        let _ = transport
            .poll_flush(&mut Context::from_waker(Waker::noop()))
            .map(Result::unwrap);
        soon::<P, _>(flush(&mut transport)).await.unwrap();
        let reply = loop {
            match transport.poll_receive(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(reply) => break reply.unwrap(),
                Poll::Pending => P::turn().await,
            }
        };
        assert_eq!(reply.as_str(), Some(value.as_str()));
    }
}

pub(crate) async fn a_peer_that_leaves_ends_the_transport<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    for n in 0..3 {
        start(&mut transport, Request::new("ECHO", n))
            .await
            .unwrap();
    }
    flush(&mut transport).await.unwrap();
    for n in 0..3 {
        let reply = soon::<P, _>(receive(&mut transport)).await.unwrap();
        assert_eq!(reply.as_str(), Some(n.to_string().as_str()));
    }
    if P::IS_HTTP {
        // A connection that ends between two requests does not matter: the next request opens its
        // own.
        let reply = soon::<P, _>(call(&mut transport, Request::new("ECHO", "again")))
            .await
            .unwrap();
        assert_eq!(reply.as_str(), Some("again"));
    } else {
        let end = soon::<P, _>(receive(&mut transport)).await.unwrap_err();
        assert!(end.is_closed(), "{end:?}");
        // The transport stays closed.
        assert!(
            soon::<P, _>(receive(&mut transport))
                .await
                .unwrap_err()
                .is_closed()
        );
        assert!(
            soon::<P, _>(call(&mut transport, Request::new("ECHO", "")))
                .await
                .unwrap_err()
                .is_closed()
        );
    }
}

pub(crate) async fn closing_delivers_what_was_started<P: Peer>(peer: &P) {
    // More data than the sockets buffer is pending when the transport closes, and the peer answers
    // meanwhile.
    let options = TransportOptions::new().write_buffer(4 << 20);
    let connector = peer.connector(options.http_concurrency(P::AT_ONCE));
    let mut transport = soon::<P, _>(connector.connect()).await.unwrap();
    let value = "x".repeat(50 << 10);
    for _ in 0..P::AT_ONCE {
        soon::<P, _>(start(&mut transport, Request::new("ECHO", value.as_str())))
            .await
            .unwrap();
    }
    soon::<P, _>(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    soon::<P, _>(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    let end = soon::<P, _>(receive(&mut transport)).await.unwrap_err();
    assert!(end.is_closed(), "{end:?}");
    drop(transport);
    soon::<P, _>(peer.ended()).await;
    assert_eq!(peer.requests().await, P::AT_ONCE);
}

pub(crate) async fn dropping_ends_the_connection<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    start(&mut transport, Request::new("ECHO", "x"))
        .await
        .unwrap();
    flush(&mut transport).await.unwrap();
    let waiting = P::within(Duration::from_millis(20), receive(&mut transport)).await;
    assert!(waiting.is_none(), "a mute peer answered");
    drop(transport);
    soon::<P, _>(peer.ended()).await;
}

pub(crate) async fn a_peer_that_does_not_read_stops_the_sender<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    let request = Request::new("ECHO", "x".repeat(64 << 10));
    let mut taken = 0;
    // If the transport becomes ready again soon, the socket accepted more; a full one stays full.
    let pause = Duration::from_millis(100);
    while let Some(started) = P::within(pause, start(&mut transport, request.clone())).await {
        started.unwrap();
        taken += request.encoded().len();
        // Socket buffers hold a few megabytes on both sides; an unbounded queue would accept
        // everything.
        assert!(taken < 64 << 20, "the queue grows without bounds");
    }
}

pub(crate) async fn errors_of_the_server_are_replies<P: Peer>(peer: &P) {
    let mut transport = peer.dial().await;
    let error = soon::<P, _>(call(&mut transport, Request::new("FAIL", ())))
        .await
        .unwrap();
    assert_eq!(error.as_error().unwrap().as_str(), "ERR as asked");
    let null = soon::<P, _>(call(&mut transport, Request::new("GET", "missing")))
        .await
        .unwrap();
    assert!(null.is_null());
}

pub(crate) async fn each_dial_is_a_connection_of_its_own<P: Peer>(peer: &P) {
    let connector = peer.connector(TransportOptions::new());
    for n in 0..3 {
        let mut transport = soon::<P, _>(connector.connect()).await.unwrap();
        let reply = soon::<P, _>(call(&mut transport, Request::new("ECHO", n)))
            .await
            .unwrap();
        assert_eq!(reply.as_str(), Some(n.to_string().as_str()));
        drop(transport);
        soon::<P, _>(peer.ended()).await;
    }
}
