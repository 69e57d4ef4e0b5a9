//! A dead-letter stream: orders that cannot be billed are set aside with the reason, corrected, and
//! added again.
//!
//! Run it: `cargo run --example dead_letters`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Consumer, DeadLetter, Delivery, StopHandle};

const ORDERS: &str = "example:dead:orders";
const DEAD: &str = "example:dead:letters";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del([ORDERS, DEAD]).await?;
    for (item, count) in [("tea", "2"), ("milk", "a dozen"), ("", "1")] {
        client
            .xadd(ORDERS, [("item", item), ("count", count)])
            .await?;
    }

    // The worker goes on with other orders while it retries one, and gives up on an order after its
    // third delivery. A crash of the worker counts as a delivery, too, so an order that crashes it
    // cannot block the queue.
    let worker = client
        .consumer("billing", "worker-1", ORDERS)
        .max_deliveries(3)
        .dead_letter(DEAD)
        .build()?;
    let letters = collect(&client, 2, worker.stop_handle());
    let ((), letters) = tokio::try_join!(work(worker), letters)?;
    println!(
        "pending: {}",
        client.xpending(ORDERS, "billing").await?.count
    );

    println!("\ndead letters:");
    for letter in letters {
        let DeadLetter {
            deliveries, error, ..
        } = &letter;
        let reason = error.as_deref().unwrap_or("no reason");
        println!("  deliveries: {deliveries}; {reason}");
        // Adds an order again once its mistake is corrected. The other order is lost anyway.
        let mut fields = letter.fields;
        let wrong = fields.iter_mut().find(|(_, value)| value == "a dozen");
        if let Some((_, count)) = wrong {
            *count = "12".into();
            client.xadd(letter.stream, fields).await?;
        }
    }

    println!("\nonce more:");
    let mut worker = client.consumer("billing", "worker-1", ORDERS).build()?;
    bill(worker.next().await.context("stopped")??).await?;

    client.del([ORDERS, DEAD]).await?;
    client.close().await;
    Ok(())
}

/// Bills orders until the worker is stopped.
async fn work(mut worker: Consumer) -> Result<()> {
    while let Some(order) = worker.next().await {
        bill(order?).await?;
    }
    Ok(())
}

async fn bill(order: Delivery) -> Result<()> {
    let item: String = order.fields.get_as("item")?.context("no item")?;
    if item.is_empty() {
        // No retry can help.
        println!("an order without an item");
        order.dead_letter("no item").await?;
        return Ok(());
    }
    match order.fields.get_as::<u32>("count") {
        Ok(count) => {
            println!("billed: {} × {item}", count.context("no count")?);
            order.ack().await?;
        }
        Err(error) => {
            println!("{item}, delivery {}: not a number", order.delivered);
            order.nack_with(Duration::from_millis(50), error);
        }
    }
    Ok(())
}

/// Collects dead letters as they arrive, then stops the worker. A service would alert someone.
async fn collect(client: &Client, count: usize, worker: StopHandle) -> Result<Vec<DeadLetter>> {
    let mut dead = client.consumer("on-call", "ann", DEAD).build()?;
    let mut letters = Vec::new();
    while letters.len() < count {
        let entry = dead.next().await.context("stopped")??;
        letters.push(DeadLetter::from_fields(&entry.fields).context("not a dead letter")?);
        entry.ack().await?;
    }
    worker.stop();
    Ok(letters)
}
