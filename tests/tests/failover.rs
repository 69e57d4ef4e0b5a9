//! Several servers: the one in use is killed again and again, limps, or is replaced.

use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, ErrorKind, Event, State};
use swarm_tests::failover::{Fleet, Gateways, Simulated, Switched, kill_the_active};
use swarm_tests::{within, within_secs};
use swarm_transport::failover::FailoverOptions;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Number of kills: all of them with `cargo xtask failover`.
fn kills(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

fn check(found: &Switched) {
    println!("{found}");
    assert!(found.faults.is_empty(), "{found}: {:#?}", found.faults);
    assert!(found.percentile(99) <= SECOND, "{found}");
    assert!(found.switches.len() >= found.kills, "{found}");
    // Some are killed before all subscriptions are there.
    assert!(
        found.gaps >= found.kills && found.messages > 8 * found.kills,
        "{found}"
    );
    assert!(found.delivered > 64 && found.may_have_run > 0, "{found}");
}

#[tokio::test(start_paused = true)]
async fn killing_the_active_of_three_simulated_servers_doubles_nothing_and_hides_no_gap() {
    let kills = kills("SWARM_FAILOVER_SIMULATED", 100);
    check(&kill_the_active(&mut Simulated::new(3), kills).await);
}

// As many workers as a server and its clients need to run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_active_of_three_gateways_doubles_nothing_and_hides_no_gap() {
    let kills = kills("SWARM_FAILOVER_KILLS", 5);
    let mut gateways = within(Gateways::start(3)).await;
    // Each kill takes some hundred milliseconds.
    let seconds = 30 + 2 * kills as u64;
    check(&within_secs(seconds, kill_the_active(&mut gateways, kills)).await);
}

/// A server that accepts connections and answers handshakes and probes, but no command, is not
/// returned to again and again.
#[tokio::test(start_paused = true)]
async fn a_limping_server_is_left_for_good() {
    for failback in [None, Some(10 * SECOND)] {
        let mut options = FailoverOptions::new();
        if let Some(time) = failback {
            options = options.failback_after(time);
        }
        let fleet = Simulated::new(2).with_options(options);
        let client = fleet.client(ClientOptions::default()).await;
        fleet.limp(0, true);
        let start = Instant::now();
        let (mut failed, mut number) = (0, 0);
        while start.elapsed() < 3600 * SECOND {
            number += 1;
            failed += usize::from(client.incr(format!("k{number}")).await.is_err());
            sleep(SECOND / 10).await;
        }
        let (moves, dials) = (client.stats().moves, fleet.dials());
        println!("failback {failback:?}: {moves} moves, {dials} dials, {failed} failed commands");
        let expected = if failback.is_some() { 2..=25 } else { 1..=1 };
        assert!(expected.contains(&moves), "{moves} moves");
        assert!(
            failed <= 4 * expected.end().to_owned() as usize,
            "{failed} commands failed"
        );
        client.close().await;
    }
}

#[tokio::test]
async fn the_first_gateway_that_works_is_used_and_named() {
    let mut gateways = within(Gateways::start(3)).await;
    within(gateways.kill(0)).await;
    let client = within(Client::connect(&*gateways.urls())).await.unwrap();
    assert_eq!(client.stats().server.as_deref(), Some(&*gateways.name(1)));
    assert_eq!(client.stats().moves, 0);
    within(client.set("k", 1)).await.unwrap();
    // The preferred one is back, but this one works.
    within(gateways.revive(0)).await;
    gateways.get(1).faults().cut();
    within(async { while client.set("k", 2).await.is_err() {} }).await;
    assert_eq!(client.stats().server.as_deref(), Some(&*gateways.name(1)));
    assert_eq!(gateways.get(0).executions("SET"), 0);
}

#[tokio::test]
async fn when_no_server_can_be_reached_the_error_names_all() {
    let mut gateways = within(Gateways::start(2)).await;
    within(gateways.kill(0)).await;
    within(gateways.kill(1)).await;
    let error = within(Client::connect(&*gateways.urls()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let text = error.to_string();
    assert!(text.contains("none of the 2 endpoints"), "{text}");
    for server in 0..2 {
        assert!(text.contains(&gateways.name(server)), "{text}");
    }
}

/// A failback drains: commands in flight end on the previous server, later ones run on the
/// preferred one, and no command fails. What depends on a session ends with a clear error.
#[tokio::test]
async fn a_return_to_the_preferred_server_loses_no_command_and_ends_watches() {
    let mut gateways = within(Gateways::start(2)).await;
    within(gateways.kill(0)).await;
    let options = ClientOptions::new(gateways.urls())
        .failover(|failover| failover.failback_after(Duration::from_millis(300)));
    let client = within(Client::connect(options)).await.unwrap();
    let mut subscription = within(client.subscribe("news")).await.unwrap();
    let mut exclusive = within(client.exclusive()).await.unwrap();
    within(exclusive.watch("k")).await.unwrap();
    let held = gateways.get(1).faults().hold("INCR");
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.incr("slow").await }
    });
    within(held.reached(1)).await;
    let mut states = client.watch_state();
    within(gateways.revive(0)).await;
    let preferred = gateways.name(0);
    within(async {
        while client.stats().server.as_deref() != Some(&*preferred) {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    // The call in flight holds its key, not the others.
    within(client.set("k", 2)).await.unwrap();
    assert!(gateways.get(0).executions("SET") >= 1);
    held.release();
    assert_eq!(within(slow).await.unwrap().unwrap(), 1);
    assert_eq!(gateways.get(1).executions("INCR"), 1);
    assert_eq!(gateways.get(0).executions("INCR"), 0);
    assert_eq!(states.get(), State::Connected);
    assert!(
        tokio::time::timeout(Duration::ZERO, states.changed())
            .await
            .is_err(),
        "there was always a connection"
    );

    let transaction = exclusive.transaction();
    let set = transaction.set("k", 3);
    let error = within(transaction.exec(set)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(
        error.to_string().contains("moved to another server"),
        "{error}"
    );
    let event = within(subscription.next()).await;
    assert_eq!(event.unwrap().unwrap(), Event::Reconnected { gap: true });
    within(client.publish("news", "hello")).await.unwrap();
    let event = within(subscription.next()).await.unwrap().unwrap();
    assert_eq!(event.into_message().unwrap().payload, "hello");
    // Another lease leads to the server in use.
    let written = within(client.transact("k", async |conn| {
        let transaction = conn.transaction();
        let set = transaction.set("k", 4);
        transaction.exec(set).await?
    }));
    written.await.unwrap();
    assert!(gateways.get(0).executions("EXEC") >= 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_fallback_moves_along() {
    let mut gateways = within(Gateways::start(2)).await;
    // Nothing listens for WebSocket.
    let urls = ["ws://127.0.0.1:1/", "ws://127.0.0.1:2/"];
    let http = [0, 1].map(|server| gateways.get(server).http_url().to_owned());
    let options = ClientOptions::from(urls).http_url(http.join(","));
    let client = within(Client::connect(options)).await.unwrap();
    assert_eq!(client.state(), State::Fallback);
    within(client.set("k", 1)).await.unwrap();
    assert_eq!(gateways.get(0).executions("SET"), 1);
    within(gateways.kill(0)).await;
    within(async { while client.set("k", 2).await.is_err() {} }).await;
    assert!(gateways.get(1).executions("SET") >= 1);
    client.close().await;

    let http = [http[0].as_str(), "http://h", "http://h2"].join(" ");
    let error = Client::connect_lazy(ClientOptions::from(urls).http_url(http)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("3 gateways for 2 servers"),
        "{error}"
    );
}
