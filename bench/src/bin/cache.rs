//! A read from the cache: its time, compared with a round trip over loopback, and its instructions.
//! The number of instructions requires valgrind.
//!
//! The gateway runs on a thread of this program, and is idle while the cache answers.

use std::process::Command;
use std::time::{Duration, Instant};

use swarm_gateway::Gateway;
use swarm_keydb::{CacheOptions, Cached, Client};

/// Argument that makes this program the one that is counted: a number of reads follows.
const COUNTED: &str = "--counted";

const FEW: u64 = 20_000;
const MANY: u64 = 220_000;

const ROUND_TRIPS: u32 = 20_000;
const HITS: u32 = 2_000_000;

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let gateway = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let started = gateway.block_on(Gateway::builder().tcp("127.0.0.1:0").start());
    let started = started.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::connect(started.tcp_url()).await.unwrap();
        client.set("key", "0123456789abcdef").await.unwrap();
        let options = CacheOptions::new().max_age(Duration::from_secs(3_600));
        let cached = client.cached(options).await.unwrap();
        cached.get("key").await.unwrap();
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
            let start = Instant::now();
            read(&cached, HITS.into()).await;
            let hit = start.elapsed() / HITS;
            ratios.push(round_trip.as_secs_f64() / hit.as_secs_f64());
            println!("hit {hit:?}, round trip {round_trip:?}");
        }
        ratios.sort_by(f64::total_cmp);
        println!("a round trip takes {:.0} hits", ratios[2]);
        let [few, many] = [FEW, MANY].map(count);
        println!("{} instructions per hit", (many - few) / (MANY - FEW));
    });
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
