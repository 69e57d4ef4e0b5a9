//! The server goes away and comes back: what the client says, and what becomes of commands. Run it:
//! `cargo run --example reconnect`

use std::time::Duration;

use anyhow::Result;
use swarm_examples::{Server, address};
use swarm_keydb::{Client, Options, State, prelude::*};

const VISITS: &str = "example:reconnect:visits";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let gateway = server.gateway_in_front()?.start().await?;
    let options = Options::new(gateway.ws_url()).reconnect_base_delay(Duration::from_millis(20));
    let client = Client::connect(options).await?;
    client.del(VISITS).await?;
    let mut states = client.watch_state();
    println!("state: {:?}", states.get());

    println!("the gateway stops");
    let place = address(gateway.ws_url()).to_owned();
    gateway.shutdown().await;
    states.reached(State::Reconnecting).await;
    println!("state: {:?}", states.get());

    // A command waits for the connection until its timeout, 10 s unless told otherwise. One that has not been sent runs once.
    let waiting = tokio::spawn(client.incr(VISITS));
    println!("the gateway starts, at the same address");
    let gateway = server.gateway_in_front()?.ws(place).start().await?;
    states.reached(State::Connected).await;
    println!("state: {:?}", states.get());
    println!("the INCR that waited: {}", waiting.await??);

    // The worst moment: the command has run, and its reply is lost. A command that reads is sent again ...
    gateway.faults().cut_after("GET");
    let visits: Option<i64> = client.get_as(VISITS).await?;
    println!(
        "a GET whose reply was lost: {visits:?}, run {} times",
        gateway.executions("GET")
    );

    // ... and one that writes is not, for it would count twice. Its error says that it may have run.
    gateway.faults().cut_after("INCR");
    let error = client.incr(VISITS).await.unwrap_err();
    println!("an INCR whose reply was lost: {:?}", error.outcome());
    println!(
        "the counter says: {:?}",
        client.get_as::<i64>(VISITS).await?
    );
    println!("made again: {} times", client.stats().reconnects);

    client.del(VISITS).await?;
    client.close().await;
    println!("state: {:?}", client.state());
    gateway.shutdown().await;
    Ok(())
}
