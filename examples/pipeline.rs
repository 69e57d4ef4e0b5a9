//! Pipelines: many commands for one round trip, each with its own typed result.
//!
//! Run it: `cargo run --example pipeline`

use std::time::Instant;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::Client;

const NAME: &str = "example:pipeline:name";
const VISITS: &str = "example:pipeline:visits";
const COMMANDS: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    let keys: Vec<String> = (0..COMMANDS)
        .map(|n| format!("example:pipeline:{n}"))
        .collect();
    client.del([NAME, VISITS]).await?;

    // A pipeline has the client's commands. Each returns a handle, and `send` turns handles into
    // typed replies.
    let pipeline = client.pipeline();
    let handles = (
        pipeline.set(NAME, "ann"),
        pipeline.incrby(VISITS, 41),
        pipeline.incr(VISITS),
        pipeline.get_as::<String>(NAME),
    );
    let (set, _, visits, name) = pipeline.send(handles).await;
    set?;
    println!("visits = {}, name = {:?}", visits?, name?);

    // A command that fails does not stop the others.
    let pipeline = client.pipeline();
    let handles = [
        pipeline.incr(VISITS),
        pipeline.incr(NAME),
        pipeline.incr(VISITS),
    ];
    for (n, result) in pipeline.send(handles).await.iter().enumerate() {
        match result {
            Ok(value) => println!("command {n}: {value}"),
            Err(error) => println!("command {n}: {error}"),
        }
    }

    // One by one, each command waits for the reply to the previous one. A pipeline waits once.
    // (Writes are different on SwarmKeyDb as shipped: it takes 0.1 s for each write of a
    // connection, pipelined or not.)
    let start = Instant::now();
    for (n, key) in keys.iter().enumerate() {
        client.set(key, n).await?;
    }
    println!("{COMMANDS} SETs, one by one:     {:.1?}", start.elapsed());
    let start = Instant::now();
    let pipeline = client.pipeline();
    let handles: Vec<_> = keys
        .iter()
        .map(|key| pipeline.get_as::<usize>(key))
        .collect();
    let values = pipeline.send(handles).await;
    println!("{COMMANDS} GETs, in one pipeline: {:.1?}", start.elapsed());
    let sum: usize = values
        .into_iter()
        .filter_map(|value| value.ok().flatten())
        .sum();
    println!("their sum: {sum}");

    // Handles that are not needed can be dropped; `send_raw` returns the replies in order.
    let pipeline = client.pipeline();
    for key in &keys {
        let _ = pipeline.del(key);
    }
    let replies = pipeline.send_raw().await;
    let removed = replies.iter().filter(|reply| reply.is_ok()).count();
    println!("removed {removed}");

    client.del([NAME, VISITS]).await?;
    client.close().await;
    Ok(())
}
