//! The blocking client, for programs without an async runtime.
//!
//! Run it: `cargo run --example blocking`

use std::thread;
use std::time::Duration;

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{ScanOptions, blocking::Client};

const NAME: &str = "example:blocking:name";
const VISITS: &str = "example:blocking:visits";

fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options())?;
    client.del([NAME, VISITS])?;

    client.set(NAME, "ann")?;
    println!("name = {:?}", client.get_as::<String>(NAME)?);

    // Threads share one client, so their increments are exact on every server.
    thread::scope(|scope| {
        let count = || (0..10).try_for_each(|_| client.incr(VISITS).map(|_| ()));
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("a thread counts and returns"))
    })?;
    println!(
        "4 threads counted to 10 each: {:?}",
        client.get_as::<u64>(VISITS)?
    );

    // ClientOptions such as a timeout belong to a handle, because a call returns only when it has
    // completed.
    let impatient = client.timeout(Duration::from_secs(5));
    println!("visits = {}", impatient.incr(VISITS)?);

    let pipeline = client.pipeline();
    let handles = (pipeline.get_as::<String>(NAME), pipeline.incr(VISITS));
    let (name, visits) = pipeline.send(handles)?;
    println!("pipeline: {:?}, {}", name?, visits?);

    let tx = client.transaction();
    let handles = (tx.set(NAME, "bob"), tx.decrby(VISITS, 2));
    let (set, visits) = tx.exec(handles)?;
    set?;
    println!("transaction: {}", visits?);

    let keys = client.scan_iter(ScanOptions::new().matching("example:blocking:*"));
    let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
    keys.sort();
    println!("keys: {keys:?}");

    client.del([NAME, VISITS])?;
    client.close()?;
    println!("after close: {}", client.ping().unwrap_err());
    Ok(())
}
