//! How subscriptions end, and which are rejected.

use std::time::Duration;

use swarm_gateway::Dialect;
use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome, Overflow};
use swarm_tests::{Redis, connected, connected_with, gateway, within};

use super::hearing::payload;

#[tokio::test]
async fn closing_the_client_ends_every_subscription() {
    let (gateway, client) = connected().await;
    let mut shared = within(client.subscribe("a")).await.unwrap();
    let subscribing = client.subscribe("a").on_overflow(Overflow::Backpressure);
    let mut own = within(subscribing).await.unwrap();
    let handler = within(client.psubscribe_handler("*", |_| {}))
        .await
        .unwrap();
    let mut waiting = within(client.subscribe("b")).await.unwrap();
    let waiting = tokio::spawn(async move { waiting.next().await.is_none() });
    let mut witness = within(client.subscribe("a")).await.unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut witness).await, "x");
    assert_eq!(payload(&mut own).await, "x");

    within(client.close()).await;
    // Messages received before the end can still be read.
    assert_eq!(payload(&mut shared).await, "x");
    for subscription in [&mut shared, &mut own] {
        assert!(within(subscription.next()).await.is_none());
        assert!(within(subscription.next()).await.is_none());
    }
    assert!(within(waiting).await.unwrap());
    within(async {
        while !handler.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = within(client.subscribe("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    // No connection remains.
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn closing_the_client_ends_what_is_not_acknowledged_yet() {
    let (gateway, client) = connected().await;
    let _hold = gateway.faults().hold("SUBSCRIBE");
    let subscribing = tokio::spawn(client.subscribe("a"));
    within(gateway.faults().executed("SUBSCRIBE", 1)).await;
    within(client.close()).await;
    let error = within(subscribing).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn without_reconnect_a_lost_connection_ends_the_subscription_with_an_error() {
    let (gateway, client) = connected_with(|options| options.reconnect(false)).await;
    let mut subscription = within(client.subscribe("a")).await.unwrap();
    gateway.faults().cut_after("PSUBSCRIBE");
    let error = within(client.psubscribe("b*")).await.unwrap_err();
    assert!(error.is_connection() && error.is_retryable(), "{error}");
    let error = within(subscription.next()).await.unwrap().unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert!(within(subscription.next()).await.is_none());
    // The client is unaffected and can subscribe again.
    let mut again = within(client.subscribe("a")).await.unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut again).await, "x");
}

#[tokio::test]
async fn over_http_subscribing_is_an_error_before_anything_is_sent() {
    // Nobody answers, so a dial would take until its timeout.
    let options =
        ClientOptions::new("http://127.0.0.1:1/").request_timeout(Duration::from_secs(3600));
    let client = Client::connect_lazy(options).unwrap();
    for subscribing in [client.subscribe("a"), client.psubscribe("a*")] {
        let error = within(subscribing).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent));
    }
}

#[tokio::test]
async fn names_that_would_harm_the_server_are_refused() {
    let (gateway, client) = connected().await;
    for channel in ["", "a\r\nb"] {
        let error = within(client.subscribe(["a", channel])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{channel:?}");
        let error = within(client.publish(channel, "x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{channel:?}");
        let error = within(client.pubsub_numsub(["a", channel]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{channel:?}");
    }
    for pattern in ["", "a\nb", "[", "[]", "[!", "x[z-a]"] {
        let error = within(client.psubscribe(["a", pattern])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{pattern:?}");
        let matching = client.pubsub_channels_matching(pattern);
        let error = within(matching).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{pattern:?}");
    }
    let error = within(client.subscribe(())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    for command in ["SUBSCRIBE", "PSUBSCRIBE", "PUBLISH", "PUBSUB"] {
        assert_eq!(gateway.executions(command), 0, "{command}");
    }
}

#[tokio::test]
async fn a_subscription_has_a_timeout_of_its_own() {
    let (gateway, client) = connected_with(|o| o.request_timeout(Duration::from_secs(600))).await;
    let freeze = gateway.faults().freeze();
    let subscribing = client.subscribe("a").timeout(Duration::from_millis(100));
    let error = within(subscribing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    drop(freeze);
    // Only the acknowledgment is limited, not the subscription.
    let timeout = Duration::from_secs(20);
    let mut subscription = within(client.subscribe("a").timeout(timeout))
        .await
        .unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut subscription).await, "x");
}

#[tokio::test]
async fn a_channel_rejected_by_a_real_server_is_an_error() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(ClientOptions::new(redis.url())))
        .await
        .unwrap();
    let acl = client.raw("ACL SETUSER", ("default", "resetchannels", "&open"));
    within(acl).await.unwrap();
    let error = within(client.subscribe(["open", "secret"]))
        .await
        .unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code()),
        Some("NOPERM"),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    super::sharing::subscribers(&client, "open", 0).await;
    let mut open = within(client.subscribe("open")).await.unwrap();
    within(client.publish("open", "x")).await.unwrap();
    assert_eq!(payload(&mut open).await, "x");
}

#[tokio::test]
async fn a_wrong_password_is_an_error_and_a_right_one_is_sent() {
    let builder = swarm_gateway::Gateway::builder().password("right");
    let gateway = within(builder.start()).await.unwrap();
    let options = |password| ClientOptions::new(gateway.ws_url()).password(password);
    let client = Client::connect_lazy(options("wrong")).unwrap();
    let error = within(client.subscribe("a")).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    let client = within(Client::connect(options("right"))).await.unwrap();
    let mut subscription = within(client.subscribe("a")).await.unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut subscription).await, "x");
}

#[test]
fn a_subscription_fails_once_its_runtime_is_gone() {
    let runtime = |threads: bool| {
        let mut builder = match threads {
            true => tokio::runtime::Builder::new_multi_thread(),
            false => tokio::runtime::Builder::new_current_thread(),
        };
        builder.enable_all().build().unwrap()
    };
    let servers = runtime(true);
    let gateway = servers.block_on(gateway(Dialect::STANDARD));
    let first = runtime(false);
    let (client, mut subscription) = first.block_on(async {
        let client = within(Client::connect(gateway.tcp_url())).await.unwrap();
        let subscription = within(client.subscribe("a")).await.unwrap();
        (client, subscription)
    });
    drop(first);
    let second = runtime(false);
    second.block_on(async {
        let error = within(subscription.next()).await.unwrap().unwrap_err();
        assert!(error.is_connection(), "{error}");
        assert!(within(subscription.next()).await.is_none());
        // The client's tasks run only in the runtime that created it.
        let error = within(client.subscribe("a")).await.unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
    });
}
