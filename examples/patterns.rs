//! Listening by pattern: many channels by one name, who listens to what, and a function that is called for each message.
//! Run it: `cargo run --example patterns`

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Event, prelude::*};
use tokio::sync::mpsc;

const ROOMS: &str = "example:patterns:room:*";
const KITCHEN: &str = "example:patterns:room:kitchen";
const CELLAR: &str = "example:patterns:room:cellar";
const GARDEN: &str = "example:patterns:garden";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;

    // `*` stands for any text, `?` for one letter, `[abc]` for one of these.
    let mut rooms = client.psubscribe(ROOMS).await?;
    for (channel, degrees) in [(KITCHEN, 21.0), (GARDEN, 9.5), (CELLAR, 14.5)] {
        let heard = client.publish(channel, degrees).await?;
        println!("published to {channel}: heard by {heard}");
    }
    for _ in 0..2 {
        let event = rooms.next().await.context("closed")??;
        if let Event::Message(message) = event {
            println!(
                "{:?} matches {:?}: {} degrees",
                message.channel,
                message.pattern,
                message.payload_as::<f64>()?
            );
        }
    }

    // Who listens to a channel and to a pattern that matches it hears a message twice, once by each: they are two
    // subscriptions, which may lie in different parts of a program.
    let mut kitchen = client.subscribe(KITCHEN).await?;
    println!("heard by {}", client.publish(KITCHEN, 22.0).await?);
    for subscription in [&mut kitchen, &mut rooms] {
        let event = subscription.next().await.context("closed")??;
        let message = event.into_message().context("no message")?;
        println!("by pattern: {}", message.pattern.is_some());
    }

    // Channels are listed by name, patterns are counted.
    let channels = client
        .pubsub_channels_matching("example:patterns:*")
        .await?;
    println!("channels: {channels:?}");
    println!(
        "listeners: {:?}",
        client.pubsub_numsub([KITCHEN, CELLAR]).await?
    );

    // A function instead of a loop: it is called on a task of its own until the handler is dropped.
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let handler = client
        .psubscribe_handler("example:patterns:gard?n", move |event| {
            if let Event::Message(message) = event {
                heard.send(message.payload).ok();
            }
        })
        .await?;
    client.publish(GARDEN, "it rains").await?;
    println!("the function heard {:?}", hearing.recv().await);
    handler.unsubscribe().await;

    client.close().await;
    Ok(())
}
