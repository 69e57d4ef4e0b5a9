//! A read from the cache: its time, compared with a round trip over loopback, and its instructions.
//! The number of instructions requires valgrind.
//!
//! The server is a redis-server, which is idle while the cache answers.

use std::collections::hash_map::RandomState;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use swarm_keydb::{CacheOptions, Cached, Client};

/// Argument that makes this program the one that is counted: a number of reads follows.
const COUNTED: &str = "--counted";

const FEW: u64 = 20_000;
const MANY: u64 = 220_000;

const ROUND_TRIPS: u32 = 20_000;
const HITS: u32 = 2_000_000;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let server = swarm_bench::server::redis();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::connect(&*server.url).await.unwrap();
        client.set("key", "0123456789abcdef").await.unwrap();
        let limited = CacheOptions::new().max_age(Duration::from_secs(3_600));
        let limited = client.cached(limited).await.unwrap();
        let cached = client.cached(CacheOptions::new()).await.unwrap();
        if let [_, flag, reads] = args.as_slice()
            && flag == COUNTED
        {
            return read(&cached, reads.parse().unwrap()).await;
        }
        let mut ratios = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..ROUND_TRIPS {
                client.get("key").await.unwrap();
            }
            let round_trip = start.elapsed() / ROUND_TRIPS;
            let hit = time(&cached).await;
            let with_age = time(&limited).await;
            ratios.push(round_trip.as_secs_f64() / hit.as_secs_f64());
            println!("hit {hit:?}, with a maximum age {with_age:?}, round trip {round_trip:?}");
        }
        ratios.sort_by(f64::total_cmp);
        println!("a round trip takes {:.0} hits", ratios[2]);
        compare_stores();
        let [few, many] = [FEW, MANY].map(count);
        println!("{} instructions per hit", (many - few) / (MANY - FEW));
    });
}

/// Compares a lookup in the crate that holds the values with one in another.
fn compare_stores() {
    let key = Bytes::from_static(b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
    let value = Bytes::from(vec![0; 64]);
    let quick = quick_cache::sync::Cache::<_, _, _, RandomState>::with(
        1_000,
        1_000,
        quick_cache::UnitWeighter,
        RandomState::new(),
        quick_cache::sync::DefaultLifecycle::default(),
    );
    let moka = moka::sync::Cache::new(1_000);
    quick.insert(key.clone(), value.clone());
    moka.insert(key.clone(), value);
    let lookups = HITS / 10;
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let time = |look_up: &dyn Fn() -> Option<Bytes>| {
            let start = Instant::now();
            for _ in 0..lookups {
                assert!(std::hint::black_box(look_up()).is_some());
            }
            start.elapsed().as_secs_f64()
        };
        let quick = time(&|| quick.get(&key));
        ratios.push(time(&|| moka.get(&key)) / quick);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "a lookup in moka takes {:.1} lookups in quick_cache",
        ratios[2]
    );
}

/// Returns the time of a hit.
async fn time(cached: &Cached) -> Duration {
    read(cached, 1).await;
    let start = Instant::now();
    read(cached, HITS.into()).await;
    start.elapsed() / HITS
}

async fn read(cached: &Cached, reads: u64) {
    for _ in 0..reads {
        let value = cached.get("key").await.unwrap();
        assert!(std::hint::black_box(value).is_some());
    }
}

/// Returns the instructions of this program with a number of reads.
fn count(reads: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([COUNTED, &reads.to_string()])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    collected.unwrap().1.trim().parse().unwrap()
}
