//! Order of calls over the HTTP fallback, which runs several requests at a time, in any order.

use super::*;
use crate::options::{CommandOrder, FallbackScope};

/// A client without a connection, whose calls use the fallback.
fn bench(calls: &[&str]) -> Bench {
    let mut bench = Bench::offline();
    bench.engine.session.settings.fallback = FallbackScope::Stateless;
    for call in calls {
        let mut words = call.split(' ');
        let name = words.next().unwrap();
        let request = Request::new(name, words.collect::<Vec<_>>());
        bench.submit(Requests::One(request), Retry::Never, false);
    }
    bench
}

/// Sends all that may be sent now.
fn sent(bench: &mut Bench) -> Vec<String> {
    std::iter::from_fn(|| bench.send_over_fallback()).collect()
}

fn reply(bench: &mut Bench) {
    bench.engine.fallback().receive(bulk("OK")).unwrap();
}

#[test]
fn calls_of_different_keys_run_at_a_time_and_those_of_one_key_wait() {
    let mut bench = bench(&[
        "SET a 1", "SET b 1", "GET a", "SET c 1", "SET a 2", "MGET b c",
    ]);
    assert_eq!(sent(&mut bench), ["SET a 1", "SET b 1", "SET c 1"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["GET a"], "and not SET a 2");
    reply(&mut bench);
    assert_eq!(sent(&mut bench), [""; 0], "SET c 1 has no reply yet");
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["MGET b c"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["SET a 2"]);
}

#[test]
fn a_call_does_not_overtake_one_that_waits_for_a_common_key() {
    let mut bench = bench(&["SET a 1", "MSET a 2 b 2", "GET b"]);
    assert_eq!(sent(&mut bench), ["SET a 1"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["MSET a 2 b 2"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["GET b"]);
}

#[test]
fn a_call_does_not_overtake_one_that_waits_for_the_connection() {
    let mut bench = bench(&["INCR a", "GET a", "GET b", "SCRIPT FLUSH", "GET c"]);
    bench.engine.session.settings.fallback = FallbackScope::GetAndSet;
    assert_eq!(sent(&mut bench), ["GET b"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), [""; 0]);
}

#[test]
fn a_call_whose_caller_has_left_holds_back_no_later_one() {
    let mut bench = bench(&[]);
    bench.engine.session.settings.fallback = FallbackScope::GetAndSet;
    let request = Request::new("INCR", ["a"]);
    let gone = bench.submit(Requests::One(request), Retry::Never, false);
    assert_eq!(sent(&mut bench), [""; 0]);
    *gone.borrow_mut() = true;
    let request = Request::new("GET", ["a"]);
    bench.submit(Requests::One(request), Retry::ReadOnly, false);
    bench.engine.fallback().sweep();
    assert_eq!(sent(&mut bench), ["GET a"]);
}

#[test]
fn a_fence_goes_alone() {
    let mut bench = bench(&["SET a 1", "FLUSHALL", "PING"]);
    for expected in ["SET a 1", "FLUSHALL", "PING"] {
        assert_eq!(sent(&mut bench), [expected]);
        reply(&mut bench);
    }
}

#[test]
fn a_client_that_keeps_all_commands_in_order_sends_one_at_a_time() {
    let mut bench = bench(&["SET a 1", "SET b 1"]);
    bench.engine.session.settings.order = CommandOrder::All;
    assert_eq!(sent(&mut bench), ["SET a 1"]);
    reply(&mut bench);
    assert_eq!(sent(&mut bench), ["SET b 1"]);
}

#[test]
fn keys_are_free_again_when_the_fallback_is_lost() {
    let mut bench = bench(&["SET a 1", "SET a 2"]);
    assert_eq!(sent(&mut bench), ["SET a 1"]);
    bench.engine.fallback().disconnected(&lost(), bench.now);
    assert_eq!(bench.answers(), results(&[(0, "lost sent=true")]));
    assert_eq!(sent(&mut bench), ["SET a 2"]);
}

fn lost() -> Arc<TransportError> {
    Arc::new(TransportError::new(TransportErrorKind::Closed, "closed"))
}
