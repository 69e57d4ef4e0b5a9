//! Error replies that make the client reconnect.

use std::time::Duration;

use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, Outcome};
use swarm_tests::{connected, connected_with, targets, within};

const READONLY: &str = "READONLY You can't write against a read only replica.";

#[tokio::test]
async fn after_readonly_the_client_connects_again_on_every_wire_that_has_a_session() {
    for target in targets().await {
        let Some(gateway) = target.gateway() else {
            continue;
        };
        let name = &target.name;
        let client = target.connect().await;
        gateway.faults().answer_error("SET", READONLY);
        let error = within(client.set("k", "v")).await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::Rejected), "{name}: {error}");
        assert!(error.is_retryable(), "{name}: {error}");
        assert_eq!(error.server_error().unwrap().code(), "READONLY", "{name}");
        assert_eq!(gateway.executions("SET"), 0, "{name}");
        // The next command uses a new connection.
        within(client.set("k", "v")).await.unwrap();
        let reconnects = u64::from(!name.starts_with("http"));
        assert_eq!(client.stats().reconnects, reconnects, "{name}");
        assert_eq!(gateway.executions("SET"), 1, "{name}");
    }
}

#[tokio::test]
async fn readonly_drains_in_flight_commands_and_moves_queued_ones() {
    let (gateway, client) = connected().await;
    gateway.faults().answer_error("SET", READONLY);
    let hold = gateway.faults().hold("INCR");
    let refused = tokio::spawn(client.set("k", "v"));
    let in_flight = tokio::spawn(client.incr("n"));
    within(hold.reached(1)).await;
    assert!(within(refused).await.unwrap().is_err());
    let waiting = tokio::spawn(client.incr("m"));
    within(async {
        while client.stats().queued < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(gateway.executions("INCR"), 1);
    assert_eq!(client.stats().reconnects, 0);
    hold.release();
    assert_eq!(within(in_flight).await.unwrap().unwrap(), 1);
    assert_eq!(within(waiting).await.unwrap().unwrap(), 1);
    assert_eq!(client.stats().reconnects, 1);
    assert_eq!(gateway.executions("INCR"), 2);
}

#[tokio::test]
async fn a_read_only_server_is_not_flooded_with_dials() {
    let (gateway, client) = connected().await;
    for _ in 0..200 {
        gateway.faults().answer_error("SET", READONLY);
    }
    for _ in 0..200 {
        let error = within(client.set("k", "v")).await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::Rejected), "{error}");
        within(client.get("k")).await.unwrap();
    }
    assert_eq!(client.stats().reconnects, 1);
}

#[tokio::test]
async fn a_server_that_stays_read_only_is_tried_again_after_a_while() {
    let pause = Duration::from_millis(100);
    let (gateway, client) = connected_with(|options| {
        options
            .reconnect_base_delay(Duration::from_millis(10))
            .reconnect_max_delay(pause)
    })
    .await;
    let start = std::time::Instant::now();
    within(async {
        while client.stats().reconnects < 3 {
            gateway.faults().answer_error("SET", READONLY);
            client.set("k", "v").await.unwrap_err();
        }
    })
    .await;
    assert!(start.elapsed() >= 2 * pause, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_forgot_who_the_client_is_is_told_again() {
    let builder = Gateway::builder().password("s3cret").ws("127.0.0.1:0");
    let gateway = within(builder.start()).await.unwrap();
    let options = ClientOptions::new(gateway.ws_url()).password("s3cret");
    let client = within(Client::connect(options)).await.unwrap();
    gateway
        .faults()
        .answer_error("GET", "NOAUTH Authentication required.");
    let error = within(client.get("k")).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::Rejected));
    assert!(error.is_retryable());
    assert_eq!(within(client.get("k")).await.unwrap(), None);
    within(gateway.faults().executed("AUTH", 2)).await;
    within(client.ping()).await.unwrap();
    assert_eq!(client.stats().reconnects, 1);
}

#[tokio::test]
async fn other_errors_and_other_policies_change_nothing() {
    for (codes, error) in [
        (
            &["READONLY", "NOAUTH"][..],
            "LOADING Redis is loading the dataset in memory",
        ),
        (&[], READONLY),
    ] {
        let (gateway, client) =
            connected_with(|options| options.reconnect_on(codes.iter().copied())).await;
        gateway.faults().answer_error("SET", error);
        let error = within(client.set("k", "v")).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        within(client.set("k", "v")).await.unwrap();
        assert_eq!(client.stats().reconnects, 0);
    }
}

#[tokio::test]
async fn a_leased_connection_on_which_readonly_came_is_not_leased_again() {
    let (gateway, client) = connected().await;
    gateway.faults().answer_error("SET", READONLY);
    let exclusive = within(client.exclusive()).await.unwrap();
    let before = within(exclusive.client_id()).await.unwrap();
    let error = within(exclusive.set("k", "v")).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::Rejected), "{error}");
    // An exclusive connection stays open as long as its handle.
    assert_eq!(within(exclusive.client_id()).await.unwrap(), before);
    drop(exclusive);
    let exclusive = within(client.exclusive()).await.unwrap();
    let after = within(exclusive.client_id()).await.unwrap();
    assert_ne!(after, before);
    drop(exclusive);
    let exclusive = within(client.exclusive()).await.unwrap();
    assert_eq!(within(exclusive.client_id()).await.unwrap(), after);
}
