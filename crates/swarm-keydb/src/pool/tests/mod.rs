//! Tests of the pool, by hand and by random schedules.

mod races;

use std::hash::RandomState;
use std::sync::LazyLock;
use std::time::Duration;

use swarm_resp::Request;

use super::*;
use crate::runtime::Instant;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The keys of a command or a batch, written as text.
fn keys(commands: &str) -> OrderKeys {
    let requests: Vec<_> = commands.split("; ").map(request).collect();
    OrderKeys::of(requests.iter().map(Request::view), &*HASHER)
}

/// A command, written as text.
fn request(command: &str) -> Request {
    let mut words = command.split(' ');
    let name = words.next().unwrap();
    Request::new(name, words.collect::<Vec<_>>())
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

    fn give_back(&mut self, dispatched: &Dispatched<&'static str>) {
        let (position, job) = (dispatched.position, dispatched.job);
        self.pool
            .returned(position, job, keys(job), Need::Connection);
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
fn of_idle_connections_the_one_that_was_used_last_gets_the_next_call() {
    let mut bench = Bench::new(3);
    for command in ["SET a 1", "SET b 1", "SET c 1"] {
        bench.submit(command);
    }
    let sets = bench.dispatch();
    for at in [1, 2, 0] {
        bench.finish(&sets[at]);
    }
    bench.submit("SET d 1");
    let last = bench.dispatch().remove(0);
    assert_eq!(last.connection, sets[2].connection, "it got a call last");
    bench.finish(&last);
    bench.submit("SET e 1");
    assert_eq!(bench.take(), [("SET e 1", last.connection.0)]);
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
    assert_eq!(bench.take(), [("PING", 1), ("SET b 1", 0)]);
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
    bench.give_back(&first);
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
fn reads_overtake_a_read_that_was_set_aside_and_writes_do_not() {
    let mut bench = Bench::new(1);
    bench.submit("GET a");
    let read = bench.dispatch().remove(0);
    bench.pool.set_aside();
    let request = Request::new("GET", ["a"]);
    let kept = OrderKeys::of_overtaken([request.view()], &*HASHER);
    bench.pool.rekey_aside(read.position, kept);
    for command in ["GET a", "SET a 1", "GET a", "GET b"] {
        bench.submit(command);
    }
    assert_eq!(bench.take(), [("GET a", 0), ("GET b", 0)]);
    bench.give_back(&read);
    assert_eq!(
        bench.take(),
        [("GET a", 0), ("SET a 1", 0)],
        "it is sent again"
    );
}

#[test]
fn a_read_that_nobody_waits_for_keeps_its_place_on_the_connection_and_no_key() {
    let mut bench = Bench::new(2);
    bench.submit("GET a");
    let read = bench.dispatch().remove(0);
    bench.pool.freed(read.position, true);
    bench.submit("SET a 1");
    bench.submit("FLUSHALL");
    assert_eq!(bench.pool.in_flight(ConnectionId::PRIMARY), 1);
    let set = bench.dispatch().remove(0);
    assert_eq!(set.connection, id(1), "it has fewer calls");
    bench.finish(&set);
    assert_eq!(bench.take(), [("FLUSHALL", 1)]);
    bench.finish(&read);
    assert_eq!(bench.pool.in_flight(ConnectionId::PRIMARY), 0);
}

#[test]
fn on_a_silent_connection_fences_have_no_order_and_a_write_keeps_its_key() {
    let mut bench = Bench::new(2);
    bench.submit("FLUSHALL");
    let fence = bench.dispatch().remove(0);
    bench.submit("SET a 1");
    assert_eq!(bench.take(), []);
    bench.pool.freed(fence.position, false);
    let set = bench.dispatch().remove(0);
    assert_eq!(set.connection, id(1));
    bench.pool.freed(set.position, false);
    bench.pool.closed(id(1), *START);
    bench.submit("SCRIPT FLUSH");
    let other = bench.dispatch().remove(0);
    bench.finish(&other);
    bench.submit("SET a 2");
    assert_eq!(bench.take(), []);
    bench.finish(&set);
    assert_eq!(bench.take(), [("SET a 2", 0)]);
}

#[test]
fn without_a_connection_calls_go_to_the_queue_of_the_primary_one_in_order() {
    let mut bench = Bench::new(2);
    bench.submit("SET a 1");
    bench.submit("SET b 1");
    let sets = bench.dispatch();
    // One is set aside, and the other still owes its reply.
    bench.pool.closed(id(0), *START);
    bench.pool.closed(id(1), *START);
    for command in ["SET a 2", "SET c 1", "SET c 2", "FLUSHALL", "GET d"] {
        bench.submit(command);
    }
    let queued = bench.dispatch();
    let commands: Vec<_> = queued.iter().map(|call| call.job).collect();
    assert_eq!(commands, ["SET c 1", "SET c 2"]);
    bench.finish(&sets[1]);
    assert_eq!(bench.take(), []);
    bench.finish(&sets[0]);
    assert_eq!(bench.take(), [("SET a 2", 0)]);
    // The connection is back, and takes no more than fit.
    for call in &queued {
        bench.give_back(call);
    }
    bench.pool.opened(id(0), None, *START);
    assert_eq!(bench.pool.in_flight(id(0)), 1, "SET a 2");
    assert_eq!(bench.take(), [("SET c 1", 0), ("SET c 2", 0)]);
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
    bench.pool.submit("AUTH", OrderKeys::FENCE, Need::Primary);
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
    assert!(!pool.has_in_flight() && !pool.is_needed());
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
