//! A queue of work: consumers of a group share a stream, one of them dies, and nothing is lost. Run it:
//! `cargo run --example consumer_group`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Delivery, prelude::*};

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

    // The first worker takes two. One it finishes, over the other it dies: what is not acknowledged stays pending.
    let mut worker = client
        .consumer("billing", "worker-1", ORDERS)
        .count(2)
        .build()?;
    let first = worker.next().await.context("stopped")??;
    println!("worker-1: {}", bill(&first)?);
    first.ack().await?;
    let second = worker.next().await.context("stopped")??;
    println!(
        "worker-1 dies over {:?}",
        second.fields.get_as::<String>("item")?
    );
    drop((second, worker));
    println!(
        "pending: {}",
        client.xpending(ORDERS, "billing").await?.count
    );
    server.pass(Duration::from_millis(100)).await;

    // Another takes over what nobody has acknowledged for too long, and goes on with what is new.
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
            // In order: nothing more is read, and what was handed out may be finished.
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

/// The work. It may be done twice for one entry (the worker may die between the work and its acknowledgement), so in earnest it
/// says by the entry's ID that it was done.
fn bill(order: &Delivery) -> Result<String> {
    let item: String = order.fields.get_as("item")?.context("no item")?;
    let count: u32 = order.fields.get_as("count")?.context("no count")?;
    Ok(format!("{count} × {item}"))
}
