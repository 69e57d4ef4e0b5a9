//! Calls that are dropped, and connections that are lost.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use swarm_keydb::{Client, ClientOptions, ErrorKind, FallbackScope, HttpFallback, Outcome, State};

use crate::gateway::Gateway;
use crate::time::{pause, soon, spawn};

fn quick(gateway: &Gateway) -> ClientOptions {
    gateway
        .options()
        .reconnect_base_delay(Duration::from_millis(20))
}

/// Each caller gets its own reply, however many others have left.
pub(crate) async fn ten_thousand_cancellations() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let mut answered = 0;
    for n in 0..10_000_u32 {
        let mut dropped = Box::pin(client.echo(format!("dropped {n}")).into_future());
        // Some are dropped before they are sent, some while they are in flight, and some run.
        let polled = poll!(&mut dropped);
        if n % 3 == 0 {
            pause(Duration::ZERO).await;
        }
        if n % 50 == 0 && polled.is_pending() {
            assert_eq!(soon(dropped).await.unwrap(), format!("dropped {n}"));
            answered += 1;
        }
        if n % 100 == 0 {
            let text = format!("kept {n}");
            let reply = soon(client.echo(text.as_str()).into_future())
                .await
                .unwrap();
            assert_eq!(reply, text);
        }
    }
    assert_eq!(answered, 200);
    let calls = (0..100).map(|n| {
        let client = &client;
        async move {
            let reply = client.echo(n).await.unwrap();
            assert_eq!(reply, n.to_string());
        }
    });
    soon(join_all(calls)).await;
    client.close().await;
}

pub(crate) async fn commands_wait_for_a_restart() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    let mut states = client.watch_state();
    gateway.stop().await;
    assert!(soon(states.reached(State::Reconnecting)).await);
    let calls: Vec<_> = (0..20)
        .map(|_| spawn(client.incr("visits").into_future()))
        .collect();
    gateway.start().await;
    let mut counts: Vec<_> = soon(join_all(calls)).await;
    assert!(soon(states.reached(State::Connected)).await);
    counts.sort_by_key(|count| *count.as_ref().unwrap());
    let counts: Vec<_> = counts.into_iter().map(Result::unwrap).collect();
    assert_eq!(counts, (1..=20).collect::<Vec<i64>>());
    assert_eq!(client.stats().reconnects, 1);
    client.close().await;
}

pub(crate) async fn reads_are_retried_and_writes_are_not() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    client.set("visits", 1).await.unwrap();
    let before = gateway.executions("GET").await;
    gateway
        .fault(r#"{"type":"cut_after","command":"GET"}"#)
        .await;
    assert_eq!(
        soon(client.get_as("visits").into_future()).await.unwrap(),
        Some(1)
    );
    assert_eq!(gateway.executions("GET").await, before + 2);
    gateway
        .fault(r#"{"type":"cut_after","command":"INCR"}"#)
        .await;
    let error = soon(client.incr("visits").into_future()).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
    assert_eq!(client.get_as("visits").await.unwrap(), Some(2));
    client.close().await;
}

pub(crate) async fn timeouts_shift_no_reply() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    gateway
        .fault(r#"{"type":"delay","command":"GET","milliseconds":300}"#)
        .await;
    client.set("k", "late").await.unwrap();
    let get = client.get("k").timeout(Duration::from_millis(50));
    let error = soon(get.into_future()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    for n in 0..10 {
        let reply = soon(client.echo(n).into_future()).await.unwrap();
        assert_eq!(reply, n.to_string());
    }
    client.close().await;
}

/// The WebSocket gateway stops, and reads and writes go on over `fetch`.
pub(crate) async fn fallback_over_fetch() {
    let (http, ws) = (Gateway::standard().await, Gateway::front().await);
    let fallback = HttpFallback::new(http.http.as_str()).scope(FallbackScope::GetAndSet);
    let client = Client::connect(quick(&ws).fallback(fallback))
        .await
        .unwrap();
    let mut states = client.watch_state();
    client.set("name", "ann").await.unwrap();
    ws.stop().await;
    assert!(soon(states.reached(State::Fallback)).await);
    let name: Option<String> = soon(client.get_as("name").into_future()).await.unwrap();
    assert_eq!(name.as_deref(), Some("ann"));
    soon(client.set("name", "bob").into_future()).await.unwrap();
    let waits = spawn(client.incr("visits").into_future());
    ws.start().await;
    assert!(soon(states.reached(State::Connected)).await);
    assert_eq!(soon(waits).await.unwrap(), 1);
    let name: Option<String> = client.get_as("name").await.unwrap();
    assert_eq!(name.as_deref(), Some("bob"));
    client.close().await;
}

pub(crate) async fn a_gateway_that_is_down_at_first() {
    let gateway = Gateway::standard().await;
    gateway.stop().await;
    let client = Client::connect_lazy(quick(&gateway)).unwrap();
    let waits = spawn(client.set("early", "bird").into_future());
    pause(Duration::from_millis(100)).await;
    gateway.start().await;
    soon(waits).await.unwrap();
    client.close().await;
}

/// Calls that were sent are answered, and later ones fail.
pub(crate) async fn closing() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let mut calls: Vec<_> = (0..50)
        .map(|_| Box::pin(client.incr("n").into_future()))
        .collect();
    for call in &mut calls {
        assert!(poll!(call).is_pending());
    }
    let (replies, ()) = soon(futures_util::future::join(join_all(calls), client.close())).await;
    for (n, reply) in (1..).zip(replies) {
        assert_eq!(reply.unwrap(), n);
    }
    let error = client.incr("n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    while gateway.connections().await > 0 {
        pause(Duration::from_millis(5)).await;
    }
}
