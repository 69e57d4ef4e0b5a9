//! What the log tells about a server that is away, however many connections a client has.
//!
//! In its own process, because a tracing subscriber is global.

use std::convert::Infallible;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, Credentials, Event, Frame, State};
use swarm_resp::RequestRef;
use swarm_tests::{within, within_secs};
use swarm_transport::{
    BoxFuture, BoxTransport, Connect, Endpoint, Intercept, Transport, TransportError,
    TransportErrorKind, TransportOptions, Wrapper, connector, memory,
};
use tokio::sync::Notify;
use tracing::Level;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Records the client's events at level info and above: level, fields and message.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>, Arc<Notify>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let is_ours = ["swarm_keydb", "swarm_transport"]
            .iter()
            .any(|name| metadata.target().starts_with(name));
        if is_ours && *metadata.level() <= Level::INFO {
            let mut line = Line(metadata.level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
            self.1.notify_one();
        }
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Waits until there are this many lines.
    async fn reached(&self, count: usize) {
        while self.0.lock().unwrap().len() < count {
            self.1.notified().await;
        }
    }
}

/// How long the server is away.
const AWAY: Duration = Duration::from_secs(5);

/// Writes until many connections are open.
async fn open_connections(client: &Client, connections: usize) {
    while client.stats().shared.open < connections {
        let bulk = client.bulk();
        let handles: Vec<_> = (0..200).map(|n| bulk.set(format!("k{n}"), n)).collect();
        for result in bulk.send(handles).await {
            result.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_for_five_seconds_is_two_lines() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let queue = WriteQueue::new().interval(Duration::from_millis(20));
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let builder = builder.ws("127.0.0.1:0").write_queue(queue);
    let mut gateway = within(builder.start()).await.unwrap();
    let url = format!("{}?token=s3cret", gateway.ws_url());
    let options = ClientOptions::new(url)
        .http_fallback(false)
        .min_connections(8);
    let client = within(Client::connect(options)).await.unwrap();

    // Many shared connections, dedicated ones, a subscription and a consumer.
    within_secs(20, open_connections(&client, 8)).await;
    let own = within(client.exclusive()).await.unwrap();
    let mut subscription = within(client.subscribe("channel")).await.unwrap();
    let mut consumer = client.consumer("group", "ann", "stream").build().unwrap();
    within(client.xadd("stream", [("n", 1)])).await.unwrap();
    let delivery = within(consumer.next()).await.unwrap().unwrap();
    within(delivery.ack()).await.unwrap();
    let consuming = tokio::spawn(async move {
        let delivery = consumer.next().await.unwrap().unwrap();
        delivery.ack().await.unwrap();
    });
    assert!(client.stats().last_error.is_none());
    let connected_since = client.stats().connected_since.unwrap();
    lines.take();

    let mut states = client.watch_state();
    within(gateway.stop()).await;
    assert!(within(states.reached(State::Reconnecting)).await);
    // A worker may still have taken one of them, since it notices the loss by itself.
    let writes: Vec<_> = (0..20)
        .map(|n| {
            tokio::spawn(
                client
                    .set(format!("k{n}"), n)
                    .timeout(2 * AWAY)
                    .retry_safe(),
            )
        })
        .collect();
    // The outage itself.
    tokio::time::sleep(AWAY).await;
    let stats = client.stats();
    assert!(stats.attempts >= 3, "{stats:?}");
    assert!(stats.last_error.is_some_and(|error| error.is_refused()));
    assert_eq!(stats.connected_since, None);
    within(gateway.start()).await.unwrap();

    // The next attempt may be due only after the longest delay.
    assert!(within_secs(10, states.reached(State::Connected)).await);
    let stats = client.stats();
    assert_eq!(stats.attempts, 0);
    assert!(stats.last_error.is_some());
    let now = Instant::now();
    let since = stats.connected_since.unwrap();
    assert!(connected_since < since && since <= now);
    for write in writes {
        within(write).await.unwrap().unwrap();
    }
    within_secs(20, open_connections(&client, 8)).await;
    let event = within_secs(10, subscription.next()).await.unwrap().unwrap();
    assert!(matches!(event, Event::Reconnected { .. }), "{event:?}");
    within(client.xadd("stream", [("n", 2)])).await.unwrap();
    within_secs(10, consuming).await.unwrap();
    drop(own);

    // The server may be found serial at any time, also after the outage.
    let mut lines = lines.take();
    lines.retain(|line| !line.contains("opening more connections"));
    let [lost, back] = &lines[..] else {
        panic!("{lines:#?}");
    };
    let address = gateway.ws_url();
    for (line, parts) in [
        (
            lost,
            [
                "WARN message=no connection to the server; retrying purpose=\"commands\""
                    .to_owned(),
                format!("server=\"{address}?***\""),
                "error=".to_owned(),
                "waiting=".to_owned(),
            ],
        ),
        (
            back,
            [
                "INFO message=connected to the server purpose=\"commands\"".to_owned(),
                format!("server=\"{address}?***\""),
                "after=".to_owned(),
                "failed_attempts=".to_owned(),
            ],
        ),
    ] {
        for part in parts {
            assert!(line.contains(&part), "{line}: {part}");
        }
        assert!(!line.contains("s3cret"), "{line}");
    }
}

/// The reason why the connection was lost says nothing about why there is no other one.
#[tokio::test]
async fn credentials_that_are_rejected_during_an_outage_are_one_more_line() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let _on_this_thread = tracing::subscriber::set_default(subscriber);
    let guarded = Gateway::builder().password("right").ws("127.0.0.1:0");
    let gateway = within(guarded.start()).await.unwrap();
    let is_outdated = Arc::new(AtomicBool::new(false));
    let outdated = Arc::clone(&is_outdated);
    let options = ClientOptions::new(gateway.ws_url())
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(20))
        .credentials(move || {
            let is_outdated = outdated.load(Ordering::SeqCst);
            let password = if is_outdated { "s3cret" } else { "right" };
            async move { Ok::<_, Infallible>(Credentials::password(password)) }
        });
    let client = within(Client::connect(options)).await.unwrap();
    for _ in 0..2 {
        is_outdated.store(true, Ordering::SeqCst);
        gateway.faults().cut();
        within(lines.reached(2)).await;
        within(async {
            while client.stats().attempts < 5 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        is_outdated.store(false, Ordering::SeqCst);
        within(lines.reached(3)).await;
        let lines = lines.take();
        for (line, part) in lines.iter().zip([
            "WARN message=no connection to the server; retrying purpose",
            "WARN message=no connection to the server; retries fail until the cause is fixed",
            "INFO message=connected to the server",
        ]) {
            assert!(line.starts_with(part), "{line}");
            assert!(!line.contains("s3cret"), "{line}");
        }
        assert!(lines[1].contains("WRONGPASS"), "{lines:#?}");
        assert_eq!(lines.len(), 3, "{lines:#?}");
    }
}

/// A connector whose dials are refused while a flag is set.
#[derive(Clone, Default)]
struct Door(Arc<AtomicBool>);

impl Connect for Door {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            if self.0.load(Ordering::SeqCst) {
                let what = "connection refused";
                return Err(TransportError::new(TransportErrorKind::Refused, what));
            }
            let (transport, peer) = memory::pair();
            tokio::spawn(peer.serve(|request| match request.args().nth(1) {
                Some(channel) if request.name() == b"SUBSCRIBE" => Frame::build(|reply| {
                    reply.array(|words| {
                        words.bulk(b"subscribe");
                        words.bulk(channel);
                        words.integer(1);
                    });
                }),
                _ => Frame::error("ERR unknown command"),
            }));
            Ok(Box::new(transport) as BoxTransport)
        })
    }
}

/// The shared connection works, so nothing else tells that subscriptions wait.
#[tokio::test]
async fn subscriptions_that_alone_cannot_connect_are_two_lines() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let _on_this_thread = tracing::subscriber::set_default(subscriber);
    let door = Door::default();
    let options = ClientOptions::default()
        .request_timeout(Duration::from_millis(300))
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(20));
    let connecting = Client::connect_with(door.clone(), options);
    let client = within(connecting).await.unwrap();
    door.0.store(true, Ordering::SeqCst);
    let error = within(client.subscribe("channel")).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let text = error.to_string();
    let before = "SUBSCRIBE: not sent within 300 ms: no connection to the server (";
    assert!(text.starts_with(before), "{text}");
    assert!(text.ends_with(" ms, last: connection refused)"), "{text}");
    assert!(error.attempts().unwrap() >= 3, "{text}");

    door.0.store(false, Ordering::SeqCst);
    let _subscription = within(client.subscribe("channel")).await.unwrap();
    let lines = lines.take();
    let [lost, back] = &lines[..] else {
        panic!("{lines:#?}");
    };
    for (line, level) in [(lost, "WARN"), (back, "INFO")] {
        assert!(line.starts_with(level), "{line}");
        assert!(line.contains("purpose=\"subscriptions\""), "{line}");
        assert!(line.contains("server=\"custom connector\""), "{line}");
    }
}

/// A connector to a server that at times keeps only the shared connection: meanwhile, it refuses
/// all dials, and loses the connections that carry reads of a group.
#[derive(Clone)]
struct Gate {
    server: Arc<dyn Connect>,
    state: Arc<GateState>,
}

#[derive(Default)]
struct GateState {
    is_shut: AtomicBool,
    /// Notified with each dial that is refused.
    refused: Notify,
}

/// A connection through a [`Gate`].
struct Passage {
    gate: Arc<GateState>,
    /// Whether it carries reads of a group, so that something arrives soon.
    reads_group: bool,
}

fn refused() -> TransportError {
    TransportError::new(TransportErrorKind::Refused, "connection refused")
}

impl Gate {
    fn to(url: &str) -> Self {
        let endpoint = Endpoint::parse(url).unwrap();
        let server = connector(&endpoint, &TransportOptions::new()).unwrap();
        Self {
            server,
            state: Arc::default(),
        }
    }

    fn shut(&self, is_shut: bool) {
        self.state.is_shut.store(is_shut, Ordering::SeqCst);
    }
}

impl Connect for Gate {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            if self.state.is_shut.load(Ordering::SeqCst) {
                self.state.refused.notify_one();
                return Err(refused());
            }
            let passage = Passage {
                gate: Arc::clone(&self.state),
                reads_group: false,
            };
            let transport = self.server.connect().await?;
            Ok(Box::new(Wrapper::new(transport, passage)) as BoxTransport)
        })
    }
}

impl Intercept for Passage {
    fn start_send(
        &mut self,
        inner: &mut dyn Transport,
        request: RequestRef<'_>,
    ) -> Result<(), TransportError> {
        self.reads_group |= request.name() == b"XREADGROUP";
        inner.start_send(request)
    }

    fn poll_receive(
        &mut self,
        inner: &mut dyn Transport,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        if self.reads_group && self.gate.is_shut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(refused()));
        }
        inner.poll_receive(cx)
    }
}

/// The shared connection works all the time, and the consumer uses it between its reads: neither
/// may end the outage in the log. The first failure is not told, since it may be the beginning of
/// an outage of the server.
#[tokio::test]
async fn a_consumer_and_a_subscription_that_wait_say_so_once_in_each_outage() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let _on_this_thread = tracing::subscriber::set_default(subscriber);
    let gateway = swarm_gateway::test().await.unwrap();
    let gate = Gate::to(gateway.ws_url());
    let options = ClientOptions::default()
        .request_timeout(Duration::from_millis(300))
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(20));
    let client = within(Client::connect_with(gate.clone(), options))
        .await
        .unwrap();
    let mut subscription = within(client.subscribe("news")).await.unwrap();
    let consumer = client.consumer("group", "ann", "my-stream");
    let mut consumer = consumer
        .block(Duration::from_millis(20))
        .min_idle(Duration::from_secs(60))
        .claim_interval(Duration::from_millis(5))
        .build()
        .unwrap();
    let (delivered, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(delivery) = consumer.next().await {
            delivered.send(delivery.unwrap().ack().await).unwrap();
        }
    });

    for n in 0..3 {
        within(client.xadd("my-stream", [("n", n)])).await.unwrap();
        within(deliveries.recv()).await.unwrap().unwrap();
        assert_eq!(lines.take(), [""; 0]);
        gate.shut(true);
        assert_eq!(gateway.faults().cut_subscribers(), 1);
        // Two failed reads take twice the request timeout.
        within(lines.reached(2)).await;
        // The outage continues for a while.
        for _ in 0..50 {
            within(gate.state.refused.notified()).await;
        }
        assert_eq!(client.state(), State::Connected);
        gate.shut(false);
        within(lines.reached(4)).await;
        let event = within(subscription.next()).await.unwrap().unwrap();
        assert!(matches!(event, Event::Reconnected { .. }), "{event:?}");
        let lines = lines.take();
        for purpose in ["consumer", "subscriptions"] {
            let purpose = format!("purpose={purpose:?}");
            let own = lines.iter().filter(|line| line.contains(&purpose));
            let own: Vec<_> = own.collect();
            let [lost, back] = own[..] else {
                panic!("{lines:#?}");
            };
            let text = "WARN message=no connection to the server; retrying";
            assert!(lost.starts_with(text), "{lost}");
            assert!(lost.contains("connection refused"), "{lost}");
            let text = "INFO message=connected to the server";
            assert!(back.starts_with(text), "{back}");
            assert!(back.contains("failed_attempts="), "{back}");
        }
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(!lines.concat().contains("my-stream"), "{lines:#?}");
    }
}
