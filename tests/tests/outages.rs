//! What the log tells about a server that is away, however many connections a client has.
//!
//! In its own process, because a tracing subscriber is global.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, Event, Frame, State};
use swarm_tests::{within, within_secs};
use swarm_transport::{
    BoxFuture, BoxTransport, Connect, TransportError, TransportErrorKind, memory,
};
use tracing::Level;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Records the client's events at level info and above: level, fields and message.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

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
        }
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
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

    let lines = lines.take();
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
