//! Bulks: independent commands over all connections of a client, each with its own result.

use std::time::{Duration, Instant};

use swarm_gateway::{Dialect, Faults, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, Error, ErrorKind, Outcome, State};
use swarm_tests::{Proxy, connected, connected_with, targets, within, within_secs};

/// A client of a proxy in front of a gateway, with a short request timeout.
async fn behind_a_proxy() -> (Gateway, Proxy, Client) {
    let gateway = swarm_gateway::test().await.unwrap();
    let proxy = Proxy::start(gateway.ws_url()).await;
    let options = ClientOptions::new(proxy.url("ws")).request_timeout(Duration::from_millis(300));
    let client = within(Client::connect(options)).await.unwrap();
    (gateway, proxy, client)
}

fn assert_not_sent(error: &Error) {
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
}

#[tokio::test]
async fn replies_are_in_the_order_of_queueing_each_with_its_own_error() {
    for target in targets().await {
        let client = target.connect().await;
        let name = &target.name;
        let bulk = client.bulk();
        let handles = (
            bulk.set("text", "no number"),
            bulk.incr("text"),
            bulk.hello(),
            [bulk.incr("n"), bulk.incr("n"), bulk.incr("n")],
            bulk.get_as::<String>("text"),
        );
        assert_eq!(bulk.len(), 7);
        let (set, refused, rejected, counts, text) = within(bulk.send(handles)).await;
        set.unwrap_or_else(|error| panic!("{name}: {error}"));
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Server, "{name}: {refused}");
        assert_eq!(refused.command(), Some("INCR"), "{name}");
        let rejected = rejected.unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::Argument, "{name}: {rejected}");
        assert_not_sent(&rejected);
        assert_eq!(counts.map(Result::unwrap), [1, 2, 3], "{name}");
        assert_eq!(text.unwrap().as_deref(), Some("no number"), "{name}");
    }
}

#[tokio::test]
async fn a_command_that_the_transport_cannot_carry_fails_alone() {
    let (_gateway, client) = connected().await;
    let bulk = client.bulk();
    let handles = (bulk.set("a", &[0xff_u8][..]), bulk.incr("n"), bulk.incr(""));
    let (refused, n, empty) = within(bulk.send(handles)).await;
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("UTF-8"), "{refused}");
    assert_not_sent(&refused);
    assert_eq!(n.unwrap(), 1);
    assert_eq!(empty.unwrap_err().kind(), ErrorKind::Argument);
}

#[tokio::test]
async fn nothing_is_sent_with_a_handle_of_another_bulk() {
    let (gateway, client) = connected().await;
    let foreign = client.bulk().incr("n");
    let bulk = client.bulk();
    let own = bulk.incr("n");
    let (own, foreign) = within(bulk.send((own, foreign))).await;
    assert_not_sent(&own.unwrap_err());
    assert_eq!(foreign.unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(gateway.executions("INCR"), 0);
}

#[tokio::test]
async fn a_bulk_may_be_larger_than_the_budget_and_keeps_the_order_of_a_key() {
    for fails in [false, true] {
        let (_gateway, client) =
            connected_with(|options| options.max_in_flight(8).fail_when_full(fails)).await;
        let bulk = client.bulk();
        let handles: Vec<_> = (0..2000).map(|_| bulk.incr("n")).collect();
        for (at, count) in (1..).zip(within(bulk.send(handles)).await) {
            assert_eq!(count.unwrap(), at);
        }
        assert_eq!(client.stats().in_flight_bytes, 0);
    }
}

#[tokio::test]
async fn a_bulk_leaves_capacity_to_other_tasks() {
    let (gateway, client) =
        connected_with(|options| options.max_in_flight(8).fail_when_full(true)).await;
    let hold = gateway.faults().hold("INCR");
    let bulk = client.bulk();
    let handles: Vec<_> = (0..100).map(|_| bulk.incr("n")).collect();
    let sending = tokio::spawn(bulk.send(handles));
    within(hold.reached(4)).await;
    let others = (0..4).map(|_| client.get("k"));
    let others = futures_util::future::join_all(others);
    let (others, ()) = within(async { tokio::join!(others, async { hold.release() }) }).await;
    for other in others {
        assert_eq!(other.unwrap(), None);
    }
    let counts = within(sending).await.unwrap();
    assert_eq!(counts.into_iter().map(Result::unwrap).max(), Some(100));
}

#[tokio::test]
async fn dropping_a_bulk_withdraws_what_was_not_sent() {
    let (gateway, client) = connected_with(|options| options.max_in_flight(8)).await;
    let hold = gateway.faults().hold("INCR");
    let bulk = client.bulk();
    let handles: Vec<_> = (0..100).map(|_| bulk.incr("n")).collect();
    let sending = tokio::spawn(bulk.send(handles));
    within(hold.reached(4)).await;
    sending.abort();
    assert!(within(sending).await.unwrap_err().is_cancelled());
    hold.release();
    assert_eq!(within(client.incr("n")).await.unwrap(), 5);
    assert_eq!(client.stats().in_flight_bytes, 0);
}

#[tokio::test]
async fn the_timeout_of_each_command_starts_when_it_is_sent() {
    let (gateway, client) = connected_with(|options| options.max_in_flight(2)).await;
    gateway.faults().delay("INCR", Duration::from_millis(20));
    let bulk = client.bulk().timeout(Duration::from_secs(1));
    let handles: Vec<_> = (0..75).map(|_| bulk.incr("n")).collect();
    let started = Instant::now();
    // 75 commands of 20 ms, one at a time.
    for count in within_secs(20, bulk.send(handles)).await {
        count.unwrap();
    }
    assert!(
        started.elapsed() > Duration::from_secs(1),
        "a timeout of the whole would not show"
    );

    let _freeze = gateway.faults().freeze();
    let bulk = client.bulk().timeout(Duration::from_millis(50));
    let handles = [bulk.incr("n")];
    let [error] = within(bulk.send(handles)).await.map(Result::unwrap_err);
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
}

#[tokio::test]
async fn a_lost_connection_concerns_only_the_commands_in_flight() {
    let (gateway, client) = connected_with(|options| options.max_in_flight(8)).await;
    let faults: Faults = gateway.faults();
    faults.cut_after("APPEND");
    let bulk = client.bulk();
    let before: Vec<_> = (0..50).map(|n| bulk.incr(format!("before:{n}"))).collect();
    let cut = bulk.append("text", "x");
    let read = bulk.get("text");
    let after: Vec<_> = (0..50).map(|n| bulk.incr(format!("after:{n}"))).collect();
    let (before, cut, read, after) = within(bulk.send((before, cut, read, after))).await;
    assert_eq!(cut.unwrap_err().outcome(), Some(Outcome::MayHaveRun));
    assert_eq!(
        read.unwrap().as_deref(),
        Some(b"x".as_slice()),
        "reads are resent"
    );
    let errors: Vec<_> = before
        .into_iter()
        .chain(after)
        .filter_map(Result::err)
        .collect();
    // Of the four in flight, one is APPEND.
    assert!(errors.len() <= 3, "{errors:?}");
    for error in &errors {
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    }
    assert_eq!(faults.executions("APPEND"), 1);
    assert!(faults.executions("INCR") >= 97);
}

#[tokio::test]
async fn an_unreachable_server_ends_the_whole_bulk_after_the_request_timeout() {
    let (_gateway, mut proxy, client) = behind_a_proxy().await;
    proxy.stop().await;
    within(client.watch_state().reached(State::Reconnecting)).await;
    let bulk = client.bulk().timeout(Duration::from_secs(3600));
    let handles: Vec<_> = (0..10_000).map(|n| bulk.set(format!("k:{n}"), n)).collect();
    for reply in within(bulk.send(handles)).await {
        let error = reply.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert_not_sent(&error);
    }
    assert_eq!(client.stats().in_flight, 0);
}

#[tokio::test]
async fn a_bulk_waits_for_the_next_connection() {
    let (_gateway, mut proxy, client) = behind_a_proxy().await;
    proxy.stop().await;
    within(client.watch_state().reached(State::Reconnecting)).await;
    let bulk = client.bulk();
    let handles: Vec<_> = (0..1000).map(|_| bulk.incr("n")).collect();
    let sending = tokio::spawn(bulk.send(handles));
    proxy.restart().await;
    for (at, count) in (1..).zip(within(sending).await.unwrap()) {
        assert_eq!(count.unwrap(), at);
    }
}

#[tokio::test]
async fn a_bulk_ends_when_the_client_is_closed() {
    let (gateway, client) = connected_with(|options| options.max_in_flight(8)).await;
    let hold = gateway.faults().hold("INCR");
    let bulk = client.bulk();
    let handles: Vec<_> = (0..100).map(|_| bulk.incr("n")).collect();
    let sending = tokio::spawn(bulk.send(handles));
    within(hold.reached(4)).await;
    let closed = within(client.close_within(Duration::ZERO)).await;
    assert_eq!(closed.abandoned, 4);
    let replies = within(sending).await.unwrap();
    let (sent, unsent) = replies.split_at(4);
    for reply in sent {
        assert_eq!(
            reply.as_ref().unwrap_err().outcome(),
            Some(Outcome::MayHaveRun)
        );
    }
    for reply in unsent {
        let error = reply.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert_not_sent(error);
    }
}

#[tokio::test]
async fn a_bulk_uses_as_many_connections_as_a_serial_server_needs() {
    let queue = WriteQueue::new().interval(Duration::from_millis(20));
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = within(builder.write_queue(queue).start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let bulk = client.bulk();
    let handles: Vec<_> = (0..1000)
        .map(|n| {
            (
                bulk.set(format!("k:{}", n % 500), n),
                bulk.get_as::<u32>(format!("k:{}", n % 500)),
            )
        })
        .collect();
    let started = Instant::now();
    // 1,000 writes of 20 ms: 20 s on one connection.
    for (n, (set, get)) in (0..).zip(within_secs(15, bulk.send(handles)).await) {
        set.unwrap();
        assert_eq!(get.unwrap(), Some(n), "in order with the writes of its key");
    }
    let (took, stats) = (started.elapsed(), client.stats().shared);
    assert!(took < Duration::from_secs(5), "{took:?}, {stats:?}");
    assert!(stats.open > 8, "{stats:?}");
}

#[tokio::test]
async fn connections_lost_from_a_pool_concern_only_their_own_commands() {
    const KEYS: usize = 1000;
    let queue = WriteQueue::new().interval(Duration::from_millis(50));
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = within(builder.write_queue(queue).start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let bulk = client.bulk();
    let handles: Vec<_> = (0..KEYS).map(|n| bulk.incr(format!("k:{n}"))).collect();
    let sending = tokio::spawn(bulk.send(handles));
    let several = async {
        while client.stats().shared.open < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // On a busy machine, the client finds out later that the server is serial.
    within_secs(15, several).await;
    for _ in 0..3 {
        gateway.faults().cut_after("INCR");
    }
    // 1,000 writes of 50 ms over some connections.
    let counts = within_secs(30, sending).await.unwrap();
    let reads = client.bulk();
    let handles: Vec<_> = (0..KEYS)
        .map(|n| reads.get_as::<i64>(format!("k:{n}")))
        .collect();
    let values = within(reads.send(handles)).await;
    let mut lost = 0;
    for (count, value) in counts.into_iter().zip(values) {
        let value = value.unwrap().unwrap_or(0);
        match count {
            Ok(count) => assert_eq!((count, value), (1, 1)),
            Err(error) => {
                assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
                assert!(value <= 1, "ran {value} times");
                lost += 1;
            }
        }
    }
    // Each connection had at most one command in progress and one behind it.
    assert!((3..=6).contains(&lost), "{lost} may have run");
}
