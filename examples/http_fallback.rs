//! The WebSocket gateway stops, and GET and SET continue over HTTP.
//!
//! Run it: `cargo run --example http_fallback`

use std::time::Duration;

use anyhow::Result;
use swarm_examples::{Server, address};
use swarm_keydb::{Client, ClientOptions, State};

const NAME: &str = "example:fallback:name";
const VISITS: &str = "example:fallback:visits";

#[tokio::main]
async fn main() -> Result<()> {
    // Two gateways in front of one store, so that one can be stopped.
    let server = Server::from_env()?;
    let http = server.gateway_in_front()?.without_ws().start().await?;
    let ws = server.gateway_in_front()?.without_http().start().await?;

    let options = ClientOptions::new(ws.ws_url())
        .http_url(http.http_url())
        .reconnect_base_delay(Duration::from_millis(20));
    let client = Client::connect(options).await?;
    let mut states = client.watch_state();
    client.del([NAME, VISITS]).await?;
    client.set(NAME, "ann").await?;
    println!("{:?}: wrote {NAME}", client.state());

    let place = address(ws.ws_url()).to_owned();
    ws.shutdown().await;
    states.reached(State::Fallback).await;
    println!("{:?}: the WebSocket gateway has stopped", client.state());

    // Nothing changes for the caller. GET and SET go over HTTP, in order.
    println!("read {:?}", client.get_as::<String>(NAME).await?);
    client.set(NAME, "bob").await?;
    println!("wrote {NAME}");

    // By default, other commands wait for the WebSocket until their timeout.
    // `ClientOptions::fallback_scope` sends more of them over HTTP.
    let error = client
        .incr(VISITS)
        .timeout(Duration::from_millis(100))
        .await
        .unwrap_err();
    println!("INCR: {:?}, {:?}", error.kind(), error.outcome());
    let waiting = tokio::spawn(client.incr(VISITS));

    let ws = (server.gateway_in_front()?.without_http())
        .ws(place)
        .start()
        .await?;
    states.reached(State::Connected).await;
    println!("{:?}: the WebSocket gateway is back", client.state());
    println!("the INCR that waited: {}", waiting.await??);
    println!("read {:?}", client.get_as::<String>(NAME).await?);

    client.del([NAME, VISITS]).await?;
    client.close().await;
    ws.shutdown().await;
    Ok(())
}
