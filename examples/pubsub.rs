//! Publishing and listening: a subscription, what it hears, and what happens to one that is slow. Run it:
//! `cargo run --example pubsub`

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Event, SubscribeOptions, Subscription, prelude::*};

const NEWS: &str = "example:pubsub:news";
const TEMPERATURE: &str = "example:pubsub:temperature";
const END: &str = "example:pubsub:end";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;

    // Nobody listens yet: what is published now is gone.
    println!("heard by {}", client.publish(NEWS, "too early").await?);

    // Once this is ready the server has acknowledged both, and nothing that is published later is missed. The same client
    // goes on sending commands: subscriptions have a connection of their own.
    let mut all = client.subscribe([NEWS, TEMPERATURE, END]).await?;
    println!(
        "heard by {}",
        client.publish(NEWS, "SwarmKeyDb is live").await?
    );
    client.publish(TEMPERATURE, 22.5).await?;
    client.publish(END, "").await?;
    listen(&mut all).await?;

    // A subscriber that is too slow for its buffer hears that something is missing, and how much.
    let small = SubscribeOptions::new().buffer(2);
    let mut slow = client.subscribe_with(NEWS, small).await?;
    for n in 1..=5 {
        client.publish(NEWS, format!("headline {n}")).await?;
    }
    client.publish(END, "").await?;
    listen(&mut all).await?;
    println!("and the slow one, who looks only now:");
    for _ in 0..3 {
        show(slow.next().await.context("closed")??)?;
    }

    // Dropping a subscription ends it, and closing the client ends them all.
    drop(slow);
    println!("heard by {}", client.publish(TEMPERATURE, 23).await?);
    client.publish(END, "").await?;
    listen(&mut all).await?;
    client.close().await;
    println!("it has ended: {}", all.next().await.is_none());
    Ok(())
}

/// Shows what is published until the end is.
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
        // The connection was lost and made again; what was published meanwhile is gone.
        Event::Reconnected { .. } => println!("  reconnected"),
        Event::Lagged(missed) => println!("  {missed} came too fast"),
        _ => {}
    }
    Ok(())
}
