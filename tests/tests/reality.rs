//! The properties of the simulation, over real sockets and a faulty gateway.

use std::time::{Duration, Instant};

use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, Outcome, State};
use swarm_tests::{cancel_after, connected_with, free_address, targets, within, within_secs};

/// On every kind of server: 16 tasks make 10,000 calls, about half of which are dropped after a
/// random number of polls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cancellations_shift_no_reply() {
    for target in targets().await {
        let client = target.connect().await;
        let tasks: Vec<_> = (0..16)
            .map(|task| tokio::spawn(cancel_at_random(client.clone(), task)))
            .collect();
        let mut cancelled = 0;
        for task in tasks {
            // Hundreds of calls per task, each of which fails if it times out.
            cancelled += within_secs(60, task)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", target.name));
        }
        assert!(
            cancelled > 1000,
            "{}: only {cancelled} calls were cancelled",
            target.name
        );
        within(client.ping()).await.unwrap();
    }
}

async fn cancel_at_random(client: Client, task: u32) -> u32 {
    let mut cancelled = 0;
    for round in 0..625 {
        let message = format!("{task}/{round}");
        let polls = if fastrand::bool() {
            fastrand::u32(0..3)
        } else {
            u32::MAX
        };
        match cancel_after(polls, client.echo(&message)).await {
            Some(echo) => assert_eq!(echo.unwrap(), message),
            None => cancelled += 1,
        }
    }
    cancelled
}

/// Tasks increment a counter while the connection is cut repeatedly, right after an INCR has run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_repeated_cuts_no_increment_is_doubled() {
    for target in targets().await {
        let Some(gateway) = target.gateway().filter(|_| !target.name.contains("redis")) else {
            continue;
        };
        let name = &target.name;
        let options = target.options.clone();
        let options = options
            .reconnect_base_delay(Duration::from_millis(5))
            .reconnect_max_delay(Duration::from_millis(20));
        let client = within(Client::connect(options)).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|_| tokio::spawn(count_up(client.clone())))
            .collect();
        for _ in 0..20 {
            let before = gateway.executions("INCR");
            gateway.faults().cut_after("INCR");
            within(gateway.faults().executed("INCR", before + 1)).await;
        }
        let (mut acknowledged, mut unknown) = (0, 0);
        for task in tasks {
            // Hundreds of calls per task, each of which fails if it times out.
            let (acked, may_have_run) = within_secs(60, task).await.unwrap();
            acknowledged += acked;
            unknown += may_have_run;
        }
        let count: i64 = within(client.get_as("n")).await.unwrap().unwrap();
        assert!(unknown > 0, "{name}: no cut hit an INCR");
        assert!(
            count >= acknowledged,
            "{name}: {count} counted, {acknowledged} acknowledged"
        );
        assert!(
            count <= acknowledged + unknown,
            "{name}: {count} > {acknowledged} + {unknown}"
        );
        let executions = i64::try_from(gateway.executions("INCR")).unwrap();
        assert_eq!(executions, count, "{name}");
        assert!(client.stats().reconnects > 0, "{name}");
    }
}

/// Returns how many INCRs were acknowledged and how many may have run.
async fn count_up(client: Client) -> (i64, i64) {
    let (mut acknowledged, mut unknown) = (0, 0);
    for _ in 0..500 {
        match client.incr("n").await {
            Ok(_) => acknowledged += 1,
            Err(error) if error.is_timeout() => panic!("{error}"),
            Err(error) => match error.outcome() {
                Some(Outcome::MayHaveRun) => unknown += 1,
                Some(Outcome::NotSent) => {}
                outcome => panic!("{outcome:?}: {error}"),
            },
        }
    }
    (acknowledged, unknown)
}

/// A server that accepts connections but never answers is dropped, and the client reconnects.
#[tokio::test]
async fn a_black_hole_is_detected_and_replaced() {
    let (gateway, client) = connected_with(|options| {
        options
            .request_timeout(Duration::from_millis(200))
            .inactivity_timeout(Duration::from_millis(300))
            .connect_timeout(Duration::from_millis(300))
            .reconnect_base_delay(Duration::from_millis(10))
    })
    .await;
    let mut states = client.watch_state();
    let mute = gateway.faults().freeze();
    let start = Instant::now();
    let error = within(client.incr("n").timeout(Duration::from_millis(100)))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(within(states.reached(State::Reconnecting)).await);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(250), "dropped after {took:?}");
    drop(mute);
    assert!(within(states.reached(State::Connected)).await);
    within(client.ping().timeout(Duration::from_secs(10)))
        .await
        .unwrap();
}

/// The same without traffic, over every transport with sessions.
#[tokio::test]
async fn a_black_hole_is_detected_without_traffic() {
    let url: [fn(&Gateway) -> &str; 2] = [Gateway::ws_url, Gateway::tcp_url];
    for url in url {
        let gateway = swarm_gateway::test().await.unwrap();
        let options = ClientOptions::new(url(&gateway))
            .heartbeat_interval(Duration::from_millis(100))
            .inactivity_timeout(Duration::from_millis(200))
            .connect_timeout(Duration::from_millis(300))
            .reconnect_base_delay(Duration::from_millis(10));
        let client = within(Client::connect(options)).await.unwrap();
        let mut states = client.watch_state();
        // Nothing happens while the server answers.
        within(gateway.faults().executed("PING", 3)).await;
        assert_eq!(client.state(), State::Connected);
        let mute = gateway.faults().freeze();
        assert!(within(states.reached(State::Reconnecting)).await);
        drop(mute);
        assert!(within(states.reached(State::Connected)).await);
    }
}

/// With a server that is down, every call ends by its deadline, and memory stays within the budget.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_calls_to_a_server_that_is_down_end_in_time() {
    let gateway = swarm_gateway::test().await.unwrap();
    let timeout = Duration::from_secs(2);
    let budget = 1 << 20;
    let options = ClientOptions::new(gateway.ws_url())
        .request_timeout(timeout)
        .max_in_flight(1000)
        .max_in_flight_bytes(budget);
    let client = within(Client::connect(options)).await.unwrap();
    let mut states = client.watch_state();
    drop(gateway);
    assert!(within(states.reached(State::Reconnecting)).await);

    let start = Instant::now();
    let value = "x".repeat(4096);
    let tasks: Vec<_> = (0..100_000)
        .map(|n| tokio::spawn(client.set(format!("k{n}"), &value)))
        .collect();
    for task in tasks {
        let error = within(task).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent));
        assert!(
            client.stats().in_flight_bytes <= budget,
            "{:?}",
            client.stats()
        );
    }
    let took = start.elapsed();
    assert!(took < timeout * 5, "took {took:?}");
    let stats = client.stats();
    assert_eq!(
        (stats.in_flight, stats.in_flight_bytes),
        (0, 0),
        "{stats:?}"
    );
}

/// A value larger than the whole budget is sent on its own.
#[tokio::test]
async fn a_value_beyond_the_budget_comes_through() {
    let (_gateway, client) =
        connected_with(|options| options.max_in_flight(10).max_in_flight_bytes(1000)).await;
    let value = "x".repeat(100_000);
    within(client.set("k", &value)).await.unwrap();
    assert_eq!(
        within(client.get_as::<String>("k")).await.unwrap().unwrap(),
        value
    );
}

/// Many clients that lose their server at once reconnect, spread over time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_come_back_to_a_server_that_restarts() {
    let address = free_address().await;
    let builder = Gateway::builder().ws(&address);
    let gateway = within(builder.start()).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(within(Client::connect(gateway.ws_url())).await.unwrap());
    }
    within(gateway.shutdown()).await;
    let builder = Gateway::builder().ws(address);
    let _gateway = within(builder.start()).await.unwrap();
    for client in clients {
        within(client.ping()).await.unwrap();
    }
}
