//! Many writes: loads a file with bounded concurrency and a progress bar, decides by each error
//! what to do, and resumes where it was interrupted.
//!
//! Run it: `cargo run --example many_writes`; add `-- --records 100000` for a real load, or
//! `-- --file PATH` for a file of your own.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, process};

use anyhow::{Context, Result};
use clap::Parser;
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use swarm_examples::Server;
use swarm_keydb::{Client, Error, ErrorKind, Outcome, RetryPolicy};

/// Loads records into SwarmKeyDb.
#[derive(Parser)]
struct Args {
    /// Number of records to generate, if there is no file
    #[arg(long, default_value_t = 200)]
    records: usize,

    /// The file: one record per line, key and value separated by a tab
    #[arg(long)]
    file: Option<PathBuf>,

    /// How many records to write at the same time
    #[arg(long, default_value_t = 128)]
    in_flight: usize,
}

/// How many times a record is written before the load stops.
const ATTEMPTS: u32 = 8;

/// Number of records between two saves of the checkpoint.
const SAVE_EVERY: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let server = Server::from_env()?;
    // SET is idempotent, so the client may resend one whose reply was lost.
    let client = Client::connect(server.options().retry(RetryPolicy::Idempotent)).await?;
    match &args.file {
        Some(file) => {
            let bad = load(&client, file, args.in_flight, usize::MAX).await?;
            println!("done; {bad} lines skipped");
        }
        None => generate_and_load(&client, &args).await?,
    }
    client.close().await;
    Ok(())
}

/// Loads a generated file in two runs, as if the first one had been killed halfway.
async fn generate_and_load(client: &Client, args: &Args) -> Result<()> {
    let file = env::temp_dir().join(format!("many_writes.{}.tsv", process::id()));
    let mut out = BufWriter::new(File::create(&file)?);
    for n in 0..args.records {
        writeln!(out, "{}\tvalue {n}", key(n))?;
    }
    writeln!(out, "this line has no tab")?;
    out.flush()?;

    load(client, &file, args.in_flight, args.records / 2).await?;
    println!("interrupted after {} lines", Checkpoint::of(&file)?.done);
    let bad = load(client, &file, args.in_flight, usize::MAX).await?;
    println!(
        "resumed: {} lines done, {bad} skipped",
        Checkpoint::of(&file)?.done
    );

    let last = client.get_as::<String>(key(args.records - 1)).await?;
    println!("last record: {last:?}");
    // A bulk is the simplest way to send many commands that fit into memory.
    let bulk = client.bulk();
    let handles: Vec<_> = (0..args.records).map(|n| bulk.del(key(n))).collect();
    let mut removed = 0;
    for reply in bulk.send(handles).await {
        removed += reply?;
    }
    println!("removed {removed}");
    fs::remove_file(Checkpoint::path(&file))?;
    fs::remove_file(&file)?;
    Ok(())
}

fn key(n: usize) -> String {
    format!("example:many_writes:{n}")
}

/// Loads the lines of a file that are not done yet, up to a line number. Returns how many of them
/// are no valid records.
async fn load(client: &Client, file: &Path, in_flight: usize, end: usize) -> Result<usize> {
    let mut checkpoint = Checkpoint::of(file)?;
    let open = || File::open(file).map(BufReader::new);
    let bar = ProgressBar::new(u64::try_from(open()?.lines().count())?);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len}, {per_sec}, {eta} left",
    )?);
    bar.set_position(u64::try_from(checkpoint.done)?);

    let lines = open()?.lines().enumerate().take(end).skip(checkpoint.done);
    // `buffered` keeps a number of writes in progress and yields their results in the order of the
    // file, so every line before the latest result is done. The file is read as needed.
    let mut results = stream::iter(lines)
        .map(async |(n, line)| {
            let written = store(client, &line?).await;
            written.with_context(|| format!("line {}", n + 1))
        })
        .buffered(in_flight);
    let mut bad = 0;
    while let Some(result) = results.next().await {
        match result {
            Ok(Stored::Yes) => {}
            Ok(Stored::Skipped(why)) => {
                bad += 1;
                bar.suspend(|| println!("line {}: {why}", checkpoint.done + 1));
            }
            Err(error) => {
                checkpoint.save()?;
                return Err(error);
            }
        }
        bar.inc(1);
        checkpoint.done += 1;
        if checkpoint.done.is_multiple_of(SAVE_EVERY) {
            checkpoint.save()?;
        }
    }
    checkpoint.save()?;
    bar.finish();
    Ok(bad)
}

enum Stored {
    Yes,
    /// The record is not valid.
    Skipped(String),
}

/// Writes one record, as often as it makes sense.
async fn store(client: &Client, line: &str) -> Result<Stored> {
    let Some((key, value)) = line.split_once('\t') else {
        return Ok(Stored::Skipped("no tab".to_owned()));
    };
    let mut delay = Duration::from_millis(100);
    for attempt in 1.. {
        let error = match client.set(key, value).await {
            Ok(()) => break,
            Err(error) => error,
        };
        match next_step(&error) {
            Next::Skip => return Ok(Stored::Skipped(error.to_string())),
            Next::Retry if attempt < ATTEMPTS => tokio::time::sleep(delay).await,
            Next::Retry | Next::Stop => return Err(error.into()),
        }
        delay *= 2;
    }
    Ok(Stored::Yes)
}

enum Next {
    Retry,
    /// Only this record is affected.
    Skip,
    /// All other records would fail the same way.
    Stop,
}

/// Decides what to do about an error of `SET`, which may be repeated.
fn next_step(error: &Error) -> Next {
    match (error.kind(), error.outcome()) {
        // The server is unreachable or busy, and the command did not run.
        _ if error.is_retryable() => Next::Retry,
        // The client was closed, or its credentials are wrong.
        (ErrorKind::Closed | ErrorKind::Auth, _) => Next::Stop,
        // The reply was lost, or did not arrive in time. For INCR or XADD, find out what happened.
        (_, Some(Outcome::MayHaveRun)) => Next::Retry,
        // The server cannot store this key or value.
        (ErrorKind::Argument, _) => Next::Skip,
        // Such as `OOM`: the server rejects writes.
        _ => Next::Stop,
    }
}

/// How many lines of a file are done, stored in a file next to it.
struct Checkpoint {
    path: PathBuf,
    done: usize,
}

impl Checkpoint {
    fn path(file: &Path) -> PathBuf {
        file.with_extension("done")
    }

    fn of(file: &Path) -> Result<Self> {
        let path = Self::path(file);
        let done = match fs::read_to_string(&path) {
            Ok(done) => done.trim().parse().context("checkpoint")?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, done })
    }

    /// Replaces the stored number. A crash leaves the old one or the new one.
    fn save(&self) -> Result<()> {
        let next = self.path.with_extension("done.next");
        fs::write(&next, self.done.to_string())?;
        Ok(fs::rename(next, &self.path)?)
    }
}
