//! Pattern subscriptions, listing channels and subscribers, and a callback for each message.
//!
//! Run it: `cargo run --example patterns`

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, Event};
use tokio::sync::mpsc;

const ROOMS: &str = "example:patterns:room:*";
const KITCHEN: &str = "example:patterns:room:kitchen";
const CELLAR: &str = "example:patterns:room:cellar";
const GARDEN: &str = "example:patterns:garden";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;

    // `*` matches any text, `?` one character, `[abc]` one of these characters.
    let mut rooms = client.psubscribe(ROOMS).await?;
    for (channel, degrees) in [(KITCHEN, 21.0), (GARDEN, 9.5), (CELLAR, 14.5)] {
        let heard = client.publish(channel, degrees).await?;
        println!("published to {channel}: {heard} receivers");
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

    // A message is delivered once to each matching subscription: here to the channel's and to the
    // pattern's.
    let mut kitchen = client.subscribe(KITCHEN).await?;
    println!("receivers: {}", client.publish(KITCHEN, 22.0).await?);
    for subscription in [&mut kitchen, &mut rooms] {
        let event = subscription.next().await.context("closed")??;
        let message = event.into_message().context("no message")?;
        println!("by pattern: {}", message.pattern.is_some());
    }

    // Channels with subscribers, and the number of subscribers of each channel.
    let channels = client
        .pubsub_channels_matching("example:patterns:*")
        .await?;
    println!("channels: {channels:?}");
    println!(
        "subscribers: {:?}",
        client.pubsub_numsub([KITCHEN, CELLAR]).await?
    );

    // A callback instead of a loop: it runs on its own task until the handler is dropped.
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let handler = client
        .psubscribe_handler("example:patterns:gard?n", move |event| {
            if let Event::Message(message) = event {
                heard.send(message.payload).ok();
            }
        })
        .await?;
    client.publish(GARDEN, "it rains").await?;
    println!("the callback received {:?}", hearing.recv().await);
    handler.unsubscribe().await;

    client.close().await;
    Ok(())
}
