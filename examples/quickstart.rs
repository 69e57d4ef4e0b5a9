//! First steps: set and get a value, then count words with `INCR` from several tasks that share one
//! client.
//!
//! Run it: `cargo run --example quickstart`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use swarm_examples::Server;
use swarm_keydb::Client;

/// Counts the first words of a text in SwarmKeyDb.
#[derive(Parser)]
struct Args {
    /// The text; the repository's README by default
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))]
    file: PathBuf,

    /// How many words to count. As shipped, SwarmKeyDb takes 0.1 s per write of one connection
    #[arg(long, default_value_t = 50)]
    words: usize,
}

/// Number of tasks that share the client.
const TASKS: usize = 4;

/// Number of commands that each task keeps in flight.
const IN_FLIGHT: usize = 16;

/// Number of keys per `DEL` or `MGET`.
const KEYS: usize = 50;

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
        .take(args.words)
        .collect();
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "3. Count the first {} words of {file} with INCR, from {TASKS} tasks",
        words.len()
    );

    let distinct: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    let keys: Vec<String> = distinct.iter().map(|word| key(word)).collect();
    remove(&client, &keys).await?; // left over from an interrupted run
    let start = Instant::now();
    let tasks: Vec<_> = words
        .chunks(words.len().div_ceil(TASKS).max(1))
        .map(|share| tokio::spawn(count(client.clone(), share.to_vec())))
        .collect();
    for task in tasks {
        task.await??;
    }
    println!("   {} INCRs in {:.1?}", words.len(), start.elapsed());

    println!("4. Read the counts back and show the five most frequent words");
    let distinct: Vec<&str> = distinct.into_iter().collect();
    let mut counts = Vec::new();
    for (keys, words) in keys.chunks(KEYS).zip(distinct.chunks(KEYS)) {
        let values = client.mget_as::<u64>(keys).await?;
        for (word, value) in words.iter().zip(values) {
            let value = value.with_context(|| format!("the count of {word} is missing"))?;
            counts.push((value, *word));
        }
    }
    counts.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(right.1)));
    for (count, word) in counts.iter().take(5) {
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

/// Counts a share of the words without waiting for one reply before sending the next command. All
/// tasks share one client, so the count is exact on every server; see the guide for counters that
/// several clients increment.
async fn count(client: Client, words: Vec<String>) -> swarm_keydb::Result<()> {
    stream::iter(words)
        .map(|word| client.incr(key(&word)))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await
}

async fn remove(client: &Client, keys: &[String]) -> swarm_keydb::Result<()> {
    for keys in keys.chunks(KEYS) {
        client.del(keys).await?;
    }
    Ok(())
}
