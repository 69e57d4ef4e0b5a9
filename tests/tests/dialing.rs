//! When and how often a client dials, and what it reports meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{
    Client, ClientOptions, Credentials, ErrorKind, Outcome, State, StreamId, XReadOptions,
};
use swarm_tests::{Proxy, gateway, within};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

/// Scheme and URL of one of a gateway's listeners.
type Url = (&'static str, fn(&Gateway) -> &str);
const WS: Url = ("ws", Gateway::ws_url);
const TCP: Url = ("redis", Gateway::tcp_url);

/// The protocol is learned once per client: no connection is dialed twice because of a garbled
/// HELLO reply.
#[tokio::test]
async fn each_lease_and_each_subscription_dials_once() {
    let garbled = Dialect::UPSTREAM.with(Quirk::HelloGarbage);
    for ((scheme, url), dialect) in [(WS, garbled), (TCP, garbled), (TCP, Dialect::STANDARD)] {
        let gateway = gateway(dialect).await;
        let proxy = Proxy::start(url(&gateway)).await;
        let client = within(Client::connect(proxy.url(scheme))).await.unwrap();
        assert_eq!(proxy.dials(), 1, "{scheme} {dialect}");
        let lease = within(client.exclusive()).await.unwrap();
        let other = within(client.exclusive()).await.unwrap();
        let subscription = within(client.subscribe("news")).await.unwrap();
        within(client.ping()).await.unwrap();
        assert_eq!(proxy.dials(), 4, "{scheme} {dialect}");
        drop((lease, other, subscription));
    }
}

/// Covers two equal timeouts that race, one of which knows no details. An unanswered dial always
/// names the address and the step that it was waiting for.
#[tokio::test]
async fn every_dial_without_an_answer_names_the_address() {
    // The backlog accepts the connections, but nobody answers the upgrade.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for _ in 0..50 {
        let options = ClientOptions::new(format!("ws://{address}"))
            .connect_timeout(Duration::from_millis(10))
            .http_fallback(false);
        let error = within(Client::connect(options)).await.unwrap_err();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        for part in [address.as_str(), "10ms", "WebSocket upgrade"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

/// A port that accepts connections and never answers.
struct Mute {
    address: String,
    dials: Arc<AtomicUsize>,
    dialed: Arc<Notify>,
}

impl Mute {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mute = Self {
            address: listener.local_addr().unwrap().to_string(),
            dials: Arc::default(),
            dialed: Arc::default(),
        };
        let (dials, dialed) = (Arc::clone(&mute.dials), Arc::clone(&mute.dialed));
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                kept.push(socket);
                dials.fetch_add(1, Ordering::SeqCst);
                dialed.notify_one();
            }
        });
        mute
    }
}

/// Longer than any test may take.
const ETERNITY: Duration = Duration::from_secs(600);

/// Covers errors that say nothing about the network but open the fallback, which then hides them.
#[tokio::test]
async fn a_forbidden_origin_and_wrong_credentials_never_open_the_fallback() {
    let origins = Gateway::builder().origins(["https://app.example"]);
    let gateway = within(origins.start()).await.unwrap();
    let forbidden = ClientOptions::new(gateway.ws_url()).http_url(gateway.http_url());
    let locked = Gateway::builder().password("right").start().await.unwrap();
    let open = swarm_gateway::test().await.unwrap();
    let wrong = ClientOptions::new(locked.ws_url())
        .password("wrong")
        .http_url(open.http_url());
    for options in [forbidden, wrong] {
        let error = within(Client::connect(options.clone())).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        let client = Client::connect_lazy(options).unwrap();
        for _ in 0..3 {
            let error = within(client.get("k")).await.unwrap_err();
            assert!(error.is_auth(), "{error}");
            assert_ne!(client.state(), State::Fallback);
        }
    }
    assert_eq!(gateway.executions("GET") + open.executions("GET"), 0);
}

/// Retries apply to work lost on either path.
#[tokio::test]
async fn a_read_that_is_lost_over_the_fallback_is_sent_again_and_a_write_is_not() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(gateway.http_url())
        .reconnect_base_delay(Duration::from_millis(10))
        .reconnect_max_delay(Duration::from_millis(50));
    let client = within(Client::connect(options)).await.unwrap();
    within(client.set("k", "v")).await.unwrap();
    gateway.faults().cut_after("GET");
    assert_eq!(within(client.get("k")).await.unwrap().unwrap(), "v");
    assert_eq!(gateway.executions("GET"), 2);
    gateway.faults().cut_after("SET");
    let error = within(client.set("k", "w")).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    assert_eq!(gateway.executions("SET"), 2);
}

/// Covers one path that hangs and keeps the other from being tried.
#[tokio::test]
async fn connection_and_fallback_are_dialed_concurrently() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mute = Mute::open().await;
    // The WebSocket port never answers, but the fallback opens long before that attempt times out.
    let options = ClientOptions::new(format!("ws://{}/", mute.address))
        .http_url(gateway.http_url())
        .connect_timeout(ETERNITY);
    let client = within(Client::connect(options)).await.unwrap();
    within(client.set("k", "v")).await.unwrap();
    assert_eq!(client.state(), State::Fallback);

    // The fallback's port never answers, but the WebSocket is still dialed.
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(format!("http://{}", mute.address))
        .connect_timeout(ETERNITY)
        .reconnect_max_delay(Duration::from_millis(250));
    let client = Client::connect_lazy(options).unwrap();
    let mut states = client.watch_state();
    assert!(within(states.reached(State::Reconnecting)).await);
    proxy.restart().await;
    within(client.ping()).await.unwrap();
    assert_eq!(client.state(), State::Connected);
}

/// Covers a fallback that delays the new connection, or whose end is mistaken for the connection's.
#[tokio::test]
async fn hanging_fallback_requests_are_dropped_after_the_connection_returns() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(gateway.http_url())
        .request_timeout(ETERNITY)
        .reconnect_base_delay(Duration::from_millis(10))
        .reconnect_max_delay(Duration::from_millis(50));
    let client = within(Client::connect(options)).await.unwrap();
    let hold = gateway.faults().hold("SET");
    let set = tokio::spawn(client.set("k", "v"));
    within(hold.reached(1)).await;
    let count = tokio::spawn(client.incr("n"));
    proxy.restart().await;
    assert_eq!(within(count).await.unwrap().unwrap(), 1);
    let error = within(set).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    assert_eq!(client.state(), State::Connected);
    hold.release();
}

/// Covers errors that say when something failed but not why.
#[tokio::test]
async fn a_command_that_was_not_sent_in_time_says_why_there_was_no_connection() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .request_timeout(Duration::from_millis(500))
        .reconnect_max_delay(Duration::from_millis(250));
    let client = Client::connect_lazy(options).unwrap();
    let mut states = client.watch_state();
    assert!(within(states.reached(State::Reconnecting)).await);
    let errors = [
        within(client.get("k")).await.unwrap_err(),
        within(client.exclusive()).await.unwrap_err(),
        within(client.subscribe("news")).await.unwrap_err(),
        within(
            client
                .raw_blocking("BLPOP", ("list", 0), None)
                .timeout(Duration::from_millis(200)),
        )
        .await
        .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(
            error.outcome(),
            error.command().map(|_| Outcome::NotSent),
            "{error}"
        );
        let cause = error.transport_error().unwrap();
        assert!(cause.is_refused(), "{cause}");
    }
}

/// Covers leases and subscriptions that dial on their own and multiply the dials to a server that
/// is down.
#[tokio::test]
async fn leases_and_subscriptions_wait_for_the_shared_connection() {
    let mute = Mute::open().await;
    let options = ClientOptions::new(format!("ws://{}/", mute.address))
        .connect_timeout(ETERNITY)
        .request_timeout(Duration::from_millis(300));
    let client = Client::connect_lazy(options).unwrap();
    within(mute.dialed.notified()).await;
    let (one, two, three, four) = within(async {
        tokio::join!(
            client.exclusive(),
            client.subscribe("news"),
            client.psubscribe("news.*"),
            client.raw_blocking("BLPOP", ("list", 0), None),
        )
    })
    .await;
    assert!(one.is_err() && two.is_err() && three.is_err() && four.is_err());
    assert_eq!(mute.dials.load(Ordering::SeqCst), 1);
}

/// Covers commands that need a session and wait for a path that has none.
#[tokio::test]
async fn session_commands_fail_immediately_while_only_the_fallback_works() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(gateway.http_url())
        .request_timeout(ETERNITY);
    let client = within(Client::connect(options)).await.unwrap();
    // A transaction waits for the connection, as it would without a fallback.
    let tx = client.transaction();
    let incr = tx.incr("n");
    let waiting = tokio::spawn(async move { tx.exec(incr).await });
    let block = XReadOptions::new().block(Duration::from_secs(1));
    let errors = [
        within(client.exclusive()).await.unwrap_err(),
        within(client.transact("k", async |_| Ok(())))
            .await
            .unwrap_err(),
        within(client.subscribe("news")).await.unwrap_err(),
        within(client.psubscribe("news.*")).await.unwrap_err(),
        within(client.xread_with([("s", StreamId::MIN)], block))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
        assert_eq!(
            error.outcome(),
            error.command().map(|_| Outcome::NotSent),
            "{error}"
        );
        assert!(error.to_string().contains("HTTP fallback"), "{error}");
        assert!(error.is_retryable(), "{error}");
    }
    proxy.restart().await;
    assert_eq!(within(waiting).await.unwrap().unwrap().unwrap(), 1);
}

/// Covers a connection that is opened for a command that is then rejected.
#[tokio::test]
async fn rejected_commands_open_no_connection() {
    let gateway = swarm_gateway::test().await.unwrap();
    let proxy = Proxy::start(gateway.ws_url()).await;
    let client = within(Client::connect(proxy.url("ws"))).await.unwrap();
    let bytes = [0xff, b'a'];
    let errors = [
        within(client.subscribe(bytes)).await.unwrap_err(),
        within(client.psubscribe(bytes)).await.unwrap_err(),
        within(client.raw_blocking("BLPOP", (bytes, 0), None))
            .await
            .unwrap_err(),
        within(client.transact(bytes, async |_| Ok(())))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert!(error.to_string().contains("UTF-8"), "{error}");
    }
    assert_eq!(proxy.dials(), 1);
}

/// Covers decisions based on credentials that have been replaced.
#[tokio::test]
async fn new_credentials_wake_the_connection_and_outdate_what_was_dialed_before() {
    const PASSWORD: &str = "s3cret";
    let gateway = Gateway::builder().password(PASSWORD).start().await.unwrap();
    // Each attempt requests the credentials and receives wrong ones when the test permits.
    let asked = Arc::new(Semaphore::new(0));
    let told = Arc::new(Semaphore::new(1));
    let ask = {
        let (asked, told) = (Arc::clone(&asked), Arc::clone(&told));
        move || {
            let (asked, told) = (Arc::clone(&asked), Arc::clone(&told));
            async move {
                asked.add_permits(1);
                told.acquire().await.map(|permit| permit.forget())?;
                Ok::<_, tokio::sync::AcquireError>(Credentials::password("outdated"))
            }
        }
    };
    let options = ClientOptions::new(gateway.ws_url())
        .credentials(ask)
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(1));
    let client = Client::connect_lazy(options).unwrap();
    assert!(within(client.get("k")).await.unwrap_err().is_auth());
    // The second attempt is in progress and will authenticate with outdated credentials.
    within(asked.acquire_many(2)).await.unwrap().forget();
    within(client.auth(PASSWORD)).await.unwrap();
    let get = tokio::spawn(client.get("k"));
    let own = tokio::spawn({
        let client = client.clone();
        async move { client.exclusive().await.map(drop) }
    });
    told.add_permits(1);
    within(get).await.unwrap().unwrap();
    within(own).await.unwrap().unwrap();
}

#[tokio::test]
async fn new_credentials_end_the_backoff() {
    const PASSWORD: &str = "s3cret";
    for (_, url) in [WS, TCP, ("http", Gateway::http_url)] {
        let gateway = Gateway::builder().password(PASSWORD).start().await.unwrap();
        let options = ClientOptions::new(url(&gateway))
            .password("a guess")
            .reconnect_base_delay(ETERNITY)
            .reconnect_max_delay(ETERNITY);
        let client = Client::connect_lazy(options).unwrap();
        assert!(within(client.get("k")).await.unwrap_err().is_auth());
        within(client.auth(PASSWORD)).await.unwrap();
        within(client.get("k")).await.unwrap();
    }
}

/// Covers a backoff meant for broken servers that delays reconnecting to a working one.
#[tokio::test]
async fn a_working_connection_is_redialed_without_backoff() {
    for (_, url) in [WS, TCP] {
        let gateway = swarm_gateway::test().await.unwrap();
        let options = ClientOptions::new(url(&gateway))
            .reconnect_base_delay(ETERNITY)
            .reconnect_max_delay(ETERNITY);
        let client = within(Client::connect(options)).await.unwrap();
        let mut news = within(client.subscribe("news")).await.unwrap();
        within(client.ping()).await.unwrap();
        for cuts in 1..=5 {
            gateway.faults().cut_after("INCR");
            assert!(within(client.incr("n")).await.is_err());
            within(client.ping()).await.unwrap();
            assert_eq!(client.stats().reconnects, cuts);
        }
        within(client.publish("news", "x")).await.unwrap();
        assert!(within(news.next()).await.unwrap().is_ok());
    }
}
