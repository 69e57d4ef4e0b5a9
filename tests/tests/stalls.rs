//! A server that writes replies in fragments with Nagle's algorithm causes no delayed
//! acknowledgments.
//!
//! Each stall takes about 40 ms. The tests allow less than half of the sum of all stalls, and take
//! far less than a second on an idle machine.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use swarm_gateway::Quirk;
use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{UPSTREAM, gateway, within};

#[tokio::test]
async fn a_thousand_gets_over_tcp_do_not_stall() {
    let gateway = gateway(UPSTREAM.with(Quirk::Nagle)).await;
    let client = within(Client::connect(ClientOptions::new(gateway.tcp_url()))).await;
    let client = client.unwrap();
    within(client.set("k", "value")).await.unwrap();
    let begun = Instant::now();
    for _ in 0..1000 {
        let value = within(client.get_as::<String>("k")).await.unwrap();
        assert_eq!(value.as_deref(), Some("value"));
    }
    let took = begun.elapsed();
    println!("1,000 sequential GETs over TCP: {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn pipelines_over_websocket_do_not_stall() {
    let gateway = gateway(UPSTREAM.with(Quirk::Nagle)).await;
    let client = within(Client::connect(ClientOptions::new(gateway.ws_url()))).await;
    let client = client.unwrap();
    within(client.set("k", "value")).await.unwrap();
    let begun = Instant::now();
    for _ in 0..250 {
        let pipeline = client.pipeline();
        let values: Vec<_> = (0..20).map(|_| pipeline.get_as::<String>("k")).collect();
        for value in within(pipeline.send(values)).await {
            assert_eq!(value.unwrap().as_deref(), Some("value"));
        }
    }
    let took = begun.elapsed();
    println!("250 pipelines of 20 GETs over WebSocket: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}
