//! Fences: no reply behind a risky one is handed out before it is proved to be in step.

use swarm_resp::Frame;

use super::{Bench, SILENCE, bulk, told, words};
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
    assert_eq!(bench.answers(), told(&[(0, "\"1\""), (1, "\"2\"")]));
    assert_eq!(bench.engine.in_flight(), 0);
}

/// Whatever stands in the place of the nonce: surplus replies of every type, a reply that swallowed the nonce, a nonce that
/// is not alone.
#[test]
fn anything_but_the_nonce_ends_the_connection_and_hands_out_nothing() {
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
            Err(Violation::OutOfStep),
            "{found:?}"
        );
        assert_eq!(bench.answers(), []);
        bench.cut();
        // The script and the write may have run; the read is sent again.
        let lost = [(0, "lost sent=true"), (1, "lost sent=true")];
        let mut answers = bench.answers();
        answers.sort();
        assert_eq!(answers, told(&lost));
        bench.handshake();
        assert_eq!(bench.sent(), ["GET b"]);
    }
}

#[test]
fn in_a_pipeline_a_fence_stands_behind_each_risky_command() {
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
    assert_eq!(bench.answers(), told(&[(0, "\"a\"")]));
    bench.reply(&bulk("x"));
    assert_eq!(bench.answers(), []);
    bench.reply(&first);
    bench.reply(&bulk("b"));
    assert_eq!(bench.answers(), told(&[(0, "\"x\""), (0, "\"b\"")]));
    bench.reply(&bulk("y"));
    bench.reply(&second);
    bench.reply(&bulk("c"));
    assert_eq!(bench.answers(), told(&[(0, "\"y\""), (0, "\"c\"")]));
    assert_eq!(bench.engine.in_flight(), 0);
}

/// `a\r\n*2` swallows two replies and adds one list: without a fence in between, the count would be right again.
#[test]
fn replies_that_add_up_are_found_out_all_the_same() {
    let mut bench = Bench::ready();
    bench.fenced_batch(&["EVAL", "GET a", "GET b"], &[0]);
    bench.send();
    let nonce = bench.send_check("ECHO");
    bench.sent();
    bench.reply(&Frame::error("ERR x"));
    let swallowed = Frame::array(&[nonce, bulk("a")]);
    assert_eq!(bench.receive(&swallowed), Err(Violation::OutOfStep));
    assert_eq!(bench.answers(), []);
}

#[test]
fn a_batch_that_was_partly_sent_says_of_each_request_whether_it_was() {
    let mut bench = Bench::ready();
    bench.fenced_batch(&["EVAL", "SET a"], &[0]);
    assert_eq!(bench.send().as_deref(), Some("EVAL"));
    bench.reply(&bulk("1"));
    assert_eq!(bench.answers(), []);
    bench.cut();
    let answers = told(&[(0, "lost sent=true"), (0, "lost sent=false")]);
    assert_eq!(bench.answers(), answers);
}

#[test]
fn a_fence_that_is_not_sent_yet_cannot_be_answered() {
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
            assert_eq!(bench.answers(), told(&[(0, "timeout sent=true")]));
        }
        bench.get("a");
        bench.send();
        bench.reply(&bulk("late"));
        bench.reply(&nonce);
        bench.reply(&bulk("1"));
        assert_eq!(bench.answers(), told(&[(1, "\"1\"")]));

        bench.fenced("EVAL", Retry::Never);
        bench.send();
        bench.send_check("ECHO");
        bench.advance(10);
        bench.reply(&bulk("late"));
        assert_eq!(bench.receive(&bulk("?")), Err(Violation::OutOfStep));
    }
}

/// The reply ends in a lone CR, or in the head of a bulk string whose bytes never come.
#[test]
fn a_connection_that_falls_silent_at_a_fence_is_found_out() {
    let mut bench = Bench::ready();
    bench.fenced("EVAL", Retry::Never);
    bench.send();
    bench.send_check("ECHO");
    bench.reply(&Frame::error("ERR x"));
    bench.advance(10);
    assert_eq!(bench.answers(), told(&[(0, "timeout sent=true")]));
    assert_eq!(bench.wait(5), Err(Violation::Silent(SILENCE)));
}

/// What a script says is no reason to leave the connection before it is known to be its reply.
#[test]
fn a_held_error_advises_nothing() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.reconnect_on = ["READONLY".into()].into();
    bench.handshake();
    bench.fenced("EVAL", Retry::Never);
    bench.send();
    let nonce = bench.send_check("ECHO");
    bench.reply(&Frame::error("READONLY x"));
    assert!(!bench.engine.take_drain_advice());
    bench.reply(&nonce);
    assert_eq!(bench.answers(), told(&[(0, "error READONLY x")]));
}

/// Redis, Valkey and KeyDB escape line breaks. Any other server may not.
#[test]
fn only_servers_that_escape_line_breaks_do_without_fences() {
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
            assert_eq!(bench.engine.in_flight(), 0);
        }
    }
}
