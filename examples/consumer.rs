//! A consumer of a group: work that is shared, survives a crash, and is done once. Run it: `cargo run --example consumer`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, prelude::*};

const ORDERS: &str = "example:consumer:orders";
const GROUP: &str = "billing";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del(ORDERS).await?;
    for item in ["tea", "milk", "sugar"] {
        client.xadd(ORDERS, [("item", item)]).await?;
    }

    // The group is made when it is missing.
    let mut ann = client.consumer(GROUP, "ann", ORDERS).build()?;
    let first = ann.next().await.context("stopped")??;
    println!("ann bills {:?}", first.fields.get_as::<String>("item")?);
    first.ack().await?;
    // What she read and did not acknowledge stays pending when she crashes.
    drop(ann);

    // Whoever holds entries for too long is taken for dead, and others take over.
    let bob = client.consumer(GROUP, "bob", ORDERS);
    let mut bob = bob.min_idle(Duration::from_millis(1)).build()?;
    for _ in 0..2 {
        let delivery = bob.next().await.context("stopped")??;
        let item = delivery.fields.get_as::<String>("item")?;
        println!("bob bills {item:?}, given out {} times", delivery.delivered);
        delivery.ack().await?;
    }

    // From a signal handler, for example. What was read before the stop would still come.
    bob.stopper().stop();
    println!("bob has stopped: {}", bob.next().await.is_none());
    println!("pending: {}", client.xpending(ORDERS, GROUP).await?.count);
    client.del(ORDERS).await?;
    Ok(())
}
