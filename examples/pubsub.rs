//! Channels and patterns: what the Python SDK's page shows of Pub/Sub, with what comes of it.
//!
//! Runs on an embedded gateway, or on the one that `SWARM_KEYDB_WS_URL` names.

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, Event, prelude::*};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    println!("1. Connect to {}", server.describe());
    let publisher = Client::connect(server.options()).await?;
    let client = Client::connect(server.options()).await?;

    println!("2. Subscribe to two channels and hear what is published");
    let mut subscription = client.subscribe(["news", "sports"]).await?;
    publisher.publish("news", "SwarmKeyDb is live!").await?;
    while let Some(event) = subscription.next().await {
        match event? {
            Event::Message(message) => {
                let channel = String::from_utf8_lossy(&message.channel);
                println!(
                    "   {channel}: {}",
                    String::from_utf8_lossy(&message.payload)
                );
                break;
            }
            Event::Reconnected { .. } => {
                println!("   the connection was lost; messages may be missing");
            }
            Event::Lagged(missed) => println!("   too slow: {missed} messages are missing"),
            _ => {}
        }
    }

    println!("3. Hand every event of a pattern to a function");
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let on_event = move |event| {
        if let Event::Message(message) = event {
            heard.send(message).ok();
        }
    };
    let handler = client.psubscribe_handler("sensor.*", on_event).await?;
    publisher.publish("sensor.temp", 22.5).await?;
    if let Some(message) = hearing.recv().await {
        let channel = String::from_utf8_lossy(&message.channel);
        println!(
            "   {channel}: {}",
            String::from_utf8_lossy(&message.payload)
        );
    }
    handler.unsubscribe().await;

    println!("4. Publish, and see how many heard it");
    let n = publisher.publish("news", "breaking!").await?;
    println!("   Delivered to {n} subscriber(s)");

    if let Some(Event::Message(message)) = subscription.next().await.transpose()? {
        println!("   {}", String::from_utf8_lossy(&message.payload));
    }

    println!(
        "5. Go on with commands, for subscriptions have a connection of their own, then close"
    );
    client.ping().await?;
    client.close().await;
    println!(
        "   the subscription has ended: {}",
        subscription.next().await.is_none()
    );
    Ok(())
}
