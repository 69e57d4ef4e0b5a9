//! Pub/Sub: publish, subscribe, and what a slow subscriber sees.
//!
//! Run it: `cargo run --example pubsub`

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Event, Subscription};

const NEWS: &str = "example:pubsub:news";
const TEMPERATURE: &str = "example:pubsub:temperature";
const END: &str = "example:pubsub:end";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;

    // There are no subscribers yet, and servers do not keep messages: this one is lost.
    println!("receivers: {}", client.publish(NEWS, "too early").await?);

    // `subscribe` returns once the server has acknowledged all channels. Subscriptions use their
    // own connection, so the client can still send commands.
    let mut all = client.subscribe([NEWS, TEMPERATURE, END]).await?;
    println!(
        "receivers: {}",
        client.publish(NEWS, "SwarmKeyDb is live").await?
    );
    client.publish(TEMPERATURE, 22.5).await?;
    client.publish(END, "").await?;
    listen(&mut all).await?;

    // A subscriber that is too slow for its buffer gets an event with the number of dropped
    // messages.
    let mut slow = client.subscribe(NEWS).buffer(2).await?;
    for n in 1..=5 {
        client.publish(NEWS, format!("headline {n}")).await?;
    }
    client.publish(END, "").await?;
    listen(&mut all).await?;
    println!("the slow subscriber, read only now:");
    for _ in 0..3 {
        show(slow.next().await.context("closed")??)?;
    }

    // Dropping a subscription unsubscribes; closing the client ends all of its subscriptions.
    drop(slow);
    println!("receivers: {}", client.publish(TEMPERATURE, 23).await?);
    client.publish(END, "").await?;
    listen(&mut all).await?;
    client.close().await;
    println!("subscription ended: {}", all.next().await.is_none());
    Ok(())
}

/// Prints messages until one arrives on the channel `END`.
async fn listen(subscription: &mut Subscription) -> Result<()> {
    while let Some(event) = subscription.next().await {
        let event = event?;
        if event
            .as_message()
            .is_some_and(|message| message.channel == END)
        {
            break;
        }
        show(event)?;
    }
    Ok(())
}

fn show(event: Event) -> Result<()> {
    match event {
        Event::Message(message) if message.channel == TEMPERATURE => {
            println!("  temperature: {} degrees", message.payload_as::<f64>()?);
        }
        Event::Message(message) => println!("  news: {}", message.payload_as::<String>()?),
        // The client reconnected; messages published in between are lost.
        Event::Reconnected { .. } => println!("  reconnected"),
        Event::Lagged(missed) => println!("  {missed} messages dropped"),
        _ => {}
    }
    Ok(())
}
