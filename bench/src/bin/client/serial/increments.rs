//! INCR of one key by many tasks of one client: none may be lost.

use futures_util::future::{join, join_all, join3};
use swarm_keydb::Client;

use super::load::{Commands, Step};
use super::{Report, peers, swarm};
use crate::server::{Queue, Upstream};

const TASKS: u64 = 64;

/// Increments by a client, and what the key holds afterwards.
struct Tally {
    name: &'static str,
    /// Increments that the server has acknowledged.
    acknowledged: u64,
    failed: u64,
    value: u64,
}

/// Increments a key of its own with all tasks, each `count` times.
async fn tally<C: Commands>(name: &'static str, client: C, reader: &Client, count: u64) -> Tally {
    let key = format!("counter:{name}");
    let tasks = (0..TASKS).map(|_| {
        let (client, key) = (client.clone(), key.clone());
        tokio::spawn(async move {
            let mut acknowledged = 0;
            for _ in 0..count {
                acknowledged += u64::from(client.run(Step::Increment(&key)).await);
            }
            acknowledged
        })
    });
    let acknowledged = join_all(tasks).await.into_iter().map(Result::unwrap).sum();
    let value = reader.get_as(&key).await.unwrap().unwrap_or_default();
    Tally {
        name,
        acknowledged,
        failed: TASKS * count - acknowledged,
        value,
    }
}

async fn tallies(queue: Queue, count: u64) -> Vec<Tally> {
    let gateway = Upstream::start(queue);
    let reader = swarm::one(&gateway.ws).await;
    let (ws, tcp, http) = join3(
        swarm::one(&gateway.ws),
        swarm::one(&gateway.tcp),
        swarm::one(&gateway.http),
    )
    .await;
    let (redis_rs, fred) = join(peers::redis_rs(&gateway.tcp), peers::fred(&gateway.tcp)).await;
    let one = join3(
        tally("one client, WebSocket", ws, &reader, count),
        tally("one client, TCP", tcp, &reader, count),
        tally("one client, HTTP", http, &reader, count),
    );
    let others = join(
        tally("redis-rs", redis_rs, &reader, count),
        tally("fred × 64", fred, &reader, count),
    );
    let ((ws, tcp, http), (redis_rs, fred)) = join(one, others).await;
    vec![ws, tcp, http, redis_rs, fred]
}

pub async fn run(report: &mut Report) {
    for (title, queue, count) in [
        ("with the write queue", Queue::Shipped, 1),
        ("without the write queue", Queue::Off, 100),
    ] {
        println!(
            "\n{TASKS} tasks INCR one key {count} times each, {title}\n  \
             {:<24} {:>12} {:>6} {:>7} {:>6}",
            "", "acknowledged", "value", "failed", "lost"
        );
        for tally in tallies(queue, count).await {
            let lost = tally.acknowledged.saturating_sub(tally.value);
            let is_ours = tally.name.starts_with("one client");
            let missed = match lost {
                1.. if is_ours => vec![format!("{lost} lost")],
                _ => Vec::new(),
            };
            let line = format!(
                "{:<24} {:>12} {:>6} {:>7} {lost:>6}",
                tally.name, tally.acknowledged, tally.value, tally.failed
            );
            if is_ours {
                report.line(&line, &missed);
            } else {
                println!("  {line}");
            }
        }
    }
}
