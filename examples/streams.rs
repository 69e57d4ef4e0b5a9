//! Streams: append, read a range, page through, wait for new entries, trim.
//!
//! Run it: `cargo run --example streams`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{Client, StreamId, Trim, XAddOptions, XReadOptions};

const READINGS: &str = "example:streams:readings";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del(READINGS).await?;

    // An ID is a timestamp and a sequence number. The server assigns one unless the caller gives
    // it, as here.
    for minute in 1..=5 {
        let options = XAddOptions::new().id(StreamId::new(minute * 60_000, 0));
        let fields = [("cellar", 13.0), ("garden", 4.5 + minute as f64)];
        client.xadd_with(READINGS, fields, options).await?;
    }
    println!("length: {}", client.xlen(READINGS).await?);

    // Ranges are Rust ranges, so their ends are inclusive or exclusive as written.
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

    // A reader remembers the last ID that it has seen and reads the entries after it.
    let mut seen = StreamId::MIN;
    for page in 1.. {
        let options = XReadOptions::new().count(2);
        let batches = client.xread_with([(READINGS, seen)], options).await?;
        let Some(batch) = batches.first() else { break };
        println!("page {page}: {} entries", batch.entries.len());
        seen = batch.entries.last().context("an empty batch")?.id;
    }

    // A blocking read waits for new entries on a connection of its own, so it does not delay other
    // commands.
    let waiting = tokio::spawn(client.xread_with(
        [(READINGS, seen)],
        XReadOptions::new().block(Duration::from_secs(5)),
    ));
    let id = client.xadd(READINGS, [("roof", 35.5)]).await?;
    let batches = waiting.await??;
    let entry = batches
        .first()
        .and_then(|batch| batch.entries.first())
        .context("no entry arrived")?;
    println!("received: {:?}, {}", entry.get("roof"), entry.id == id);

    // A stream grows until it is trimmed, by XTRIM or by XADD with `XAddOptions::maxlen`.
    println!(
        "trimmed: {}",
        client.xtrim(READINGS, Trim::maxlen(2)).await?
    );
    println!("length: {}", client.xlen(READINGS).await?);

    client.del(READINGS).await?;
    client.close().await;
    Ok(())
}
