//! Counters that many tasks count at once, and a rate limit made of them. Run it: `cargo run --example counters`

use std::time::Duration;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, prelude::*};

const VISITS: &str = "example:counters:visits";
const STOCK: &str = "example:counters:stock";
const NAME: &str = "example:counters:name";
const MINUTE: &str = "example:counters:requests:ann:12-30";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del([VISITS, STOCK, NAME, MINUTE]).await?;

    // A clone is a handle of the same connection: cheap, and made for this.
    let tasks: Vec<_> = (0..8)
        .map(|_| tokio::spawn(count(client.clone(), 100)))
        .collect();
    for task in tasks {
        task.await??;
    }
    let visits: Option<u64> = client.get_as(VISITS).await?;
    println!("8 tasks counted to 100 each: {visits:?}");

    println!("stock: {}", client.incrby(STOCK, 50).await?);
    println!("one sold: {}", client.decr(STOCK).await?);
    println!("a dozen sold: {}", client.decrby(STOCK, 12).await?);

    // The server refuses to count what is no number. The error carries its answer.
    client.set(NAME, "ann").await?;
    let error = client.incr(NAME).await.unwrap_err();
    println!("a name is no number: {error}");
    println!("the command did not run: {:?}", error.outcome());

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

/// Whether another request of this minute is within `limit`. Counting and forgetting are one step: were the program to
/// end between them, the count would stay for ever.
async fn allowed(client: &Client, minute: &str, limit: i64) -> swarm_keydb::Result<bool> {
    let tx = client.transaction();
    let handles = (tx.incr(minute), tx.expire(minute, Duration::from_secs(60)));
    let (requests, expires) = tx.exec(handles).await?;
    expires?;
    Ok(requests? <= limit)
}
