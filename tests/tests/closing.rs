//! Closing a client within a time limit, and the state afterwards.

use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome, State};
use swarm_tests::{connected, within};

#[tokio::test]
async fn what_is_answered_in_time_is_no_loss() {
    let (gateway, client) = connected().await;
    let hold = gateway.faults().hold("SET");
    let write = tokio::spawn(client.set("k", "v"));
    within(hold.reached(1)).await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close_within(Duration::from_secs(30)).await }
    });
    hold.release();
    within(write).await.unwrap().unwrap();
    assert!(within(closing).await.unwrap().is_complete());
}

#[tokio::test]
async fn close_within_fails_unanswered_commands_with_their_outcome() {
    let (gateway, client) = connected().await;
    let _hold = gateway.faults().hold("INCR");
    let sent = tokio::spawn(client.incr("n"));
    within(_hold.reached(1)).await;
    // HELLO must be alone on the connection, so it waits for the other command.
    let unsent = tokio::spawn(client.hello());
    let other = client.clone();
    let start = Instant::now();
    let closed = within(client.close_within(Duration::from_millis(200))).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200), "took {took:?}");
    assert_eq!(closed.abandoned, 2);
    for (call, outcome) in [
        (
            within(sent).await.unwrap().unwrap_err(),
            Outcome::MayHaveRun,
        ),
        (within(unsent).await.unwrap().unwrap_err(), Outcome::NotSent),
    ] {
        assert_eq!(call.kind(), ErrorKind::Closed, "{call}");
        assert_eq!(call.outcome(), Some(outcome), "{call}");
        assert!(!call.is_retryable());
    }
    let late = within(other.get("k")).await.unwrap_err();
    assert_eq!(
        (late.kind(), late.outcome()),
        (ErrorKind::Closed, Some(Outcome::NotSent))
    );
    assert_eq!(other.state(), State::Closed);
    assert_eq!(
        within(other.close_within(Duration::ZERO)).await.abandoned,
        2
    );
    assert_eq!(gateway.executions("HELLO"), 1, "only the handshake's");
}

#[tokio::test]
async fn the_earliest_close_deadline_wins() {
    let (gateway, client) = connected().await;
    let _hold = gateway.faults().hold("INCR");
    let call = tokio::spawn(client.incr("n"));
    within(_hold.reached(1)).await;
    let patient = tokio::spawn({
        let client = client.clone();
        async move { client.close().await }
    });
    assert_eq!(
        within(client.close_within(Duration::ZERO)).await.abandoned,
        1
    );
    within(patient).await.unwrap();
    assert_eq!(
        within(call).await.unwrap().unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[tokio::test]
async fn without_a_server_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::connect_lazy(ClientOptions::new(url)).unwrap();
    let call = tokio::spawn(client.incr("n"));
    tokio::task::yield_now().await;
    assert_eq!(
        within(client.close_within(Duration::from_millis(50)))
            .await
            .abandoned,
        1
    );
    assert_eq!(
        within(call).await.unwrap().unwrap_err().outcome(),
        Some(Outcome::NotSent)
    );
}

/// The server has its own runtime, so every task here belongs to the client.
#[test]
fn closed_or_dropped_clients_leave_no_tasks() {
    let server = tokio::runtime::Runtime::new().unwrap();
    let gateway = server.block_on(swarm_gateway::test()).unwrap();
    for url in [gateway.ws_url(), gateway.tcp_url(), gateway.http_url()] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks = || {
                tokio::runtime::Handle::current()
                    .metrics()
                    .num_alive_tasks()
            };
            for closes in [true, false] {
                let client = within(Client::connect(url)).await.unwrap();
                within(client.set("k", "v")).await.unwrap();
                let other = client.clone();
                assert!(tasks() > 0, "{url}: who does the work?");
                drop(client);
                within(other.ping()).await.unwrap();
                if closes {
                    within(other.close()).await;
                }
                drop(other);
                within(async {
                    while tasks() > 0 {
                        tokio::task::yield_now().await;
                    }
                })
                .await;
            }
        });
    }
}

/// The client's tasks run in the runtime that created it, whoever calls, and end with that runtime.
#[test]
fn a_client_ends_with_its_own_runtime_and_not_with_a_callers() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (server, own, other) = (runtime(), runtime(), runtime());
    let gateway = server.block_on(swarm_gateway::test()).unwrap();
    let client = own
        .block_on(within(Client::connect(gateway.ws_url())))
        .unwrap();
    let (mut news, exclusive) = other.block_on(async {
        let news = within(client.subscribe("news")).await.unwrap();
        (news, within(client.exclusive()).await.unwrap())
    });
    drop(other);
    own.block_on(async {
        within(exclusive.set("k", "v")).await.unwrap();
        within(client.publish("news", "still here")).await.unwrap();
        within(news.next()).await.unwrap().unwrap();
    });
    drop(own);
    let late = server.block_on(within(client.get("k"))).unwrap_err();
    assert_eq!(
        (late.kind(), late.outcome()),
        (ErrorKind::Connection, Some(Outcome::NotSent))
    );
    assert!(late.to_string().contains("runtime"), "{late}");
    let late = server.block_on(within(client.exclusive())).unwrap_err();
    assert!(late.to_string().contains("runtime"), "{late}");
    assert!(Client::connect_lazy(gateway.ws_url()).is_err(), "no panic");
}
