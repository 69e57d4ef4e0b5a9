//! Replies that do not match their requests: heartbeats and lease checks detect them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use swarm_gateway::{Faults, Gateway, Quirk};
use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{Redis, UPSTREAM, gateway, within};
use tokio::task::JoinSet;

/// Number of tasks that use the same connection.
const TASKS: usize = 16;

async fn client(url: &str, options: impl FnOnce(ClientOptions) -> ClientOptions) -> Client {
    let fast = ClientOptions::new(url)
        .inactivity_timeout(Duration::from_millis(200))
        .heartbeat_interval(Duration::from_millis(100))
        .reconnect_base_delay(Duration::from_millis(1));
    within(Client::connect(options(fast))).await.unwrap()
}

/// Returns a gateway without write queue for each listener with sessions.
async fn each_door() -> [(Gateway, fn(&Gateway) -> &str); 2] {
    let dialect = UPSTREAM.without(Quirk::WriteQueue);
    [
        (gateway(dialect).await, Gateway::ws_url),
        (gateway(dialect).await, Gateway::tcp_url),
    ]
}

/// Waits until the client has reconnected `times` times.
async fn reconnected(client: &Client, times: u64) {
    while client.stats().reconnects < times {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Injects a fault and waits until the client has replaced the connection. Panics if more than one
/// heartbeat was sent after the fault; an earlier one may have been in flight.
async fn replaced_within_one_heartbeat(gateway: &Gateway, client: &Client, fault: fn(&Faults)) {
    let reconnects = client.stats().reconnects;
    let before = gateway.executions("PING");
    fault(&gateway.faults());
    within(reconnected(client, reconnects + 1)).await;
    let heartbeats = gateway.executions("PING") - before;
    assert!(heartbeats <= 2, "{heartbeats} heartbeats");
}

#[tokio::test]
async fn a_heartbeat_detects_that_an_idle_connection_is_shifted() {
    for (gateway, url) in each_door().await {
        let client = client(url(&gateway), |options| options).await;
        gateway.faults().surplus_reply("ECHO");
        assert_eq!(within(client.echo("before")).await.unwrap(), "before");
        replaced_within_one_heartbeat(&gateway, &client, |_| {}).await;
        for _ in 0..3 {
            assert_eq!(within(client.echo("behind")).await.unwrap(), "behind");
        }
        assert_eq!(client.stats().reconnects, 1);
    }
}

/// Until the heartbeat, tasks may receive foreign replies, because nothing distinguishes them. None
/// does afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_detects_that_a_busy_connection_is_shifted() {
    for fault in [
        (|faults| drop(faults.surplus_reply("ECHO"))) as fn(&Faults),
        |faults| drop(faults.missing_reply("ECHO")),
    ] {
        for (gateway, url) in each_door().await {
            let client = client(url(&gateway), |options| options).await;
            let (stop, own) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
            let foreign = Arc::<AtomicU64>::default();
            let mut tasks = JoinSet::new();
            for task in 0..TASKS {
                let (client, stop) = (client.clone(), Arc::clone(&stop));
                let (own, foreign) = (Arc::clone(&own), Arc::clone(&foreign));
                tasks.spawn(async move {
                    for turn in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let mine = format!("{task}-{turn}");
                        if let Ok(reply) = client.echo(&mine).await {
                            let counter = if reply == mine { &own } else { &foreign };
                            counter.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            let go_on = || async {
                let before = own.load(Ordering::Relaxed);
                while own.load(Ordering::Relaxed) < before + 100 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            within(go_on()).await;
            assert_eq!(foreign.load(Ordering::Relaxed), 0);
            replaced_within_one_heartbeat(&gateway, &client, fault).await;
            // Replies of the ended connection have been received before.
            within(go_on()).await;
            let known = foreign.load(Ordering::Relaxed);
            within(go_on()).await;
            assert_eq!(foreign.load(Ordering::Relaxed), known);
            assert_eq!(client.stats().reconnects, 1);
            stop.store(true, Ordering::Relaxed);
            while let Some(task) = within(tasks.join_next()).await {
                task.unwrap();
            }
        }
    }
}

/// Returns the ID of the connection that the next lease uses.
async fn lease_id(client: &Client) -> i64 {
    let own = within(client.exclusive()).await.unwrap();
    within(own.client_id()).await.unwrap()
}

#[tokio::test]
async fn a_leased_connection_that_is_shifted_does_not_go_back_into_the_pool() {
    for (gateway, url) in each_door().await {
        let client = client(url(&gateway), |options| {
            options
                .max_dedicated_connections(1)
                .heartbeat_interval(Duration::MAX)
        })
        .await;
        let first = lease_id(&client).await;
        assert_eq!(lease_id(&client).await, first, "it is used again");

        let own = within(client.exclusive()).await.unwrap();
        gateway.faults().surplus_reply("ECHO");
        assert_eq!(within(own.echo("x")).await.unwrap(), "x");
        drop(own);
        let second = lease_id(&client).await;
        assert_ne!(second, first);
        assert_eq!(lease_id(&client).await, second);
    }
}

#[tokio::test]
async fn the_next_lease_waits_until_a_connection_is_checked() {
    let (gateway, url) = {
        let [ws, _] = each_door().await;
        ws
    };
    let client = client(url(&gateway), |options| {
        options
            .max_dedicated_connections(2)
            .heartbeat_interval(Duration::MAX)
    })
    .await;
    let own = within(client.exclusive()).await.unwrap();
    let first = within(own.client_id()).await.unwrap();
    let hold = gateway.faults().hold("PING");
    drop(own);
    within(hold.reached(1)).await;
    // Nobody waits for the check, and its permit is still in use.
    assert_eq!(client.stats().dedicated.in_use, 1);
    let next = tokio::spawn({
        let client = client.clone();
        async move { lease_id(&client).await }
    });
    within(async {
        while client.stats().dedicated.in_use < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    hold.release();
    assert_eq!(within(next).await.unwrap(), first, "it did not dial");

    // A connection that does not answer the check is closed.
    let own = within(client.exclusive()).await.unwrap();
    assert_eq!(within(own.client_id()).await.unwrap(), first);
    let _hold = gateway.faults().hold("PING");
    drop(own);
    assert_ne!(lease_id(&client).await, first);
}

#[tokio::test]
async fn on_redis_leased_connections_are_not_checked() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let client = client(&redis.url(), |options| {
        options.heartbeat_interval(Duration::MAX)
    })
    .await;
    let first = lease_id(&client).await;
    for _ in 0..10 {
        assert_eq!(lease_id(&client).await, first);
    }
    let info = within(client.raw("INFO", ["commandstats"])).await.unwrap();
    let info = String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned();
    assert!(info.contains("cmdstat_client"), "{info}");
    assert!(!info.contains("cmdstat_ping"), "{info}");
}
