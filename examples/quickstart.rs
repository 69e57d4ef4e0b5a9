//! The first steps: set and get a value, then count the words of a text with pipelined INCRs from several tasks. Run it:
//! `cargo run --example quickstart`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use swarm_examples::Server;
use swarm_keydb::{Client, prelude::*};

/// Counts the words of a text in SwarmKeyDb.
#[derive(Parser)]
struct Args {
    /// The text; the repository's README by default
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))]
    file: PathBuf,
}

/// Tasks that share the client.
const TASKS: usize = 4;

/// Commands that each task has on the way at one time.
const IN_FLIGHT: usize = 64;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();

    let server = Server::from_env()?;
    println!("1. Connect to {}", server.describe());
    let client = Client::connect(server.options()).await?;

    println!("2. Set a value and get it back");
    client.set("quickstart:hello", "world").await?;
    println!("   hello = {:?}", client.get("quickstart:hello").await?);

    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    println!("3. Count the words of {file} with INCR, from {TASKS} tasks");

    let distinct: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    let keys: Vec<String> = distinct.iter().map(|word| key(word)).collect();
    remove(&client, &keys).await?;
    let start = Instant::now();
    let tasks: Vec<_> = words
        .chunks(words.len().div_ceil(TASKS).max(1))
        .map(|share| tokio::spawn(count(client.clone(), share.to_vec())))
        .collect();
    for task in tasks {
        task.await??;
    }
    println!("   {} INCRs in {:.1?}", words.len(), start.elapsed());

    println!("4. Read the counts back and show the ten most frequent words");
    let mut counts = Vec::new();
    for (keys, words) in keys
        .chunks(500)
        .zip(distinct.iter().collect::<Vec<_>>().chunks(500))
    {
        let values = client.mget(keys).await?;
        for (word, value) in words.iter().zip(values) {
            let value = value.with_context(|| format!("the count of {word} is gone"))?;
            counts.push((std::str::from_utf8(&value)?.parse::<u64>()?, **word));
        }
    }
    counts.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(right.1)));
    for (count, word) in counts.iter().take(10) {
        println!("    {count:>6} {word}");
    }

    remove(&client, &keys).await?;
    client.del("quickstart:hello").await?;
    client.close().await;
    println!("5. Removed the keys and closed the connection");
    Ok(())
}

fn key(word: &str) -> String {
    format!("quickstart:word:{word}")
}

/// Counts a share of the words. Its commands do not wait for each other.
async fn count(client: Client, words: Vec<String>) -> swarm_keydb::Result<()> {
    stream::iter(words)
        .map(|word| client.incr(key(&word)))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await
}

async fn remove(client: &Client, keys: &[String]) -> swarm_keydb::Result<()> {
    for keys in keys.chunks(500) {
        client.del(keys).await?;
    }
    Ok(())
}
