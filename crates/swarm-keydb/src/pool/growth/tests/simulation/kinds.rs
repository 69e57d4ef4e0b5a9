//! Kinds of server, and what the rule must make of each: the connections that it needs, all that
//! they can do, and soon.

use super::events::{MICROSECOND, MILLISECOND, SECOND};
use super::*;

/// What is expected of a client that decides by itself.
struct Kind {
    make: fn() -> Server,
    traffic: Traffic,
    seconds: Nanos,
    /// Connections at the end.
    connections: usize,
    /// Fixed number of connections that it must be as good as.
    as_good_as: usize,
    /// Seconds until 0.9 of the rate.
    reached: f64,
    trials: usize,
}

impl Kind {
    fn check(&self) -> Report {
        let run = |pool| simulate((self.make)(), self.traffic, pool, self.seconds * SECOND);
        let best = run(Pool::Fixed(self.as_good_as));
        let report = run(Pool::Grows(LIMITS));
        let (rate, median) = (report.rate(), report.median());
        let reached = report.reached(best.rate());
        println!(
            "{rate:.0}/s ({:.0}/s), median {median:.1} ms ({:.1} ms), {} connections, {} trials, \
             last opened after {:.2} s, 90 % after {reached:?} s",
            best.rate(),
            best.median(),
            report.connections,
            report.trials,
            report.last_opened(),
        );
        assert_eq!(report.connections, self.connections, "connections");
        assert_eq!(report.trials, self.trials, "trials");
        assert!(rate >= 0.97 * best.rate(), "rate");
        assert!(median <= 1.05 * best.median() + 0.1, "median");
        assert!(reached.is_some_and(|at| at <= self.reached), "too slow");
        report
    }
}

fn shipped() -> Server {
    Server::queue(100 * MILLISECOND, 64)
}

#[test]
fn a_write_queue_gets_a_connection_for_each_call_within_a_second() {
    let report = Kind {
        make: shipped,
        traffic: Traffic::new(64, 1.0),
        seconds: 6,
        connections: 64,
        as_good_as: 64,
        reached: 1.3,
        trials: 1,
    }
    .check();
    assert!(report.last_opened() < 1.0);
}

#[test]
fn reads_do_not_wait_for_the_write_queue() {
    let report = Kind {
        make: shipped,
        traffic: Traffic::new(64, 0.1),
        seconds: 4,
        connections: 64,
        as_good_as: 64,
        reached: 1.3,
        trials: 1,
    }
    .check();
    assert!(report.last_opened() < 1.0);
}

#[test]
fn two_tasks_get_two_connections() {
    Kind {
        make: shipped,
        traffic: Traffic::new(2, 1.0),
        seconds: 6,
        connections: 2,
        as_good_as: 2,
        reached: 0.9,
        trials: 1,
    }
    .check();
}

#[test]
fn one_task_keeps_one_connection() {
    Kind {
        make: shipped,
        traffic: Traffic::new(1, 1.0),
        seconds: 6,
        connections: 1,
        as_good_as: 1,
        reached: 0.6,
        trials: 0,
    }
    .check();
}

/// A server for which one connection is best.
fn needs_one(make: fn() -> Server, seconds: Nanos, reached: f64, trials: usize) {
    Kind {
        make,
        traffic: Traffic::new(64, 1.0),
        seconds,
        connections: 1,
        as_good_as: 1,
        reached,
        trials,
    }
    .check();
}

#[test]
fn a_serial_server_without_a_queue_needs_one_connection() {
    needs_one(|| Server::queue(20 * MICROSECOND, 1), 1, 0.5, 0);
}

#[test]
fn a_near_redis_needs_one_connection() {
    needs_one(
        || Server::one_thread(100 * MICROSECOND, |_| 5 * MICROSECOND),
        1,
        0.5,
        0,
    );
}

#[test]
fn a_far_redis_needs_one_connection() {
    needs_one(
        || Server::one_thread(80 * MILLISECOND, |_| 5 * MICROSECOND),
        4,
        0.9,
        0,
    );
}

#[test]
fn a_busy_redis_needs_one_connection() {
    needs_one(
        || Server::one_thread(200 * MICROSECOND, |_| 2 * MILLISECOND),
        4,
        0.5,
        1,
    );
}

#[test]
fn a_redis_that_runs_keys_now_and_then_needs_one_connection() {
    let keys = || {
        Server::one_thread(200 * MICROSECOND, |random| match random.f64() < 1e-4 {
            true => 200 * MILLISECOND,
            false => 5 * MICROSECOND,
        })
    };
    needs_one(keys, 3, 1.1, 1);
}

#[test]
fn a_far_and_thin_line_needs_one_connection() {
    needs_one(
        || Server::one_thread(30 * MILLISECOND, |_| 80 * MILLISECOND),
        12,
        0.6,
        1,
    );
}
