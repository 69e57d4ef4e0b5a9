//! HTTP fallback while the WebSocket is unreachable: only for supported commands, in order per key.

use std::time::Duration;

use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, ErrorKind, FallbackScope, Outcome, SetOptions, State};
use swarm_tests::{Proxy, within};

/// Returns a gateway, a proxy in front of its WebSocket, and options to connect with.
async fn behind_a_proxy(
    change: impl FnOnce(ClientOptions) -> ClientOptions,
) -> (Gateway, Proxy, ClientOptions) {
    let gateway = swarm_gateway::test().await.unwrap();
    let proxy = Proxy::start(gateway.ws_url()).await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(gateway.http_url())
        .reconnect_base_delay(Duration::from_millis(10))
        .reconnect_max_delay(Duration::from_millis(50));
    (gateway, proxy, change(options))
}

#[tokio::test]
async fn get_and_set_go_on_over_http_and_come_back() {
    let (gateway, mut proxy, options) = behind_a_proxy(|options| options).await;
    let client = within(Client::connect(options)).await.unwrap();
    let mut states = client.watch_state();
    within(client.set("k", "over WebSocket")).await.unwrap();

    proxy.stop().await;
    assert!(within(states.reached(State::Fallback)).await);
    assert_eq!(
        within(client.get_as::<String>("k")).await.unwrap().unwrap(),
        "over WebSocket"
    );
    // All options of SET are preserved.
    let once = SetOptions::new().nx().ex(100);
    assert!(!within(client.set_with("k", "no", once)).await.unwrap());
    assert!(
        within(client.set_with("k/?#+ ü", "over HTTP", once))
            .await
            .unwrap()
    );
    // A server error is reported as such over the fallback too.
    let error = within(client.get("").no_retry()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);

    // Commands outside the fallback scope wait for the connection.
    let counting = tokio::spawn(client.incr("n"));
    tokio::task::yield_now().await;
    // No command overtakes another one on its key.
    let count = tokio::spawn(client.get_as::<i32>("n"));
    let order: Vec<_> = (0..50)
        .map(|n| tokio::spawn(client.set("order", n)))
        .collect();
    for set in order {
        within(set).await.unwrap().unwrap();
    }
    assert_eq!(gateway.executions("INCR"), 0);
    assert_eq!(
        within(client.get_as::<i32>("order")).await.unwrap(),
        Some(49),
        "in order"
    );

    proxy.restart().await;
    assert_eq!(within(counting).await.unwrap().unwrap(), 1);
    assert_eq!(within(count).await.unwrap().unwrap(), Some(1));
    assert_eq!(client.state(), State::Connected);
    assert_eq!(
        within(client.get_as::<String>("k/?#+ ü"))
            .await
            .unwrap()
            .unwrap(),
        "over HTTP"
    );
    assert!(
        within(client.ttl("k/?#+ ü"))
            .await
            .unwrap()
            .remaining()
            .is_some()
    );
}

#[tokio::test]
async fn a_client_starts_over_http_when_the_websocket_is_down() {
    let (_gateway, mut proxy, options) = behind_a_proxy(|options| options).await;
    proxy.stop().await;
    let client = within(Client::connect(options)).await.unwrap();
    assert_eq!(client.state(), State::Fallback);
    within(client.set("k", "v")).await.unwrap();
    assert_eq!(
        within(client.get("k")).await.unwrap().as_deref(),
        Some(b"v".as_slice())
    );
    proxy.restart().await;
    within(client.ping()).await.unwrap();
    assert_eq!(client.state(), State::Connected);
}

#[tokio::test]
async fn fallback_scope_all_covers_every_stateless_command() {
    let change = |options: ClientOptions| options.fallback_scope(FallbackScope::Stateless);
    let (gateway, mut proxy, options) = behind_a_proxy(change).await;
    let client = within(Client::connect(options)).await.unwrap();
    let mut states = client.watch_state();
    proxy.stop().await;
    assert!(within(states.reached(State::Fallback)).await);
    assert_eq!(within(client.incrby("n", 5)).await.unwrap(), 5);
    assert_eq!(
        within(client.mget(["n", "missing"])).await.unwrap().len(),
        2
    );
    within(client.set("text", "no number")).await.unwrap();
    let error = within(client.incr("text")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.outcome(), Some(Outcome::Rejected));
    // Commands wait as they would without a fallback, and their errors mention it.
    let hello = client.hello().timeout(Duration::from_millis(100));
    let error = within(hello).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert!(error.transport_error().is_some(), "{error}");
    assert_eq!(gateway.executions("INCR"), 1);
}

#[tokio::test]
async fn a_write_that_left_over_the_websocket_is_not_repeated_over_http() {
    let (gateway, mut proxy, options) = behind_a_proxy(|options| options).await;
    let client = within(Client::connect(options)).await.unwrap();
    let hold = gateway.faults().hold("SET");
    let set = tokio::spawn(client.set("k", "v"));
    within(hold.reached(1)).await;
    proxy.stop().await;
    let error = within(set).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    hold.release();
    within(client.get("k")).await.unwrap();
    assert_eq!(gateway.executions("SET"), 1);
}

#[tokio::test]
async fn an_unreachable_fallback_preserves_the_first_error() {
    let (gateway, mut proxy, options) =
        behind_a_proxy(|options| options.http_fallback(false)).await;
    proxy.stop().await;
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(error.is_connection(), "{error}");

    // Nor does a wrong password open the fallback.
    let locked = Gateway::builder().password("right").start().await.unwrap();
    let options = ClientOptions::new(locked.ws_url())
        .http_url(gateway.http_url())
        .password("wrong");
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
}

#[tokio::test]
async fn the_password_goes_over_http_as_a_bearer_token() {
    let gateway = Gateway::builder().password("right").start().await.unwrap();
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_url(gateway.http_url())
        .password("right");
    let client = within(Client::connect(options)).await.unwrap();
    within(client.set("k", "v")).await.unwrap();
    assert_eq!(client.state(), State::Fallback);
}

#[tokio::test]
async fn writes_of_different_keys_run_at_a_time_over_the_fallback() {
    let (gateway, mut proxy, options) = behind_a_proxy(|options| options).await;
    let client = within(Client::connect(options)).await.unwrap();
    proxy.stop().await;
    assert!(within(client.watch_state().reached(State::Fallback)).await);
    let hold = gateway.faults().hold("SET");
    let writes: Vec<_> = (0..8)
        .map(|n| tokio::spawn(client.set(format!("key:{n}"), n)))
        .collect();
    within(hold.reached(8)).await;
    hold.release();
    for write in writes {
        within(write).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_client_of_http_alone_keeps_the_order_of_its_commands() {
    let gateway = swarm_gateway::test().await.unwrap();
    let client = within(Client::connect(gateway.http_url())).await.unwrap();
    // The first write is slow; later ones must not overtake it.
    let hold = gateway.faults().hold("SET");
    let first = tokio::spawn(client.set("order", 0));
    within(hold.reached(1)).await;
    let others: Vec<_> = (1..50)
        .map(|n| tokio::spawn(client.incrby("order", n)))
        .collect();
    // Gives later writes the opportunity to overtake it.
    let faults = gateway.faults();
    let overtaken = faults.executed("INCRBY", 1);
    let overtaken = tokio::time::timeout(Duration::from_millis(200), overtaken).await;
    assert!(overtaken.is_err(), "a later command ran first");
    hold.release();
    within(first).await.unwrap().unwrap();
    for other in others {
        within(other).await.unwrap().unwrap();
    }
    let sum = within(client.get_as::<i32>("order")).await.unwrap();
    assert_eq!(
        sum,
        Some((1..50).sum()),
        "the first write came after others"
    );
}

#[tokio::test]
async fn a_reply_that_http_damages_says_that_the_command_ran() {
    let gateway = swarm_gateway::test().await.unwrap();
    let tcp = within(Client::connect(gateway.tcp_url())).await.unwrap();
    let http = within(Client::connect(gateway.http_url())).await.unwrap();
    within(tcp.set("k", [0xff])).await.unwrap();
    let error = within(http.getset("k", "v")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::UnexpectedReply, Some(Outcome::Ran))
    );
    assert_eq!(error.server_error().unwrap().code(), "LOSSY");
    assert_eq!(within(http.get("k")).await.unwrap().unwrap(), "v");
}
