//! Counters that many tasks increment, and a rate limiter built on one.
//!
//! `INCR` is atomic between clients on Redis, Valkey and KeyDB. SwarmKeyDb loses increments when
//! several connections count on one key at once; there, only one client (this one, with all its
//! tasks) may count on a key.
//!
//! Run it: `cargo run --example counters`

use std::time::Duration;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::Client;

const VISITS: &str = "example:counters:visits";
const STOCK: &str = "example:counters:stock";
const NAME: &str = "example:counters:name";
const MINUTE: &str = "example:counters:requests:ann:12-30";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del([VISITS, STOCK, NAME, MINUTE]).await?;

    // Clones are one client, whose commands on one key reach the server in order: no increment is
    // lost.
    let tasks: Vec<_> = (0..8)
        .map(|_| tokio::spawn(count(client.clone(), 5)))
        .collect();
    for task in tasks {
        task.await??;
    }
    let visits: Option<u64> = client.get_as(VISITS).await?;
    println!("8 tasks counted to 5 each: {visits:?}");

    println!("stock: {}", client.incrby(STOCK, 50).await?);
    println!("one sold: {}", client.decr(STOCK).await?);
    println!("a dozen sold: {}", client.decrby(STOCK, 12).await?);

    // The server refuses to increment a value that is not a number. The error carries the server's
    // reply.
    client.set(NAME, "ann").await?;
    let error = client.incr(NAME).await.unwrap_err();
    println!("a name is not a number: {error}");
    println!("outcome: {:?}", error.outcome());

    for request in 1..=5 {
        let verdict = if allowed(&client, MINUTE, 3).await? {
            "served"
        } else {
            "refused"
        };
        println!("request {request}: {verdict}");
    }

    client.del([VISITS, STOCK, NAME, MINUTE]).await?;
    client.close().await;
    Ok(())
}

async fn count(client: Client, times: usize) -> swarm_keydb::Result<()> {
    for _ in 0..times {
        client.incr(VISITS).await?;
    }
    Ok(())
}

/// Returns whether another request in this minute is within `limit`. `INCR` and `EXPIRE` travel in
/// one transaction, so a program that crashes between them does not leave a counter that never
/// expires.
async fn allowed(client: &Client, minute: &str, limit: i64) -> swarm_keydb::Result<bool> {
    let tx = client.transaction();
    let handles = (tx.incr(minute), tx.expire(minute, Duration::from_secs(60)));
    let (requests, expires) = tx.exec(handles).await?;
    expires?;
    Ok(requests? <= limit)
}
