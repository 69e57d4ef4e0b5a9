//! The server stops and comes back: connection states, and what happens to commands in the
//! meantime.
//!
//! Run it: `cargo run --example reconnect`

use std::time::Duration;

use anyhow::Result;
use swarm_examples::{Server, address};
use swarm_keydb::{Client, ClientOptions, State};

const VISITS: &str = "example:reconnect:visits";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let gateway = server.gateway_in_front()?.start().await?;
    let options =
        ClientOptions::new(gateway.ws_url()).reconnect_base_delay(Duration::from_millis(20));
    let client = Client::connect(options).await?;
    client.del(VISITS).await?;
    let mut states = client.watch_state();
    println!("state: {:?}", states.get());

    println!("the gateway stops");
    let place = address(gateway.ws_url()).to_owned();
    gateway.shutdown().await;
    states.reached(State::Reconnecting).await;
    println!("state: {:?}", states.get());

    // A command waits for the new connection until its timeout, 10 s by default. A command that was
    // never sent runs once.
    let waiting = tokio::spawn(client.incr(VISITS));
    println!("the gateway starts, at the same address");
    let gateway = server.gateway_in_front()?.ws(place).start().await?;
    states.reached(State::Connected).await;
    println!("state: {:?}", states.get());
    println!("the INCR that waited: {}", waiting.await??);

    // The server runs the command, but the connection breaks before the reply. The client retries
    // read-only commands ...
    gateway.faults().cut_after("GET");
    let visits: Option<i64> = client.get_as(VISITS).await?;
    println!(
        "a GET whose reply was lost: {visits:?}, executed {} times",
        gateway.executions("GET")
    );

    // ... but not a write, which would count twice. The error says that it may have run.
    gateway.faults().cut_after("INCR");
    let error = client.incr(VISITS).await.unwrap_err();
    println!("an INCR whose reply was lost: {:?}", error.outcome());
    println!(
        "the counter says: {:?}",
        client.get_as::<i64>(VISITS).await?
    );
    println!("reconnects: {}", client.stats().reconnects);

    client.del(VISITS).await?;
    client.close().await;
    println!("state: {:?}", client.state());
    gateway.shutdown().await;
    Ok(())
}
