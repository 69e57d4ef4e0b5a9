//! Facts of the errors of lost connections: each names the server that the call was sent to, and
//! how long the call had waited, whatever path it took.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions, Credentials, Error, ErrorKind, Outcome, State};
use swarm_tests::{Proxy, UPSTREAM, gateway, within};

/// Time for which each call waits before its connection is lost.
const WAIT: Duration = Duration::from_millis(30);

/// Checks the error of a call that was lost after it was sent.
#[track_caller]
fn check(path: &str, error: &Error, url: &str) {
    assert_eq!(error.kind(), ErrorKind::Connection, "{path}: {error}");
    assert_eq!(
        error.outcome(),
        Some(Outcome::MayHaveRun),
        "{path}: {error}"
    );
    check_address(path, error, url);
    assert!(
        error.elapsed() >= Some(WAIT),
        "{path}: {:?}",
        error.elapsed()
    );
    assert_eq!(error.attempts(), None, "{path}");
    assert!(error.transport_error().is_some(), "{path}");
    let text = format!("connection to {} lost: ", error.address().unwrap());
    assert!(error.to_string().contains(&text), "{path}: {error}");
}

#[track_caller]
fn check_address(path: &str, error: &Error, url: &str) {
    let address = error.address().unwrap_or_else(|| panic!("{path}: {error}"));
    let same = address.trim_end_matches('/') == url.trim_end_matches('/');
    assert!(same, "{path}: {address}, not {url}");
}

/// Runs a call with a command, and cuts its connection while it waits.
async fn lose<T>(gateway: &Gateway, command: &str, call: impl Future<Output = T>) -> T {
    let hold = gateway.faults().hold(command);
    let cut = async {
        hold.reached(1).await;
        // The time that the errors report.
        tokio::time::sleep(WAIT).await;
        gateway.faults().cut();
    };
    let (result, ()) = within(async { tokio::join!(call, cut) }).await;
    hold.release();
    result
}

#[tokio::test]
async fn every_call_over_a_connection_names_the_server_that_it_was_sent_to() {
    for dialect in [Dialect::STANDARD, UPSTREAM] {
        let gateway = gateway(dialect).await;
        for url in [gateway.ws_url(), gateway.tcp_url()] {
            let client = within(Client::connect(url)).await.unwrap();
            let error = lose(&gateway, "INCR", client.incr("n")).await.unwrap_err();
            check("command", &error, url);

            let pipeline = client.pipeline();
            let handles = (pipeline.incr("n"), pipeline.set("k", 1));
            let (incr, set) = lose(&gateway, "INCR", pipeline.send(handles)).await;
            check("pipeline", &incr.unwrap_err(), url);
            check("pipeline", &set.unwrap_err(), url);

            let transaction = client.transaction();
            let incr = transaction.incr("n");
            let exec = lose(&gateway, "EXEC", transaction.exec(incr)).await;
            check("transaction", &exec.unwrap_err(), url);

            let bulk = client.bulk();
            let handle = bulk.incr("n");
            let incr = lose(&gateway, "INCR", bulk.send(handle)).await;
            check("bulk", &incr.unwrap_err(), url);

            let own = within(client.exclusive()).await.unwrap();
            let error = lose(&gateway, "INCR", own.incr("n")).await.unwrap_err();
            check("exclusive", &error, url);
        }
    }
}

#[tokio::test]
async fn every_call_over_http_names_the_gateway() {
    let gateway = gateway(Dialect::STANDARD).await;
    let client = within(Client::connect(gateway.http_url())).await.unwrap();
    let error = lose(&gateway, "INCR", client.incr("n")).await.unwrap_err();
    check("HTTP", &error, gateway.http_url());
}

/// The call was sent to the fallback, not to the server that cannot be reached.
#[tokio::test]
async fn a_call_over_the_fallback_names_the_fallback() {
    let gateway = gateway(Dialect::STANDARD).await;
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws")).http_url(gateway.http_url());
    let client = within(Client::connect(options)).await.unwrap();
    let lost = lose(&gateway, "SET", client.set("k", "v")).await;
    let error = lost.unwrap_err();
    check("fallback", &error, gateway.http_url());
    // It never reaches the server that it needs.
    let error = within(client.exclusive()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    check_address("lease", &error, &proxy.url("ws"));
}

/// A client that has several connections loses calls on each.
#[tokio::test]
async fn a_call_over_any_of_several_connections_names_the_server() {
    let gateway = gateway(UPSTREAM).await;
    let options = ClientOptions::new(gateway.ws_url()).min_connections(4);
    let client = within(Client::connect(options)).await.unwrap();
    within(async {
        while client.stats().shared.open < 4 {
            let bulk = client.bulk();
            let sets: Vec<_> = (0..50).map(|n| bulk.set(format!("k{n}"), n)).collect();
            bulk.send(sets).await;
        }
    })
    .await;
    let hold = gateway.faults().hold("INCR");
    let calls: Vec<_> = (0..8)
        .map(|n| tokio::spawn(client.incr(format!("n{n}")).no_retry()))
        .collect();
    within(hold.reached(4)).await;
    tokio::time::sleep(WAIT).await;
    gateway.faults().cut();
    hold.release();
    let mut lost = 0;
    for call in calls {
        // Calls that were not sent run over the next connection.
        if let Err(error) = within(call).await.unwrap() {
            check("worker", &error, gateway.ws_url());
            lost += 1;
        }
    }
    assert!(lost >= 4, "{lost}");
}

#[tokio::test]
async fn a_client_or_subscription_that_does_not_reconnect_names_the_server() {
    let gateway = gateway(Dialect::STANDARD).await;
    let options = ClientOptions::new(gateway.ws_url()).reconnect(false);
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("news")).await.unwrap();
    let mut states = client.watch_state();
    gateway.faults().cut();
    let error = within(subscription.next()).await.unwrap().unwrap_err();
    assert!(error.is_connection(), "{error}");
    check_address("subscription", &error, gateway.ws_url());
    assert!(within(states.reached(State::Closed)).await);
    let error = within(client.get("k")).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
    check_address("command", &error, gateway.ws_url());
    let text = "GET: the client is not connected and does not reconnect; create another one: ";
    assert!(error.to_string().starts_with(text), "{error}");
}

/// The credentials were replaced by wrong ones while the client was connected.
#[tokio::test]
async fn a_server_that_rejects_the_credentials_is_named() {
    let guarded = Gateway::builder().password("right").ws("127.0.0.1:0");
    let gateway = within(guarded.start()).await.unwrap();
    let wrong = Arc::new(AtomicBool::new(false));
    let is_wrong = Arc::clone(&wrong);
    let options = ClientOptions::new(gateway.ws_url()).credentials(move || {
        let wrong = is_wrong.load(Ordering::SeqCst);
        let password = if wrong { "s3cret" } else { "right" };
        async move { Ok::<_, Infallible>(Credentials::password(password)) }
    });
    let client = within(Client::connect(options)).await.unwrap();
    wrong.store(true, Ordering::SeqCst);
    let mut states = client.watch_state();
    gateway.faults().cut();
    assert!(within(states.reached(State::Reconnecting)).await);
    let error = within(client.incr("n")).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    check_address("command", &error, gateway.ws_url());
    let error = within(client.subscribe("news")).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    check_address("subscription", &error, gateway.ws_url());
    let error = within(client.exclusive()).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    check_address("lease", &error, gateway.ws_url());
}
