//! Commands whose connection breaks, hangs, or closes.

use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome};
use swarm_tests::{connected, connected_with, free_address, gateway, within};

#[tokio::test]
async fn a_write_whose_reply_is_lost_runs_once_and_says_that_it_may_have() {
    let (gateway, client) = connected().await;
    gateway.faults().cut_after("INCR");
    let error = within(client.incr("n")).await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
    assert!(!error.is_retryable());
    assert_eq!(gateway.executions("INCR"), 1);
    // The client reconnects automatically.
    assert_eq!(within(client.incr("n")).await.unwrap(), 2);
}

#[tokio::test]
async fn a_read_whose_reply_is_lost_is_sent_again() {
    let (gateway, client) = connected().await;
    within(client.set("k", "v")).await.unwrap();
    gateway.faults().cut_after("GET");
    assert_eq!(
        within(client.get("k")).await.unwrap().as_deref(),
        Some(b"v".as_slice())
    );
    assert_eq!(gateway.executions("GET"), 2);
}

#[tokio::test]
async fn a_raw_command_is_retried_only_if_it_is_known_to_be_read_only() {
    let (gateway, client) = connected().await;
    gateway.faults().cut_after("GET");
    let reply = within(client.raw("GET", "k")).await.unwrap();
    assert!(reply.is_null());
    assert_eq!(gateway.executions("GET"), 2);
    gateway.faults().cut_after("APPEND");
    let error = within(client.raw("APPEND", ("k", "x"))).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
    assert_eq!(gateway.executions("APPEND"), 1);
}

#[tokio::test]
async fn a_mute_server_costs_a_timeout_and_not_more() {
    let (gateway, client) = connected_with(|o| o.request_timeout(Duration::from_millis(200))).await;
    let _mute = gateway.faults().freeze();
    let calls: Vec<_> = (0..50)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.get(format!("k{n}")).await })
        })
        .collect();
    for call in calls {
        assert!(within(call).await.unwrap().unwrap_err().is_timeout());
    }
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_within_their_timeout() {
    let (gateway, client) = connected_with(|o| {
        o.max_in_flight(2)
            .request_timeout(Duration::from_millis(300))
    })
    .await;
    let hold = gateway.faults().hold("INCR");
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.incr("n").await })
        })
        .collect();
    let mut not_sent = 0;
    for call in calls {
        let error = within(call).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        not_sent += i64::from(error.outcome() == Some(Outcome::NotSent));
    }
    hold.release();
    assert!(not_sent >= 6, "only {not_sent} calls were held back");
    // A command reported as not sent never runs.
    let count = within(client.incrby("n", 0).timeout(Duration::from_secs(10)))
        .await
        .unwrap();
    assert!(
        count <= 10 - not_sent,
        "{count} ran, though {not_sent} were not sent"
    );
}

#[tokio::test]
async fn without_reconnect_a_lost_connection_is_the_end() {
    let (gateway, client) = connected_with(|options| options.reconnect(false)).await;
    gateway.faults().cut_after("INCR");
    assert!(within(client.incr("n")).await.is_err());
    let error = within(client.get("n")).await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
}

#[tokio::test]
async fn a_lazy_client_waits_for_its_server() {
    let address = free_address().await;
    let options = ClientOptions::new(format!("ws://{address}/"))
        .reconnect_base_delay(Duration::from_millis(10))
        .reconnect_max_delay(Duration::from_millis(50));
    let client = Client::connect_lazy(options).unwrap();
    let early = tokio::spawn({
        let client = client.clone();
        async move { client.incr("n").await }
    });
    let builder = swarm_gateway::Gateway::builder().ws(address);
    let _gateway = within(builder.start()).await.unwrap();
    assert_eq!(within(early).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn close_answers_what_was_called_before_and_refuses_what_comes_after() {
    let (gateway, client) = connected().await;
    let hold = gateway.faults().hold("SET");
    let before = tokio::spawn({
        let client = client.clone();
        async move { client.set("k", "v").await }
    });
    within(hold.reached(1)).await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    hold.release();
    within(before).await.unwrap().unwrap();
    within(closing).await.unwrap();
    let error = within(client.get("k")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    // Closing twice is allowed.
    within(client.close()).await;
}

#[tokio::test]
async fn close_does_not_wait_for_a_server_that_is_gone() {
    let gateway = gateway(swarm_gateway::Dialect::STANDARD).await;
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    drop(gateway);
    within(client.close()).await;
}

#[tokio::test]
async fn the_last_handle_ends_the_connection() {
    let (gateway, client) = connected().await;
    let other = client.clone();
    drop(client);
    within(other.ping()).await.unwrap();
    drop(other);
    // A gateway without connections shuts down immediately.
    within(gateway.shutdown()).await;
}

#[tokio::test]
async fn every_connection_begins_with_the_session() {
    let (gateway, client) =
        connected_with(|options| options.client_name("me").auth_addr("0xAb5801a7")).await;
    for round in 0..2 {
        let info = within(client.client_info()).await.unwrap();
        assert!(info.contains("name=me"), "{info}");
        assert_eq!(gateway.executions("AUTHADDR"), round + 1);
        gateway.faults().cut_after("INCR");
        assert!(within(client.incr("n")).await.is_err());
    }
}
