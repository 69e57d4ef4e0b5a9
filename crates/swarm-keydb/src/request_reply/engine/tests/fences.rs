//! Tests of fences: no reply to a risky request reaches its caller before its fence has arrived.

use swarm_resp::Frame;

use super::{Bench, SILENCE, bulk, results, words};
use crate::request_reply::{Retry, Violation};

#[test]
fn a_reply_is_held_until_its_fence_has_arrived() {
    let mut bench = Bench::ready();
    bench.fenced("EVAL", Retry::Never);
    bench.get("a");
    assert_eq!(bench.send().as_deref(), Some("EVAL"));
    let nonce = bench.send_check("ECHO");
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    bench.reply(&bulk("1"));
    assert_eq!(bench.answers(), []);
    bench.reply(&nonce);
    bench.reply(&bulk("2"));
    assert_eq!(bench.answers(), results(&[(0, "\"1\""), (1, "\"2\"")]));
    assert_eq!(bench.engine.pending().in_flight(), 0);
}

/// Frames other than the nonce: surplus replies of every type, an array that swallowed the nonce,
/// and a nonce with other text.
#[test]
fn any_frame_but_the_nonce_ends_the_connection_without_a_reply() {
    type Shift = fn(&Frame) -> Frame;
    let shifts: [Shift; 10] = [
        |_| bulk("y"),
        |_| Frame::integer(1),
        |_| Frame::null(),
        |_| Frame::simple("OK"),
        |_| Frame::error("ERR x"),
        |_| words("-ERR x"),
        |_| Frame::array(&[]),
        |nonce| Frame::array(std::slice::from_ref(nonce)),
        |nonce| Frame::array(&[bulk("2"), nonce.clone()]),
        |nonce| bulk(&format!("{} ", nonce.as_str().unwrap())),
    ];
    for shift in shifts {
        let mut bench = Bench::ready();
        bench.fenced("EVAL", Retry::Never);
        bench.incr("a");
        bench.get("b");
        bench.send();
        let nonce = bench.send_check("ECHO");
        bench.sent();
        bench.reply(&Frame::error("ERR x"));
        let found = shift(&nonce);
        assert_eq!(
            bench.receive(&found),
            Err(Violation::Desynchronized),
            "{found:?}"
        );
        assert_eq!(bench.answers(), []);
        bench.cut();
        // The script and the write may have run. The read is resent.
        let lost = [(0, "lost sent=true"), (1, "lost sent=true")];
        let mut answers = bench.answers();
        answers.sort();
        assert_eq!(answers, results(&lost));
        bench.handshake();
        assert_eq!(bench.sent(), ["GET b"]);
    }
}

#[test]
fn in_a_pipeline_a_fence_follows_each_risky_command() {
    let mut bench = Bench::ready();
    bench.fenced_batch(&["GET a", "EVAL", "GET b", "EVALSHA", "GET c"], &[1, 3]);
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    assert_eq!(bench.send().as_deref(), Some("EVAL"));
    let first = bench.send_check("ECHO");
    assert_eq!(bench.send().as_deref(), Some("GET b"));
    assert_eq!(bench.send().as_deref(), Some("EVALSHA"));
    let second = bench.send_check("ECHO");
    assert_eq!(bench.send().as_deref(), Some("GET c"));
    assert_eq!(bench.send(), None);
    bench.reply(&bulk("a"));
    assert_eq!(bench.answers(), results(&[(0, "\"a\"")]));
    bench.reply(&bulk("x"));
    assert_eq!(bench.answers(), []);
    bench.reply(&first);
    bench.reply(&bulk("b"));
    assert_eq!(bench.answers(), results(&[(0, "\"x\""), (0, "\"b\"")]));
    bench.reply(&bulk("y"));
    bench.reply(&second);
    bench.reply(&bulk("c"));
    assert_eq!(bench.answers(), results(&[(0, "\"y\""), (0, "\"c\"")]));
    assert_eq!(bench.engine.pending().in_flight(), 0);
}

/// `a\r\n*2` swallows two replies and adds an array, so without a fence in between the number of
/// replies would be correct again.
#[test]
fn shifted_replies_are_detected_even_if_their_number_is_correct() {
    let mut bench = Bench::ready();
    bench.fenced_batch(&["EVAL", "GET a", "GET b"], &[0]);
    bench.send();
    let nonce = bench.send_check("ECHO");
    bench.sent();
    bench.reply(&Frame::error("ERR x"));
    let swallowed = Frame::array(&[nonce, bulk("a")]);
    assert_eq!(bench.receive(&swallowed), Err(Violation::Desynchronized));
    assert_eq!(bench.answers(), []);
}

#[test]
fn a_partly_sent_batch_reports_for_each_request_whether_it_was_sent() {
    let mut bench = Bench::ready();
    bench.fenced_batch(&["EVAL", "SET a"], &[0]);
    assert_eq!(bench.send().as_deref(), Some("EVAL"));
    bench.reply(&bulk("1"));
    assert_eq!(bench.answers(), []);
    bench.cut();
    let answers = results(&[(0, "lost sent=true"), (0, "lost sent=false")]);
    assert_eq!(bench.answers(), answers);
}

#[test]
fn a_reply_to_an_unsent_fence_ends_the_connection() {
    let mut bench = Bench::ready();
    bench.fenced("EVAL", Retry::Never);
    bench.send();
    bench.reply(&bulk("1"));
    assert_eq!(bench.receive(&bulk("2")), Err(Violation::UnexpectedReply));
}

#[test]
fn the_fence_of_a_call_that_timed_out_or_was_cancelled_is_checked() {
    for cancelled in [false, true] {
        let mut bench = Bench::ready();
        let gone = bench.fenced("EVAL", Retry::Never);
        bench.send();
        let nonce = bench.send_check("ECHO");
        if cancelled {
            *gone.borrow_mut() = true;
        } else {
            bench.advance(10);
            assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
        }
        bench.get("a");
        bench.send();
        bench.reply(&bulk("late"));
        bench.reply(&nonce);
        bench.reply(&bulk("1"));
        assert_eq!(bench.answers(), results(&[(1, "\"1\"")]));

        bench.fenced("EVAL", Retry::Never);
        bench.send();
        bench.send_check("ECHO");
        bench.advance(10);
        bench.reply(&bulk("late"));
        assert_eq!(bench.receive(&bulk("?")), Err(Violation::Desynchronized));
    }
}

/// A reply that ends with a lone CR, or with the header of a bulk string whose bytes never arrive.
#[test]
fn a_connection_that_goes_silent_at_a_fence_is_a_violation() {
    let mut bench = Bench::ready();
    bench.fenced("EVAL", Retry::Never);
    bench.send();
    bench.send_check("ECHO");
    bench.reply(&Frame::error("ERR x"));
    bench.advance(10);
    assert_eq!(bench.answers(), results(&[(0, "timeout sent=true")]));
    assert_eq!(bench.wait(5), Err(Violation::Silent(SILENCE)));
}

/// An error of a script does not drain the connection before its fence has arrived.
#[test]
fn a_held_error_does_not_cause_draining() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.reconnect_on = ["READONLY".into()].into();
    bench.handshake();
    bench.fenced("EVAL", Retry::Never);
    bench.send();
    let nonce = bench.send_check("ECHO");
    bench.reply(&Frame::error("READONLY x"));
    assert!(bench.engine.drain().take_advice().is_none());
    bench.reply(&nonce);
    assert_eq!(bench.answers(), results(&[(0, "error READONLY x")]));
}

/// Redis, Valkey and KeyDB escape line breaks; other servers may not.
#[test]
fn servers_that_escape_line_breaks_need_no_fences() {
    for (server, fenced) in [
        ("redis", false),
        ("valkey", false),
        ("swarmkeydb", true),
        ("proxy", true),
    ] {
        let mut bench = Bench::offline();
        bench.handshake_with(server);
        bench.fenced("EVAL", Retry::Never);
        bench.fenced_batch(&["GET a", "EVAL"], &[1]);
        let fences = bench
            .sent()
            .iter()
            .filter(|sent| sent.starts_with("ECHO"))
            .count();
        assert_eq!(fences, if fenced { 2 } else { 0 }, "{server}");
        if !fenced {
            (0..3).for_each(|_| bench.reply(&bulk("1")));
            assert_eq!(bench.engine.pending().in_flight(), 0);
        }
    }
}
