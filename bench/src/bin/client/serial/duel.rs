//! One client against as many separate clients as it has connections, in turn, and other clients
//! over TCP.

use std::time::{Duration, Instant};

use swarm_keydb::Client;

use super::comparison::{self, Comparison, number};
use super::load::{Commands, Load, Mix, Outcome, Rest};
use super::{Report, peers, swarm};
use crate::server::{Queue, Upstream};

/// Number of connections that one client opens at most.
const CONNECTIONS: usize = 64;

/// Number of measurements of each contestant.
const ROUNDS: usize = 2;

const ROUND: Duration = Duration::from_millis(800);

/// Longer, because a write takes 100 ms: one more or less in a round must not count.
const ROUND_WITH_WRITES: Duration = Duration::from_millis(1_600);

/// Before each measurement, so that it begins in the middle of the work.
const WARM_UP: Duration = Duration::from_millis(300);

/// The number of connections is stable if it has not changed for this long: longer than the few
/// writes of 100 ms from which a client learns that its server is serial.
const STABLE: Duration = Duration::from_millis(1000);

/// The number of connections for reads, which are fast and teach a client nothing.
const STABLE_READING: Duration = Duration::from_millis(300);

/// One connection makes ten writes a second, whatever the number of tasks.
const SETS_OF_ONE_CONNECTION: f64 = 10.0;

/// A workload of the duel.
#[derive(Clone, Copy)]
struct Case {
    mix: Mix,
    tasks: usize,
}

/// Returns the loads for a transport. Stream writes run one at a time on the whole server, so more
/// tasks only wait longer.
fn cases(is_quick: bool, transport: &str) -> Vec<Case> {
    let tasks: &[usize] = if is_quick { &[8, 64] } else { &[1, 8, 64, 256] };
    let mut cases = Vec::new();
    for mix in [Mix::Set, Mix::Get, Mix::NineToOne] {
        cases.extend(tasks.iter().map(|&tasks| Case { mix, tasks }));
    }
    let adding: &[usize] = match transport {
        _ if is_quick => &[],
        "WebSocket" => &[1, 8, 64],
        _ => &[8],
    };
    cases.extend(adding.iter().map(|&tasks| Case {
        mix: Mix::Add,
        tasks,
    }));
    cases
}

pub async fn run(is_quick: bool, report: &mut Report) {
    let gateway = Upstream::start(Queue::Shipped);
    let transports = [
        ("WebSocket", &gateway.ws),
        ("TCP", &gateway.tcp),
        ("HTTP", &gateway.http),
    ];
    for (transport, url) in transports {
        if is_quick && transport != "WebSocket" {
            continue;
        }
        println!(
            "\n{transport}: one client, separate clients, and the ratio\n  \
             {:<24} {:>4} {:>6}  {}",
            "",
            "conn",
            "warm s",
            comparison::heading()
        );
        let one = swarm::one(url).await;
        let many = swarm::many(url, CONNECTIONS).await;
        for case in cases(is_quick, transport) {
            duel(case, &one, &many, report).await;
        }
        one.close().await;
        swarm::close(&many).await;
        if transport == "TCP" {
            others(url).await;
        }
    }
}

impl Case {
    const fn load(self, warm_up: Duration) -> Load {
        Load {
            mix: self.mix,
            tasks: self.tasks,
            warm_up,
            time: match self.mix {
                Mix::Get => ROUND,
                _ => ROUND_WITH_WRITES,
            },
        }
    }

    fn title(self) -> String {
        format!("{} tasks {}", self.tasks, self.mix.name())
    }
}

/// Runs the load until the number of connections is stable, and returns the time until it was.
async fn warm_up(case: Case, one: &Client) -> Duration {
    let begun = Instant::now();
    let load = Load {
        time: Duration::from_secs(60),
        ..case.load(Duration::ZERO)
    };
    let handles = [one.clone()];
    let working = tokio::spawn(async move { load.run(&handles, Rest::Drop).await });
    let (mut count, mut since) = (swarm::connections(one), Instant::now());
    let stable = match case.mix {
        Mix::Get => STABLE_READING,
        _ => STABLE,
    };
    while since.elapsed() < stable && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = swarm::connections(one);
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
    working.abort();
    // What was dropped still runs on the server, and must not delay the measurement.
    while one.stats().in_flight + one.stats().queued > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    since - begun
}

async fn duel(case: Case, one: &Client, many: &[Client], report: &mut Report) {
    let took = warm_up(case, one).await;
    let (mut single, mut separate) = (Outcome::default(), Outcome::default());
    let mut connections = 0;
    for round in 0..ROUNDS {
        let load = case.load(WARM_UP);
        let handles = [one.clone()];
        if round % 2 == 0 {
            single.append(load.run(&handles, Rest::Await).await);
        }
        connections = swarm::connections(one);
        // Writes need a connection per task, whatever the client has found out.
        let others = match case.mix {
            Mix::Get => connections,
            _ => connections.max(case.tasks.min(CONNECTIONS)),
        };
        separate.append(load.run(&many[..others], Rest::Await).await);
        if round % 2 != 0 {
            single.append(load.run(&handles, Rest::Await).await);
        }
    }
    let mut comparison = Comparison::new(&single, &separate);
    if case.mix == Mix::Set && case.tasks == 64 {
        let times = single.rate() / SETS_OF_ONE_CONNECTION;
        if times < 80.0 {
            let missed = format!("{times:.0} times one connection");
            comparison.missed.push(missed);
        }
    }
    let title = case.title();
    let took = took.as_secs_f64();
    comparison.print(&format!("{title:<24} {connections:>4} {took:>6.1}"), report);
}

/// Prints what other clients do with the same loads.
async fn others(url: &str) {
    println!(
        "\nTCP: other clients\n  {:<24} {:>12} {:>8} {:>8}  {:>12} {:>8} {:>8}",
        "", "redis-rs /s", "p50 ms", "p99 ms", "fred × 64 /s", "p50 ms", "p99 ms"
    );
    let redis_rs = peers::redis_rs(url).await;
    let fred = peers::fred(url).await;
    for case in cases(true, "TCP") {
        let redis_rs = other(case, &redis_rs).await;
        let fred = other(case, &fred).await;
        println!("  {:<24} {redis_rs}  {fred}", case.title());
    }
}

async fn other<C: Commands>(case: Case, client: &C) -> String {
    // Dropped, because on one connection the rest takes seconds, and so does not wait for it.
    let outcome = case.load(WARM_UP).run(&[client.clone()], Rest::Drop).await;
    let failed = match outcome.failed {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    format!(
        "{} {} {}{failed}",
        number(outcome.rate(), 12),
        number(outcome.quantile(0.5), 8),
        number(outcome.quantile(0.99), 8)
    )
}
