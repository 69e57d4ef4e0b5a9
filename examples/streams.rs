//! Streams: entries in order, read by range, from where one was, and as they come. Run it: `cargo run --example streams`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, StreamId, Trim, XAddOptions, XReadOptions, prelude::*};

const READINGS: &str = "example:streams:readings";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del(READINGS).await?;

    // An ID is a time and a number. The server gives one, or the caller does, as here, for entries that bear a time already.
    for minute in 1..=5 {
        let options = XAddOptions::new().id(StreamId::new(minute * 60_000, 0));
        let fields = [("cellar", 13.0), ("garden", 4.5 + minute as f64)];
        client.xadd_with(READINGS, fields, options).await?;
    }
    println!("length: {}", client.xlen(READINGS).await?);

    // Ranges are Rust's, with both ends included or not, as they are written.
    let from = StreamId::new(120_000, 0);
    for entry in client
        .xrange(READINGS, from..StreamId::new(240_000, 0))
        .await?
    {
        let degrees: Option<f64> = entry.field_as("garden")?;
        println!("{}: {degrees:?}", entry.id);
    }
    let newest = client.xrevrange_count(READINGS, .., 1).await?;
    println!(
        "newest: {:?}",
        newest.first().map(|entry| entry.id.to_string())
    );

    // A reader knows the last ID that it has seen, and asks for what lies behind.
    let mut seen = StreamId::MIN;
    for page in 1.. {
        let options = XReadOptions::new().count(2);
        let batches = client.xread_with([(READINGS, seen)], options).await?;
        let Some(batch) = batches.first() else { break };
        println!("page {page}: {} entries", batch.entries.len());
        seen = batch.entries.last().context("an empty batch")?.id;
    }

    // Or it waits for more, on a connection of its own, so that nobody else has to.
    let waiting = tokio::spawn(client.xread_with(
        [(READINGS, seen)],
        XReadOptions::new().block(Duration::from_secs(5)),
    ));
    let id = client.xadd(READINGS, [("roof", 35.5)]).await?;
    let batches = waiting.await??;
    let entry = batches
        .first()
        .and_then(|batch| batch.entries.first())
        .context("nothing came")?;
    println!("came: {:?}, {}", entry.get("roof"), entry.id == id);

    // A stream grows until it is trimmed: now and then, or with each entry (`XAddOptions::maxlen`).
    println!(
        "trimmed: {}",
        client.xtrim(READINGS, Trim::maxlen(2)).await?
    );
    println!("length: {}", client.xlen(READINGS).await?);

    client.del(READINGS).await?;
    client.close().await;
    Ok(())
}
