//! Iterating over keys: as a stream, and page by page with a cursor that a job can store.
//!
//! Run it: `cargo run --example scan`

use anyhow::Result;
use futures_util::TryStreamExt;
use swarm_examples::Server;
use swarm_keydb::{Bytes, Client, ScanOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    remove_all(&client).await?;
    let users = (0..30).map(|n| (format!("example:scan:user:{n}"), "x"));
    client.mset(users).await?;
    client.set("example:scan:order:1", "y").await?;

    // Each page is a short command, so unlike KEYS a scan does not block the server.
    let options = ScanOptions::new().matching("example:scan:user:*").count(10);
    let mut keys = client.scan_stream(options);
    let (mut found, mut last) = (0, Bytes::new());
    while let Some(key) = keys.next().await {
        let key = key?;
        found += 1;
        last = last.max(key);
    }
    println!("{found} users, the last by name is {last:?}");

    // `ScanStream` also implements `Stream`.
    let options = ScanOptions::new().matching("example:scan:user:?7");
    let mut some: Vec<Bytes> = client.scan_stream(options).try_collect().await?;
    some.sort();
    println!(
        "{} of them match user:?7, the first is {:?}",
        some.len(),
        some[0]
    );

    // A long job can store the cursor and resume from it later, even in another process.
    let (mut cursor, mut seen, mut pages) = (0, 0, 0);
    loop {
        let options = ScanOptions::new().matching("example:scan:*").count(10);
        let page = client.scan(cursor, options).await?;
        pages += 1;
        seen += page.keys.len();
        cursor = page.cursor;
        if cursor == 0 {
            break;
        }
    }
    println!("in several pages: {}, {seen} keys in all", pages > 1);

    println!("removed {}", remove_all(&client).await?);
    client.close().await;
    Ok(())
}

/// Removes the example's keys. The scan ends before the first `DEL`: SwarmKeyDb's cursor is an
/// offset into the sorted keys, so deleting during a scan makes it skip keys there.
async fn remove_all(client: &Client) -> swarm_keydb::Result<u64> {
    let options = ScanOptions::new().matching("example:scan:*");
    let keys: Vec<Bytes> = client.scan_stream(options).try_collect().await?;
    let mut removed = 0;
    for keys in keys.chunks(10) {
        removed += client.del(keys).await?;
    }
    Ok(removed)
}
