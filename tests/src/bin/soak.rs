//! Sends 100,000 commands to a server that is down for at least 30 seconds. Every call completes by
//! its deadline, memory stays within the budget, and the client recovers afterwards. Run by `cargo
//! xtask soak`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, Outcome, State};
use tokio::task::JoinSet;

const DOWN: Duration = Duration::from_secs(30);
const CALLS: usize = 100_000;
/// A machine on which all calls take longer is of no use for this.
const MAX_DOWN: Duration = Duration::from_secs(120);
/// Timeout of a call, and the additional delay tolerated on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(1);
/// Maximum size of the commands in flight, and permitted growth of the process.
const BUDGET: usize = 48 << 20;
const GROWTH: usize = BUDGET + BUDGET / 10;
/// Number of tasks that send one command after another: enough for all calls within the time if
/// each takes its whole timeout, with some slack.
const TASKS: usize = CALLS * 11 / 10 / DOWN.as_secs() as usize;
/// All tasks together stay just within the budget.
const VALUE: usize = BUDGET / TASKS * 8 / 10;

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result {
    if holds { Ok(()) } else { Err(what().into()) }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result {
    let gateway = Gateway::builder().ws("127.0.0.1:0").start().await?;
    let url = gateway.ws_url().to_owned();
    let options = ClientOptions::new(&url)
        .request_timeout(TIMEOUT)
        .max_in_flight(TASKS * 2)
        .max_in_flight_bytes(BUDGET);
    let client = Client::connect(options).await?;
    client.set("k", "x".repeat(VALUE)).await?;
    let mut states = client.watch_state();
    gateway.shutdown().await;
    states.reached(State::Reconnecting).await;

    let before = resident()?;
    let start = Instant::now();
    let peak = Arc::new(AtomicUsize::new(before));
    let (down, calls) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(keep_calling(
            client.clone(),
            task,
            Arc::clone(&down),
            Arc::clone(&calls),
        ));
    }
    let watched = Arc::clone(&peak);
    let watch = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            watched.fetch_max(resident().unwrap_or(usize::MAX), Ordering::Relaxed);
        }
    });
    tokio::time::sleep(DOWN).await;
    down.store(false, Ordering::Relaxed);
    let mut latest = Duration::ZERO;
    let all_ended = async {
        while let Some(longest) = tasks.join_next().await {
            latest = latest.max(longest??);
        }
        Result::<()>::Ok(())
    };
    tokio::time::timeout(MAX_DOWN - DOWN, all_ended).await??;
    watch.abort();

    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let _gateway = Gateway::builder().ws(address).start().await?;
    states.reached(State::Connected).await;
    client.set("k", "v").await?;
    // The last call returns its permits right after its reply.
    let settled = async {
        while client.stats().in_flight_bytes > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SLACK, settled).await?;
    let (calls, peak, stats) = (
        calls.load(Ordering::Relaxed),
        peak.load(Ordering::Relaxed),
        client.stats(),
    );
    let growth = peak.saturating_sub(before);
    println!(
        "{calls} calls in {:.0?}, each over after {latest:.2?} at the latest (timeout {TIMEOUT:?})",
        start.elapsed()
    );
    println!(
        "grown by {} MiB at the most (allowed {} MiB)",
        growth >> 20,
        GROWTH >> 20
    );
    println!("afterwards {stats:?}");
    ensure(latest <= TIMEOUT + SLACK, || {
        format!("a call took {latest:?}")
    })?;
    ensure(growth <= GROWTH, || format!("grown by {growth} bytes"))?;
    let left = (stats.queued, stats.in_flight, stats.in_flight_bytes);
    ensure(left == (0, 0, 0), || {
        format!("something is left: {stats:?}")
    })
}

/// Sends one command after another while the server is down. Returns the longest duration.
async fn keep_calling(
    client: Client,
    task: usize,
    down: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    let key = format!("k{task}");
    while down.load(Ordering::Relaxed) || calls.load(Ordering::Relaxed) < CALLS {
        let start = Instant::now();
        let sent = client.set(&key, "x".repeat(VALUE)).await;
        longest = longest.max(start.elapsed());
        calls.fetch_add(1, Ordering::Relaxed);
        match sent {
            Err(error) if error.is_timeout() && error.outcome() == Some(Outcome::NotSent) => {}
            other => return Err(format!("instead of a timeout: {other:?}").into()),
        }
    }
    Ok(longest)
}

/// Returns the resident memory of this process in bytes.
fn resident() -> Result<usize> {
    const PAGE: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split_ascii_whitespace()
        .nth(1)
        .ok_or("no second field")?;
    Ok(pages.parse::<usize>()? * PAGE)
}
