//! Primaries that real sentinels name: failovers under load, demotion, and what errors say.

mod answers;
mod demotion;
mod load;

use std::time::Duration;

use swarm_keydb::Client;

/// Returns how often a server has replied READONLY.
async fn readonly_replies(url: &str) -> usize {
    let client = Client::connect(url).await.unwrap();
    let stats = client.raw("INFO", "errorstats").await.unwrap();
    client.close().await;
    let stats = stats.as_str().unwrap().to_owned();
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("errorstat_READONLY:count="));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

/// A pause between two looks at a server.
const LOOK: Duration = Duration::from_millis(10);
