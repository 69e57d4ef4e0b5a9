//! Kills a server 200 times while a client has 64 connections to it; no command runs twice, and at
//! most two per connection are in doubt. `cargo xtask soak` kills it less often.

use std::error::Error;

use swarm_tests::{Killed, kill_repeatedly, serve_until_killed};

/// Number of kills, unless the first argument is another.
const KILLS: usize = 200;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, arguments @ ..] = &arguments[..]
        && command == "serve"
    {
        serve_until_killed(arguments).await;
        return Ok(());
    }
    let kills = arguments.first().map_or(Ok(KILLS), |kills| kills.parse())?;
    let killed = kill_repeatedly(&std::env::current_exe()?, kills).await?;
    let killed = killed.ok_or("this needs redis-server")?;
    println!("{killed}");
    for fault in killed.faults.iter().take(20) {
        println!("{fault}");
    }
    if killed.faults.is_empty() && killed.most_in_doubt() <= Killed::MAX_IN_DOUBT {
        Ok(())
    } else {
        Err("the outcomes are not what has happened".into())
    }
}
