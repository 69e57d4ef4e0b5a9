//! Walking through keys: as a stream, page by page, and in a job that goes on where it stopped. Run it:
//! `cargo run --example scan`

use anyhow::Result;
use futures_util::TryStreamExt;
use swarm_examples::Server;
use swarm_keydb::{Bytes, Client, ScanOptions, prelude::*};

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    remove_all(&client).await?;
    let users = (0..300).map(|n| (format!("example:scan:user:{n}"), "x"));
    client.mset(users).await?;
    client.mset([("example:scan:order:1", "y")]).await?;

    // Nothing is held up on the server, as KEYS would do: each page is a short command of its own.
    let mut keys = client.scan_stream(
        ScanOptions::new()
            .matching("example:scan:user:*")
            .count(100),
    );
    let (mut found, mut longest) = (0, Bytes::new());
    while let Some(key) = keys.next().await {
        let key = key?;
        found += 1;
        longest = longest.max(key);
    }
    println!("{found} users, the last by name is {longest:?}");

    // It is a stream of the futures crates, too.
    let options = ScanOptions::new().matching("example:scan:user:?7");
    let mut some: Vec<Bytes> = client.scan_stream(options).try_collect().await?;
    some.sort();
    println!(
        "{} of them match user:?7, the first is {:?}",
        some.len(),
        some[0]
    );

    // A long job keeps the cursor in a safe place and goes on from there, after a crash, say.
    let (mut cursor, mut seen, mut halted) = (0, 0, false);
    loop {
        let options = ScanOptions::new().matching("example:scan:*").count(100);
        let page = client.scan(cursor, options).await?;
        seen += page.keys.len();
        cursor = page.cursor;
        if cursor == 0 {
            break;
        }
        halted = true; // and here it may stop for as long as it likes
    }
    println!("in several pages: {halted}, {seen} keys in all");

    println!("removed {}", remove_all(&client).await?);
    client.close().await;
    Ok(())
}

/// Removes what the example made, a hundred at a time.
async fn remove_all(client: &Client) -> swarm_keydb::Result<u64> {
    client
        .scan_stream(ScanOptions::new().matching("example:scan:*"))
        .try_chunks(100)
        .map_err(|error| error.1)
        .try_fold(0, async |removed, keys| {
            Ok(removed + client.del(keys).await?)
        })
        .await
}
