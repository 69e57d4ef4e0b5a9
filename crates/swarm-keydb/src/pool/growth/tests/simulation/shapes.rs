//! Traffic and servers that are easily mistaken for others.

use super::events::{MICROSECOND, MILLISECOND, SECOND};
use super::server::Work;
use super::*;

/// Seeds with which each shape is simulated.
const SEEDS: u64 = 3;

const NEAR: Nanos = 200 * MICROSECOND;

/// Runs a shape with each seed, and checks the number of connections at the end, and that the rate
/// is at least `share` of that with a fixed number of connections.
fn check(
    make: impl Fn() -> Server,
    traffic: Traffic,
    seconds: Nanos,
    connections: std::ops::RangeInclusive<usize>,
    (fixed, share): (usize, f64),
) {
    for seed in 0..SEEDS {
        let run = |pool| simulate_seed(make(), traffic, pool, seconds * SECOND, seed);
        let (best, report) = (run(Pool::Fixed(fixed)), run(Pool::Grows(LIMITS)));
        println!(
            "seed {seed}: {} connections, {} trials, {:.0}/s ({:.0}/s)",
            report.connections,
            report.trials,
            report.rate(),
            best.rate()
        );
        assert!(connections.contains(&report.connections), "connections");
        assert!(report.rate() >= share * best.rate(), "rate");
    }
}

fn queue(tick: Nanos) -> Server {
    Server::queue(tick * MILLISECOND, 64)
}

#[test]
fn write_queues_of_other_intervals() {
    check(|| queue(10), Traffic::new(64, 1.0), 3, 64..=64, (64, 0.97));
    check(
        || queue(1000),
        Traffic::new(64, 1.0),
        20,
        64..=64,
        (64, 0.95),
    );
}

#[test]
fn a_write_among_a_hundred_reads() {
    check(|| queue(100), Traffic::new(16, 0.01), 4, 16..=16, (16, 0.8));
    check(|| queue(100), Traffic::new(5, 0.01), 4, 5..=5, (5, 0.7));
}

#[test]
fn bursts_of_writes() {
    let traffic = Traffic {
        pause: SECOND,
        bursts: true,
        ..Traffic::new(50, 1.0)
    };
    check(|| queue(100), traffic, 20, 50..=50, (64, 0.5));
}

#[test]
fn more_tasks_than_connections() {
    check(
        || queue(100),
        Traffic::new(1000, 1.0),
        6,
        64..=64,
        (64, 0.97),
    );
}

#[test]
fn a_far_serial_server() {
    let far = || Server {
        round_trip: 80 * MILLISECOND,
        ..queue(100)
    };
    check(far, Traffic::new(64, 1.0), 10, 64..=64, (64, 0.95));
    let fast = || Server::serial(80 * MILLISECOND, |_, _| Work::Alone(20 * MICROSECOND));
    check(fast, Traffic::new(64, 1.0), 6, 1..=1, (1, 0.97));
}

#[test]
fn a_serial_server_that_is_slow_without_a_queue() {
    let alone = |time| move || Server::serial(NEAR, move |_, _| Work::Alone(time));
    check(
        alone(MILLISECOND),
        Traffic::new(16, 1.0),
        1,
        16..=16,
        (16, 0.95),
    );
    check(
        alone(5 * MILLISECOND),
        Traffic::new(32, 1.0),
        2,
        32..=32,
        (64, 0.95),
    );
}

/// More connections than cores are of no use, but do no harm.
#[test]
fn a_serial_server_that_is_short_of_cores() {
    let cores = || Server::serial(NEAR, |_, _| Work::Core(5 * MILLISECOND)).with_cores(4);
    check(cores, Traffic::new(64, 1.0), 4, 4..=64, (64, 0.95));
}

/// Stream writes hold a lock of the whole server.
#[test]
fn writes_under_one_lock() {
    let lock = || {
        Server::serial(NEAR, |_, job| match job {
            Job::Write => Work::Lock(100 * MILLISECOND),
            _ => Work::Alone(20 * MICROSECOND),
        })
    };
    check(lock, Traffic::new(64, 1.0), 10, 1..=1, (1, 0.97));
}

#[test]
fn a_server_that_turns_serial() {
    let turns = || {
        let mut calls = 0;
        Server::serial(NEAR, move |_, _| {
            calls += 1;
            Work::Alone(match calls < 20_000 {
                true => 20 * MICROSECOND,
                false => 100 * MILLISECOND,
            })
        })
    };
    check(turns, Traffic::new(64, 1.0), 8, 64..=64, (64, 0.7));
}

/// All connections wait for a long command, and each keeps its pace.
#[test]
fn one_thread_with_long_commands_among_short_ones() {
    let mixed = |share: f64, long: Nanos| {
        move || {
            Server::one_thread(NEAR, move |random| match random.f64() < share {
                true => long,
                false => 20 * MICROSECOND,
            })
        }
    };
    check(
        mixed(0.1, 2 * MILLISECOND),
        Traffic::new(64, 1.0),
        10,
        1..=1,
        (1, 0.97),
    );
    check(
        mixed(0.1, 50 * MILLISECOND),
        Traffic::new(64, 1.0),
        10,
        1..=1,
        (1, 0.97),
    );
    check(
        mixed(0.001, 200 * MILLISECOND),
        Traffic::new(64, 1.0),
        8,
        1..=1,
        (1, 0.97),
    );
}

#[test]
fn one_thread_with_commands_of_any_length() {
    let random = || Server::one_thread(NEAR, |random| exponential(random, 5 * MILLISECOND));
    check(random, Traffic::new(64, 1.0), 10, 1..=1, (1, 0.97));
    check(random, Traffic::new(3, 1.0), 10, 1..=1, (1, 0.97));
}

#[test]
fn one_thread_that_pauses() {
    let pauses = |period: Nanos| {
        move || Server {
            pauses: Some((period * MILLISECOND, 50 * MILLISECOND)),
            ..Server::one_thread(NEAR, |_| 20 * MICROSECOND)
        }
    };
    check(pauses(1000), Traffic::new(16, 1.0), 3, 1..=1, (1, 0.97));
    check(pauses(200), Traffic::new(16, 1.0), 3, 1..=1, (1, 0.97));
    let few = Traffic {
        pause: 100 * MILLISECOND,
        ..Traffic::new(10, 0.5)
    };
    check(pauses(200), few, 60, 1..=1, (1, 0.97));
}

#[test]
fn a_network_that_is_late_now_and_then() {
    let late = |round_trip: Nanos, jitter: Nanos| {
        move || Server {
            jitter: jitter * MILLISECOND,
            ..Server::one_thread(round_trip * MILLISECOND, |_| 5 * MICROSECOND)
        }
    };
    check(late(80, 20), Traffic::new(64, 1.0), 10, 1..=1, (1, 0.97));
    check(late(2, 30), Traffic::new(64, 1.0), 10, 1..=1, (1, 0.9));
    // Here, each connection does keep its pace.
    check(late(80, 80), Traffic::new(64, 1.0), 10, 1..=64, (1, 0.97));
}

fn exponential(random: &mut fastrand::Rng, mean: Nanos) -> Nanos {
    (-random.f64().max(1e-9).ln() * mean as f64) as Nanos
}
