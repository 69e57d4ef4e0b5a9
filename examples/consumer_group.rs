//! A work queue: the consumers of a group share a stream, and one takes over the work of a crashed
//! one.
//!
//! Run it: `cargo run --example consumer_group`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Delivery};

const ORDERS: &str = "example:group:orders";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::with_manual_clock()?;
    let client = Client::connect(server.options()).await?;
    client.del(ORDERS).await?;
    for (item, count) in [("tea", 2), ("milk", 1), ("sugar", 5), ("lemons", 3)] {
        let fields = [("item", item.to_owned()), ("count", count.to_string())];
        client.xadd(ORDERS, fields).await?;
    }

    // The first worker reads two entries and acknowledges one. The other stays pending when the
    // worker crashes.
    let mut worker = client
        .consumer("billing", "worker-1", ORDERS)
        .count(2)
        .build()?;
    let first = worker.next().await.context("stopped")??;
    println!("worker-1: {}", bill(&first)?);
    first.ack().await?;
    let second = worker.next().await.context("stopped")??;
    println!(
        "worker-1 crashes while processing {:?}",
        second.fields.get_as::<String>("item")?
    );
    drop((second, worker));
    println!(
        "pending: {}",
        client.xpending(ORDERS, "billing").await?.count
    );
    server.pass(Duration::from_millis(100)).await;

    // Another worker claims entries that have been pending for longer than `min_idle`, then reads
    // new ones.
    let mut worker = client
        .consumer("billing", "worker-2", ORDERS)
        .min_idle(Duration::from_millis(100))
        .build()?;
    let mut left = 3;
    while let Some(delivery) = worker.next().await {
        let delivery = delivery?;
        println!(
            "worker-2: {} (delivery {})",
            bill(&delivery)?,
            delivery.delivered
        );
        delivery.ack().await?;
        left -= 1;
        if left == 0 {
            // Graceful stop: no more reads; deliveries already handed out can still be
            // acknowledged.
            worker.stop();
        }
    }
    println!(
        "pending: {}",
        client.xpending(ORDERS, "billing").await?.count
    );

    client.del(ORDERS).await?;
    client.close().await;
    Ok(())
}

/// The work. Delivery is at least once (a worker can crash between the work and its
/// acknowledgement), so real work should be idempotent, for example by recording the entry's ID.
fn bill(order: &Delivery) -> Result<String> {
    let item: String = order.fields.get_as("item")?.context("no item")?;
    let count: u32 = order.fields.get_as("count")?.context("no count")?;
    Ok(format!("{count} × {item}"))
}
