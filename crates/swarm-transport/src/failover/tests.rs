//! Tests of the connector over in-memory transports, on a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::{PeerIdentity, memory};

const SECOND: Duration = Duration::from_secs(1);

/// How a server of these tests behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Accepts,
    Refuses,
    Hangs,
    /// Accepts after two seconds.
    Slow,
}

/// A server, and how often it was dialed.
#[derive(Clone)]
struct Server(Arc<(Mutex<Mode>, AtomicUsize)>);

impl Server {
    fn new(mode: Mode) -> Self {
        Self(Arc::new((Mutex::new(mode), AtomicUsize::new(0))))
    }

    fn set(&self, mode: Mode) {
        *self.0.0.lock().unwrap() = mode;
    }

    fn dials(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    async fn dial(self) -> Result<BoxTransport, TransportError> {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        let mode = *self.0.0.lock().unwrap();
        match mode {
            Mode::Accepts => {}
            Mode::Refuses => {
                return Err(TransportError::new(TransportErrorKind::Refused, "refused"));
            }
            Mode::Hangs => pending().await,
            Mode::Slow => sleep(2 * SECOND).await,
        }
        let (transport, peer) = memory::pair();
        tokio::spawn(peer.serve(|_| swarm_resp::Frame::simple("PONG")));
        Ok(Box::new(transport))
    }

    fn candidate(&self, name: &'static str) -> Candidate {
        let server = self.clone();
        Candidate::new(name, move || server.clone().dial())
    }
}

fn name(transport: &BoxTransport) -> Arc<str> {
    Arc::clone(transport.route().unwrap().name())
}

fn is_outdated(transport: &BoxTransport) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    transport.route().unwrap().poll_outdated(&mut cx).is_ready()
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_costs_one_slow_time_and_then_none() {
    let (a, b) = (Server::new(Mode::Hangs), Server::new(Mode::Accepts));
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]);
    let start = Instant::now();
    let first = failover.connect().await.unwrap();
    assert_eq!((&*name(&first), start.elapsed()), ("b", SECOND));
    let second = failover.connect().await.unwrap();
    assert_eq!((&*name(&second), start.elapsed()), ("b", SECOND));
    assert_eq!((a.dials(), b.dials()), (1, 2));
    assert!(!is_outdated(&first) && !is_outdated(&second));
}

#[tokio::test(start_paused = true)]
async fn when_all_are_slow_none_is_blamed() {
    let (a, b) = (Server::new(Mode::Slow), Server::new(Mode::Slow));
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]);
    for _ in 0..5 {
        assert_eq!(&*name(&failover.connect().await.unwrap()), "a");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_learn_that_their_endpoint_is_no_longer_in_use() {
    let (a, b) = (Server::new(Mode::Accepts), Server::new(Mode::Accepts));
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]);
    let first = failover.connect().await.unwrap();
    let waits = {
        let route = first.route().unwrap().clone();
        tokio::spawn(poll_fn(move |cx| route.poll_outdated(cx)))
    };
    a.set(Mode::Refuses);
    let second = failover.connect().await.unwrap();
    waits.await.unwrap();
    assert!(is_outdated(&first) && !is_outdated(&second));
    assert_eq!(
        (failover.moves(), failover.endpoint().as_deref()),
        (1, Some("b"))
    );
    assert!(
        !first
            .route()
            .unwrap()
            .is_same_endpoint(second.route().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn if_none_can_be_reached_the_error_names_all_and_the_next_attempt_tries_all() {
    let (a, b) = (Server::new(Mode::Refuses), Server::new(Mode::Refuses));
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]);
    for dials in 1..10 {
        let error = failover.connect().await.err().unwrap();
        assert_eq!(error.kind(), TransportErrorKind::Refused);
        let text = "none of the 2 endpoints can be reached: refused; refused";
        assert_eq!(error.to_string(), text);
        assert_eq!((a.dials(), b.dials()), (dials, dials));
    }
    b.set(Mode::Accepts);
    assert_eq!(&*name(&failover.connect().await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_leads_to_the_next_endpoint() {
    let (a, b) = (Server::new(Mode::Accepts), Server::new(Mode::Accepts));
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]);
    let first = failover.connect().await.unwrap();
    let route = first.route().unwrap().clone();
    assert_eq!(route.patience(), Some(SECOND));
    route.lost();
    drop(first);
    assert!(route.has_alternative());
    let mut second = failover.connect().await.unwrap();
    assert_eq!(&*name(&second), "b");
    second.peer_identified(&PeerIdentity::new());
    assert!(
        !second.route().unwrap().has_alternative(),
        "the other one has failed"
    );
    assert_eq!(second.route().unwrap().patience(), None);
}

#[tokio::test(start_paused = true)]
async fn the_client_returns_after_the_stable_time_while_upkeep_runs() {
    let (a, b) = (Server::new(Mode::Refuses), Server::new(Mode::Accepts));
    let options = FailoverOptions::new().failback_after(10 * SECOND);
    let failover = Failover::new([a.candidate("a"), b.candidate("b")]).with_options(options);
    let upkeep = tokio::spawn(failover.upkeep().unwrap());
    let first = failover.connect().await.unwrap();
    assert_eq!(&*name(&first), "b");
    sleep(60 * SECOND).await;
    assert!(!is_outdated(&first));
    a.set(Mode::Hangs);
    sleep(60 * SECOND).await;
    assert!(!is_outdated(&first));
    a.set(Mode::Accepts);
    sleep(9 * SECOND).await;
    assert!(!is_outdated(&first));
    sleep(9 * SECOND).await;
    assert!(is_outdated(&first));
    assert_eq!(&*name(&failover.connect().await.unwrap()), "a");
    upkeep.abort();
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_tried_in_the_order_of_their_endpoints() {
    let servers = [Mode::Refuses, Mode::Accepts].map(Server::new);
    let fallbacks = [Mode::Accepts, Mode::Accepts].map(Server::new);
    let candidate = |at: usize, name| {
        let fallback = fallbacks[at].clone();
        servers[at]
            .candidate(name)
            .fallback(move || fallback.clone().dial())
    };
    let failover = Failover::new([candidate(0, "a"), candidate(1, "b")]);
    let connector = failover.fallback();
    connector.connect().await.unwrap();
    assert_eq!((fallbacks[0].dials(), fallbacks[1].dials()), (1, 0));
    failover.connect().await.unwrap();
    connector.connect().await.unwrap();
    assert_eq!((fallbacks[0].dials(), fallbacks[1].dials()), (1, 1));
    fallbacks[1].set(Mode::Refuses);
    connector.connect().await.unwrap();
    assert_eq!((fallbacks[0].dials(), fallbacks[1].dials()), (2, 2));
}

/// A discovery whose results the test sets.
#[derive(Clone)]
struct Found(Arc<Mutex<Vec<Candidate>>>, Arc<tokio::sync::Notify>);

impl Discover for Found {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        let found = self.0.lock().unwrap().clone();
        Box::pin(async { Ok(found) })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.1.notified())
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_no_longer_found_is_left() {
    let (a, b) = (Server::new(Mode::Accepts), Server::new(Mode::Accepts));
    let found = Found(Arc::new(Mutex::new(vec![a.candidate("a")])), Arc::default());
    let failover = Failover::discovered(found.clone());
    let upkeep = tokio::spawn(failover.upkeep().unwrap());
    let first = failover.connect().await.unwrap();
    *found.0.lock().unwrap() = vec![b.candidate("b"), a.candidate("a")];
    found.1.notify_one();
    sleep(SECOND).await;
    assert!(!is_outdated(&first), "it is still there");
    *found.0.lock().unwrap() = vec![b.candidate("b")];
    found.1.notify_one();
    sleep(SECOND).await;
    assert!(is_outdated(&first));
    found.0.lock().unwrap().clear();
    assert_eq!(
        &*name(&failover.connect().await.unwrap()),
        "b",
        "known endpoints remain"
    );
    upkeep.abort();
}

/// A discovery that may fail, whose known endpoints are not used without it.
#[derive(Clone)]
struct Strict(Arc<Mutex<Option<Candidate>>>);

impl Discover for Strict {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        let found = self.0.lock().unwrap().clone();
        let error = || TransportError::new(TransportErrorKind::Refused, "nobody knows");
        Box::pin(async move { Ok(vec![found.ok_or_else(error)?]) })
    }

    fn keeps_known(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_discovery_is_asked_unless_the_endpoint_is_in_use() {
    let server = Server::new(Mode::Accepts);
    let found = Strict(Arc::new(Mutex::new(Some(server.candidate("a")))));
    let failover = Failover::discovered(found.clone());
    let first = failover.connect().await.unwrap();
    *found.0.lock().unwrap() = None;
    let second = failover.connect().await.unwrap();
    drop((first, second));
    let error = failover.connect().await.err().unwrap();
    assert_eq!(error.to_string(), "nobody knows");
    assert_eq!(server.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_connection_to_a_retired_endpoint_is_current_again() {
    let server = Server::new(Mode::Accepts);
    let failover = Failover::new([server.candidate("a")]);
    let first = failover.connect().await.unwrap();
    let second = failover.connect().await.unwrap();
    first.route().unwrap().retired();
    assert!(is_outdated(&first) && is_outdated(&second));
    let third = failover.connect().await.unwrap();
    assert!(is_outdated(&first) && !is_outdated(&third));
    let route = third.route().unwrap();
    assert!(!route.is_same_endpoint(first.route().unwrap()));
    // What is reported about the earlier one does not count.
    second.route().unwrap().retired();
    drop((first, second));
    assert!(!is_outdated(&third));
}

#[tokio::test]
async fn files_and_names_are_discoveries() {
    let options = crate::TransportOptions::new();
    let path = std::env::temp_dir().join(format!("swarm-endpoints-{}", std::process::id()));
    std::fs::write(&path, "# gateways\n\n ws://a:1 \nredis://b:2\n").unwrap();
    let found = FileList::new(&path, &options).endpoints().await.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|one| one.address.clone().unwrap().name)
        .collect();
    assert_eq!(names, ["ws://a:1".into(), Arc::<str>::from("redis://b:2")]);
    std::fs::remove_file(&path).unwrap();
    let error = FileList::new(&path, &options)
        .endpoints()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Resolve);

    let endpoint = crate::Endpoint::parse("ws://localhost:7").unwrap();
    let found = Dns::new(&endpoint, &options).endpoints().await.unwrap();
    assert!(!found.is_empty());
    for candidate in found {
        let Address { name, host } = candidate.address.unwrap();
        assert!(name.starts_with("ws://localhost:7/ at "), "{name}");
        assert_eq!(host.unwrap().1, Some(7));
    }
}

/// Clients of a weighted failover prefer endpoints in proportion to their weights, each of them the
/// same one again.
#[tokio::test(start_paused = true)]
async fn weights_spread_clients() {
    let server = Server::new(Mode::Accepts);
    let candidates = || {
        let (a, b, c) = (
            server.candidate("a"),
            server.candidate("b"),
            server.candidate("c"),
        );
        [a.weight(3), b.weight(1), c.weight(0)]
    };
    let mut first = 0;
    for _ in 0..1000 {
        let failover = Failover::new(candidates()).with_options(FailoverOptions::new().weighted());
        let chosen = name(&failover.connect().await.unwrap());
        assert_eq!(name(&failover.connect().await.unwrap()), chosen);
        assert_ne!(&*chosen, "c");
        first += usize::from(&*chosen == "a");
    }
    assert!(
        (650..850).contains(&first),
        "{first} of 1000, and 750 are expected"
    );
}
