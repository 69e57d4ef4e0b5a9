//! Sends a million commands over 64 connections of a serial server, and a million of two clients
//! over 8 connections each, and checks the history of each key. `cargo xtask soak` sends fewer.

use std::error::Error;
use std::time::{Duration, Instant};

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{Findings, Load, UPSTREAM};

/// Number of commands to each server, unless the first argument is another.
const COMMANDS: usize = 1_000_000;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result {
    let commands = std::env::args().nth(1).map(|commands| commands.parse());
    let load = Load {
        commands: commands.unwrap_or(Ok(COMMANDS))?,
        tasks: 256,
        keys: 200,
    };
    let queue = WriteQueue::new().interval(Duration::from_millis(1));
    let serial = Gateway::builder().dialect(Dialect::UPSTREAM);
    let serial = serial.write_queue(queue).start().await?;
    let one = [Client::connect(serial.ws_url()).await?];
    check("one client, write queue", load, &one, 64).await?;

    let fast = Gateway::builder().dialect(UPSTREAM).start().await?;
    let options = || ClientOptions::new(fast.ws_url()).min_connections(8);
    let two = [
        Client::connect(options()).await?,
        Client::connect(options()).await?,
    ];
    check("two clients, no write queue", load, &two, 8).await
}

/// Runs the load, and fails if a history is wrong or too few connections were used.
async fn check(name: &str, load: Load, clients: &[Client], connections: usize) -> Result {
    let start = Instant::now();
    let findings: Findings = load.run(clients).await?;
    println!("{name}: {findings}, in {:.0?}", start.elapsed());
    let violations = findings.swapped.iter().chain(&findings.not_linearizable);
    for violation in violations.clone().take(20) {
        println!("{violation}");
    }
    if violations.count() > 0 || findings.connections < connections {
        return Err(format!("{name}: a history is wrong, or connections are missing").into());
    }
    Ok(())
}
