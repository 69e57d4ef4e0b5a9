//! Writers and cached readers of a real Redis: no reader gets a value that is older than what the
//! cache had learned before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use swarm_keydb::{CacheOptions, Client};
use swarm_tests::{Redis, within, within_secs};

/// Number of keys. Few, so that readers and writers meet.
const KEYS: usize = 16;

/// How long it runs. `SWARM_CACHE_SECONDS` sets another time.
fn time() -> u64 {
    std::env::var("SWARM_CACHE_SECONDS").map_or(2, |text| text.parse().unwrap())
}

/// Each writer increases the values of its own keys, and reads them back through the cache: a value
/// that it gets must not be smaller than what it has written, because its own writes are known to
/// the cache. Readers must not see a value decrease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_writers_and_eight_readers_see_no_older_value() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let budget = 1 << 20;
    let cached = within(client.cached(CacheOptions::new().max_bytes(budget)))
        .await
        .unwrap();
    for key in 0..KEYS {
        within(client.set(key.to_string(), 0)).await.unwrap();
    }
    let done = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for writer in 0..8 {
        let (client, cached, done) = (client.clone(), cached.clone(), Arc::clone(&done));
        tasks.push(tokio::spawn(async move {
            let mut number = 0_u64;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let key = writer.to_string();
                cached.set(&key, number).await.unwrap();
                let seen: u64 = cached.get_as(&key).await.unwrap().unwrap();
                assert!(seen >= number, "{seen} after {number} was written");
                // Another key, past the cache.
                client.incr((writer + 8).to_string()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
    }
    for _ in 0..8 {
        let (cached, done, reads) = (cached.clone(), Arc::clone(&done), Arc::clone(&reads));
        tasks.push(tokio::spawn(async move {
            let mut known = [0_u64; KEYS];
            while !done.load(Ordering::Relaxed) {
                for (key, known) in known.iter_mut().enumerate() {
                    let seen: u64 = cached.get_as(key.to_string()).await.unwrap().unwrap();
                    assert!(seen >= *known, "{seen} after {known} was seen");
                    *known = seen;
                }
                reads.fetch_add(KEYS as u64, Ordering::Relaxed);
                assert!(cached.stats().bytes <= budget);
                tokio::task::yield_now().await;
            }
        }));
    }
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(time())).await;
    done.store(true, Ordering::Relaxed);
    for task in tasks {
        within_secs(10, task).await.unwrap();
    }
    let stats = cached.stats();
    println!(
        "{} reads in {:?}: {stats:?}",
        reads.load(Ordering::Relaxed),
        start.elapsed()
    );
    assert!(stats.hits > 0 && stats.invalidations > 0, "{stats:?}");
    // Once all announcements have arrived, what is cached is what the server has.
    for key in 0..KEYS {
        let stored = within(client.get(key.to_string())).await.unwrap();
        within(async {
            while cached.get(key.to_string()).await.unwrap() != stored {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
