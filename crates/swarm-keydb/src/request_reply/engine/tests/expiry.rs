//! Which calls time out, when, and with which error; what becomes of calls on the HTTP fallback.

use super::*;
use crate::failure::Outage;

fn error() -> Arc<TransportError> {
    Arc::new(TransportError::new(TransportErrorKind::Closed, "cut"))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_waiting_call_times_out_at_its_own_deadline() {
    let mut bench = Bench::offline();
    for timeout in [5, 20, 8] {
        bench.call_until("INCR", seconds(timeout));
    }
    bench.advance(5);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=false")]));
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + seconds(3)));
    bench.advance(3);
    assert_eq!(bench.answers(), results(&[(2, "timeout sent=false")]));
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + seconds(12)));
    assert_eq!(bench.engine.pending().queued(), 1);
}

#[test]
fn each_call_in_flight_times_out_at_its_own_deadline() {
    let mut bench = Bench::ready();
    for timeout in [5, 20, 8] {
        bench.call_until("INCR", seconds(timeout));
    }
    assert_eq!(bench.sent().len(), 3);
    bench.advance(5);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + seconds(3)));
    bench.advance(3);
    assert_eq!(bench.answers(), results(&[(2, "timeout sent=true")]));
}

#[test]
fn a_call_that_returns_from_a_connection_set_aside_still_times_out() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.sent();
    bench.call_until("INCR", seconds(5));
    let mut aside = bench.engine.set_aside();
    bench.advance(5);
    assert_eq!(bench.answers(), results(&[(1, "timeout sent=false")]));
    assert_eq!(bench.engine.next_deadline(), None);
    aside.disconnected(&error(), bench.now);
    bench.engine.take_back(&mut aside);
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + seconds(5)));
    bench.advance(5);
    assert_eq!(bench.answers().len(), 1);
}

fn outage() -> Outage {
    let mut outage = Outage::default();
    outage.note_attempt(&error(), Instant::now());
    outage
}

#[test]
fn a_timeout_names_the_failed_attempt_to_connect_until_one_succeeds() {
    let mut bench = Bench::offline();
    bench.engine.session_mut().note_outage(outage());
    bench.incr("a");
    bench.advance(10);
    let results = bench.answers();
    assert_eq!(results[0].1, "timeout sent=false after cut");

    let stateless = Capabilities::FULL.with_session(false);
    for capabilities in [Capabilities::FULL, stateless] {
        bench.engine.session_mut().note_outage(outage());
        if capabilities.session {
            bench.handshake();
        } else {
            bench.engine.connected(capabilities);
        }
        assert!(bench.engine.session().is_ready());
        bench.cut();
        bench.incr("a");
        bench.advance(10);
        assert_eq!(bench.answers()[0].1, "timeout sent=false");
    }
}

#[test]
fn a_handshake_that_has_only_begun_keeps_the_error() {
    let mut bench = Bench::offline();
    bench.engine.session_mut().note_outage(outage());
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("HELLO 3"));
    bench.reply(&map());
    bench.cut();
    bench.incr("a");
    bench.advance(10);
    let results = bench.answers();
    assert_eq!(results[0].1, "timeout sent=false after cut");
}

#[test]
fn a_read_is_not_repeated_forever_over_the_fallback() {
    let mut bench = Bench::offline();
    bench.get("a");
    assert!(bench.engine.fallback().is_settled());
    for _ in 0..3 {
        assert_eq!(bench.answers(), []);
        assert_eq!(bench.send_over_fallback().as_deref(), Some("GET a"));
        assert!(!bench.engine.fallback().is_settled());
        bench.engine.fallback().disconnected(&error(), bench.now);
    }
    assert_eq!(bench.answers(), results(&[(0, "lost sent=true")]));
    assert_eq!(bench.engine.pending().queued(), 0);
}

#[test]
fn nothing_is_sent_until_the_fallback_is_closed() {
    let mut bench = Bench::offline();
    bench.get("a");
    assert_eq!(bench.send_over_fallback().as_deref(), Some("GET a"));
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
    assert!(bench.engine.fallback().is_settled());
    bench.handshake();
    bench.get("b");
    assert_eq!(bench.send(), None);
    bench.engine.fallback().close();
    assert_eq!(bench.sent(), ["GET b"]);
}

#[test]
fn a_write_is_pending_until_its_reply_is_held_although_its_caller_timed_out() {
    let mut bench = Bench::ready();
    bench.fenced("EVAL", Retry::Never);
    assert_eq!(bench.sent().len(), 2);
    bench.advance(10);
    assert!(bench.engine.pending().has_write());
    bench.reply(&bulk("1"));
    assert!(
        !bench.engine.pending().has_write(),
        "only the fence is pending"
    );
}

#[test]
fn pending_writes_and_callers_are_counted() {
    let mut bench = Bench::ready();
    assert_eq!(bench.engine.pending().writes(), 0);
    bench.incr("a");
    bench.incr("b");
    bench.get("c");
    bench.sent();
    assert_eq!(bench.engine.pending().writes(), 2);

    let mut bench = Bench::offline();
    assert!(!bench.engine.pending().is_awaited());
    let gone = bench.get("a");
    assert!(bench.engine.pending().is_awaited());
    *gone.borrow_mut() = true;
    assert!(!bench.engine.pending().is_awaited());
}

#[test]
fn the_size_of_a_batch_is_the_sum_of_its_requests() {
    let requests = ["GET a", "SET b"].map(|name| Request::new(name, ()));
    let batch = Requests::batch(requests.into_iter().collect(), Vec::new());
    let each: usize = batch.iter().map(|request| request.encoded().len()).sum();
    assert_eq!(batch.encoded_len(), each);
    assert!(each > 20);
}
