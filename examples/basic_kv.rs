//! Keys and values: set, get, typed values, several keys at once, delete.
//!
//! Run it: `cargo run --example basic_kv`

use std::collections::BTreeMap;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::Client;

/// Keys that the example writes, and deletes at the end.
const KEYS: [&str; 4] = [
    "example:kv:name",
    "example:kv:port",
    "example:kv:ratio",
    "example:kv:picture",
];

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    let [name, port, ratio, picture] = KEYS;
    client.del(KEYS).await?; // left over from an interrupted run

    // A value is text, bytes or a number; GET returns the bytes, or `None` if the key does not
    // exist.
    println!("before: {:?}", client.get(name).await?);
    client.set(name, "ann").await?;
    println!("bytes:  {:?}", client.get(name).await?);

    // `get_as` parses the value.
    client.set(port, 8765).await?;
    client.set(ratio, 0.75).await?;
    let text: Option<String> = client.get_as(name).await?;
    let number: Option<u16> = client.get_as(port).await?;
    println!("typed:  {text:?}, {number:?}");

    // A value that cannot be parsed is an error.
    let error = client.get_as::<u16>(name).await.unwrap_err();
    println!("error:  {error}");

    // Several keys at once; the values come in the order of the keys.
    let values = client.mget([name, picture, port]).await?;
    println!("many:   {values:?}");
    let values: Vec<Option<f64>> = client.mget_as([port, ratio]).await?;
    println!("typed:  {values:?}");

    // MSET takes pairs from a list or a map. It is atomic on Redis; on SwarmKeyDb, readers can see
    // half of it.
    client
        .mset(BTreeMap::from([(name, "bob"), (picture, "🐝")]))
        .await?;
    println!("now:    {:?}", client.mget_as::<String>(KEYS).await?);

    println!("there:  {} of {}", client.exists(KEYS).await?, KEYS.len());
    println!("kind:   {:?}", client.key_type(name).await?);
    println!("gone:   {}", client.del(KEYS).await?);
    println!("there:  {}", client.exists(KEYS).await?);

    client.close().await;
    Ok(())
}
