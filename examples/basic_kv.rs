//! Keys and values: set and get, typed, many at once, removed. Run it: `cargo run --example basic_kv`

use std::collections::BTreeMap;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, prelude::*};

/// What the example writes, and removes at its end.
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
    client.del(KEYS).await?; // what a run that broke off may have left

    // A value is text, bytes or a number; a reply is the value's bytes, or `None` when there is no such key.
    println!("before: {:?}", client.get(name).await?);
    client.set(name, "ann").await?;
    println!("bytes:  {:?}", client.get(name).await?);

    // Read it as the type it was.
    client.set(port, 8765).await?;
    client.set(ratio, 0.75).await?;
    let text: Option<String> = client.get_as(name).await?;
    let number: Option<u16> = client.get_as(port).await?;
    println!("typed:  {text:?}, {number:?}");

    // What is no such number is an error that says so, and not a zero.
    let error = client.get_as::<u16>(name).await.unwrap_err();
    println!("error:  {error}");

    // Many at once, in the order of the keys.
    let values = client.mget([name, picture, port]).await?;
    println!("many:   {values:?}");
    let values: Vec<Option<f64>> = client.mget_as([port, ratio]).await?;
    println!("typed:  {values:?}");

    // Several keys are set all together or not at all. Pairs come from a list or a map.
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
