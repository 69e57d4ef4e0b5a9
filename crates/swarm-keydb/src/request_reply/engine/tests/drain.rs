//! Tests of draining: before a switch to another connection, and on closing.

use super::super::Advice;
use super::*;

const READONLY: &str = "READONLY You can't write against a read only replica.";

fn bench() -> Bench {
    let mut bench = Bench::ready();
    bench.engine.session.settings.reconnect_on = ["READONLY", "NOAUTH"].map(Into::into).into();
    bench
}

#[test]
fn calls_in_flight_complete_before_a_connection_is_drained() {
    let mut bench = bench();
    bench.incr("a");
    bench.get("b");
    assert_eq!(bench.sent(), ["INCR a", "GET b"]);
    bench.reply(&Frame::error(READONLY));
    assert_eq!(
        bench.answers(),
        results(&[(0, &*format!("error {READONLY}"))])
    );
    assert!(bench.engine.drain().take_advice().is_some());
    bench.engine.drain().start();
    bench.incr("c");
    assert_eq!(
        bench.send(),
        None,
        "a draining connection sends no new calls"
    );
    assert!(!bench.engine.drain().is_done());
    bench.reply(&bulk("2"));
    assert_eq!(bench.answers(), results(&[(1, "\"2\"")]));
    assert!(bench.engine.drain().is_done());
    bench.cut();
    bench.handshake();
    assert!(!bench.engine.drain().is_done());
    assert_eq!(bench.sent(), ["INCR c"]);
}

#[test]
fn a_draining_connection_sends_the_rest_of_a_batch() {
    let mut bench = bench();
    bench.incr("a");
    bench.batch(&["MULTI", "SET b", "EXEC"], Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("INCR a"));
    assert_eq!(bench.send().as_deref(), Some("MULTI"));
    bench.reply(&Frame::error(READONLY));
    assert!(bench.engine.drain().take_advice().is_some());
    bench.engine.drain().start();
    bench.get("c");
    assert_eq!(bench.sent(), ["SET b", "EXEC"]);
    for reply in ["OK", "QUEUED", "[]"] {
        assert!(!bench.engine.drain().is_done());
        bench.reply(&bulk(reply));
    }
    assert!(bench.engine.drain().is_done());
}

#[test]
fn replies_without_a_caller_do_not_delay_draining() {
    let mut bench = bench();
    let gone = bench.get("a");
    bench.get("b");
    bench.incr("c");
    bench.sent();
    *gone.borrow_mut() = true;
    bench.engine.drain().start();
    assert!(!bench.engine.drain().is_done());
    bench.advance(10);
    assert!(bench.engine.drain().is_done());
}

#[test]
fn only_configured_error_codes_cause_draining() {
    for (code, advised) in [
        ("READONLY", true),
        ("NOAUTH", true),
        ("LOADING", false),
        ("ERR", false),
    ] {
        let mut bench = bench();
        bench.get("a");
        bench.send();
        bench.reply(&Frame::error(format!("{code} x")));
        assert_eq!(
            bench.engine.drain().take_advice().is_some(),
            advised,
            "{code}"
        );
        assert!(bench.engine.drain().take_advice().is_none(), "{code}: once");
    }
}

#[test]
fn readonly_of_a_server_that_must_be_a_primary_demotes_it() {
    let mut bench = bench();
    bench.engine.session_mut().settings.needs_primary = true;
    for code in ["NOAUTH", "READONLY", "NOAUTH"] {
        bench.get("a");
        bench.send();
        bench.reply(&Frame::error(format!("{code} x")));
    }
    let advice = bench.engine.drain().take_advice();
    assert_eq!(advice, Some(Advice::Leave), "whatever else it has said");
}

#[test]
fn a_transport_without_a_session_is_not_drained() {
    let mut bench = bench();
    bench.cut();
    bench
        .engine
        .connected(Capabilities::FULL.with_session(false));
    bench.get("a");
    bench.send();
    bench.reply(&Frame::error(READONLY));
    assert!(bench.engine.drain().take_advice().is_none());
}

#[test]
fn closing_reports_for_each_command_whether_it_may_have_run() {
    let mut bench = bench();
    bench.incr("a");
    let gone = bench.incr("b");
    bench.batch(&["INCR c", "INCR d", "INCR e"], Retry::Never);
    bench.incr("f");
    for _ in 0..4 {
        bench.send();
    }
    *gone.borrow_mut() = true;
    assert_eq!(bench.engine.abandon(), 3);
    let mut answers = bench.answers();
    answers.sort();
    let (ran, not_sent) = ("Closed { sent: true }", "Closed { sent: false }");
    let expected = [(0, ran), (2, ran), (2, ran), (2, ran), (3, not_sent)];
    assert_eq!(answers, results(&expected));
    assert!(!bench.engine.pending().is_awaited());
    assert_eq!(bench.engine.abandon(), 0);
    // The rest of the batch is still sent, since it may end with EXEC.
    assert_eq!(bench.send().as_deref(), Some("INCR e"));
    assert_eq!(bench.send(), None);
}

#[test]
fn a_read_that_was_sent_before_closing_may_have_run() {
    let mut bench = bench();
    bench.get("a");
    bench.send();
    bench.cut();
    assert_eq!(bench.engine.abandon(), 1);
    assert_eq!(bench.answers(), results(&[(0, "Closed { sent: true }")]));
}
