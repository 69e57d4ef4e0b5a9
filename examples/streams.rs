//! Streams: adding, reading and trimming entries, and a group that shares the reading of them. Run it:
//! `cargo run --example streams`

use std::time::Duration;

use anyhow::{Context, Result};
use swarm_examples::Server;
use swarm_keydb::{
    Client, ReadAfter, StreamEntry, StreamId, Trim, XAddOptions, XReadOptions, prelude::*,
};

const EVENTS: &str = "example:streams:events";
const GROUP: &str = "readers";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.del(EVENTS).await?;

    // IDs are the server's affair, unless they are given. Fields keep their order, and may come twice.
    for n in 1..=3 {
        let id = XAddOptions::new().id(StreamId::new(n, 0));
        let fields = [
            ("sensor", "temp".to_owned()),
            ("value", format!("{}", 20 + n)),
        ];
        client.xadd_with(EVENTS, fields, id).await?;
    }
    println!("all:");
    show(&client.xrange(EVENTS, ..).await?)?;
    println!("newest first, one of them:");
    show(&client.xrevrange_count(EVENTS, .., 1).await?)?;
    println!("behind the first:");
    for batch in client.xread([(EVENTS, "1")]).await? {
        show(&batch.entries)?;
    }

    // A read that waits has a connection of its own: other commands go on meanwhile.
    let block = XReadOptions::new().block(Duration::from_millis(100));
    let read = client
        .xread_with([(EVENTS, ReadAfter::Last)], block)
        .await?;
    println!("added within 100 ms: {}", read.len());

    let trimmed = client.xtrim(EVENTS, Trim::maxlen(2)).await?;
    println!("{trimmed} trimmed, {} left", client.xlen(EVENTS).await?);

    client.xgroup_create(EVENTS, GROUP, "0").await?;
    for batch in client.xreadgroup(GROUP, "ann", [(EVENTS, ">")]).await? {
        println!("ann was given:");
        show(&batch.entries)?;
        let first = batch.entries.first().context("nothing was given")?;
        client.xack(EVENTS, GROUP, first.id).await?;
    }
    let pending = client.xpending(EVENTS, GROUP).await?;
    println!("not acknowledged: {}", pending.count);
    client.xgroup_destroy(EVENTS, GROUP).await?;
    client.del(EVENTS).await?;
    Ok(())
}

fn show(entries: &[StreamEntry]) -> Result<()> {
    for entry in entries {
        let sensor: Option<String> = entry.field_as("sensor")?;
        let value: Option<f64> = entry.field_as("value")?;
        println!("  {} {sensor:?} {value:?}", entry.id);
    }
    Ok(())
}
