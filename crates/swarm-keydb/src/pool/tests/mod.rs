//! Tests of the pool, by hand and by random schedules.

mod races;

use std::hash::RandomState;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use swarm_resp::Request;

use super::*;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The keys of a command, written as text.
fn keys(command: &str) -> OrderKeys {
    let mut words = command.split(' ');
    let name = words.next().unwrap();
    let request = Request::new(name, words.collect::<Vec<_>>());
    OrderKeys::of([request.view()], &*HASHER)
}

fn id(number: u32) -> ConnectionId {
    ConnectionId(number)
}

const ONE: Work = Work {
    requests: 1,
    is_long: false,
};

struct Bench {
    pool: Pool<&'static str>,
}

impl Bench {
    /// A pool with this many connections.
    fn new(connections: usize) -> Self {
        let mut pool = Pool::new(Limits {
            min: connections,
            max: 64,
        });
        pool.opened(ConnectionId::PRIMARY, None, *START);
        while let Plan::Open(id) = pool.plan(*START) {
            pool.opened(id, None, *START);
        }
        assert_eq!(pool.connections(), connections);
        Self { pool }
    }

    fn submit(&mut self, command: &'static str) {
        self.pool.submit(command, keys(command), Need::Connection);
    }

    /// The jobs that leave the pool, each with its connection.
    fn take(&mut self) -> Vec<(&'static str, u32)> {
        self.dispatch()
            .iter()
            .map(|d| (d.job, d.connection.0))
            .collect()
    }

    fn dispatch(&mut self) -> Vec<Dispatched<&'static str>> {
        std::iter::from_fn(|| self.pool.next(|_| ONE, *START)).collect()
    }

    fn finish(&mut self, dispatched: &Dispatched<&'static str>) {
        self.pool.finished(dispatched.position, *START);
    }
}

#[test]
fn calls_of_one_key_go_to_one_connection_and_others_to_the_least_loaded() {
    let mut bench = Bench::new(3);
    for command in ["SET a 1", "SET b 1", "GET a", "SET c 1", "SET d 1", "GET b"] {
        bench.submit(command);
    }
    let expected = [
        ("SET a 1", 0),
        ("SET b 1", 1),
        ("GET a", 0),
        ("SET c 1", 2),
        ("SET d 1", 1),
        ("GET b", 1),
    ];
    assert_eq!(bench.take(), expected);
}

#[test]
fn a_call_waits_until_its_keys_are_on_one_connection() {
    let mut bench = Bench::new(3);
    bench.submit("SET a 1");
    bench.submit("SET b 1");
    let sets = bench.dispatch();
    bench.submit("MGET a b");
    bench.submit("GET b");
    bench.submit("GET c");
    assert_eq!(
        bench.take(),
        [("GET c", 2)],
        "GET b must not overtake MGET a b"
    );
    bench.finish(&sets[0]);
    assert_eq!(bench.take(), [("MGET a b", 1), ("GET b", 1)]);
}

#[test]
fn a_fence_waits_for_everything_and_holds_back_everything() {
    let mut bench = Bench::new(2);
    bench.submit("SET a 1");
    bench.submit("PING");
    let first = bench.dispatch();
    for command in ["FLUSHALL", "PING", "SET b 1"] {
        bench.submit(command);
    }
    assert_eq!(bench.take(), []);
    bench.finish(&first[0]);
    assert_eq!(bench.take(), []);
    bench.finish(&first[1]);
    let fence = bench.dispatch();
    assert_eq!(fence.len(), 1, "{fence:?}");
    bench.finish(&fence[0]);
    assert_eq!(bench.take(), [("PING", 0), ("SET b 1", 1)]);
}

#[test]
fn a_call_that_returns_goes_out_before_later_calls_of_its_key() {
    let mut bench = Bench::new(2);
    bench.submit("SET a 1");
    let first = bench.dispatch().remove(0);
    bench.submit("SET a 2");
    bench.pool.closed(id(0), *START);
    assert_eq!(
        bench.take(),
        [],
        "the key is held by a connection that is gone"
    );
    bench.pool.returned(first.position, first.job);
    assert_eq!(bench.take(), [("SET a 1", 1), ("SET a 2", 1)]);
}

#[test]
fn a_call_on_a_connection_that_was_set_aside_keeps_its_key() {
    let mut bench = Bench::new(1);
    bench.submit("SET a 1");
    let pending = bench.dispatch().remove(0);
    bench.pool.set_aside();
    bench.submit("SET a 2");
    bench.submit("SET b 1");
    assert_eq!(bench.take(), [("SET b 1", 0)]);
    bench.finish(&pending);
    assert_eq!(bench.take(), [("SET a 2", 0)]);
}

#[test]
fn a_hold_waits_for_its_keys_and_needs_no_connection() {
    let mut bench = Bench::new(1);
    bench.submit("SET a 1");
    let set = bench.dispatch().remove(0);
    let held = OrderKeys::held([b"a".as_slice()], &*HASHER);
    bench.pool.submit("hold", held, Need::Names);
    bench.submit("INCR a");
    bench.submit("INCR b");
    bench.submit("GET c");
    assert_eq!(bench.take(), [("INCR b", 0), ("GET c", 0)]);
    bench.finish(&set);
    let hold = bench.dispatch();
    assert_eq!(hold.len(), 1);
    assert_eq!(
        (hold[0].job, hold[0].connection),
        ("hold", ConnectionId::DEDICATED)
    );
    assert_eq!(bench.take(), []);
    bench.finish(&hold[0]);
    assert_eq!(bench.take(), [("INCR a", 0)]);
}

#[test]
fn a_call_that_changes_its_connection_goes_to_the_first_alone() {
    let mut bench = Bench::new(2);
    bench.submit("SET a 1");
    let set = bench.dispatch().remove(0);
    bench
        .pool
        .submit("AUTH", OrderKeys::Everything, Need::Primary);
    assert_eq!(bench.take(), []);
    bench.finish(&set);
    assert_eq!(bench.take(), [("AUTH", 0)]);
}

#[test]
fn only_replies_show_the_pace_of_the_server() {
    let mut pool = Pool::new(Limits { min: 1, max: 64 });
    let round_trip = Duration::from_millis(100);
    pool.opened(ConnectionId::PRIMARY, Some(round_trip), *START);
    let window = pool.window();
    let send = |pool: &mut Pool<&'static str>, need| {
        let keys = match need {
            Need::Names => OrderKeys::held([b"a".as_slice()], &*HASHER),
            _ => keys("SET b 1"),
        };
        pool.submit("job", keys, need);
        pool.next(|_| ONE, *START).unwrap().position
    };
    let lost = send(&mut pool, Need::Connection);
    pool.unanswered(lost);
    assert_eq!(pool.window(), window, "no reply has arrived");
    let hold = send(&mut pool, Need::Names);
    assert_eq!(pool.finished(hold, *START), None);
    let answered = send(&mut pool, Need::Connection);
    pool.finished(answered, *START + round_trip);
    assert_eq!(pool.window(), window + 1, "the reply took one round trip");
    assert!(!pool.has_in_flight() && !pool.has_holds());
}

#[test]
fn withdrawing_a_call_lets_later_ones_go() {
    let mut bench = Bench::new(2);
    bench.submit("SET a 1");
    bench.submit("SET b 1");
    let sets = bench.dispatch();
    bench.submit("MGET a b");
    bench.submit("GET a");
    assert_eq!(bench.take(), []);
    bench
        .pool
        .retain(|job| Some(job).filter(|job| *job != "MGET a b"));
    assert_eq!(bench.take(), [("GET a", 0)]);
    drop(sets);
}
