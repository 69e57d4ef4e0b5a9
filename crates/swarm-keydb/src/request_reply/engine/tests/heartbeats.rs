//! Heartbeats: what they prove, and when they are due.

use std::time::Duration;

use swarm_resp::Frame;

use super::{Bench, SILENCE, bulk, told};
use crate::request_reply::{Retry, Violation};

const INTERVAL: Duration = Duration::from_secs(10);

fn bench() -> Bench {
    let mut bench = Bench::offline();
    bench.engine.session.settings.heartbeat = Some(INTERVAL);
    bench.handshake();
    bench
}

#[test]
fn an_idle_server_is_asked_whether_it_is_alive() {
    let mut bench = bench();
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + INTERVAL));
    assert_eq!(bench.wait(9), Ok(()));
    assert_eq!(bench.send(), None);
    assert_eq!(bench.wait(1), Ok(()));
    let nonce = bench.send_check("PING");
    assert_eq!(bench.send(), None);
    // It is, and the reply is nobody's.
    bench.get("a");
    bench.send();
    bench.reply(&nonce);
    bench.reply(&bulk("1"));
    assert_eq!(bench.answers(), told(&[(0, "\"1\"")]));
    // It is not.
    assert_eq!(bench.wait(10), Ok(()));
    bench.send_check("PING");
    assert_eq!(bench.wait(14), Ok(()));
    assert_eq!(bench.wait(1), Err(Violation::Silent(SILENCE)));
}

/// Stands for whatever shifts replies: a surplus reply that no fence guards.
#[test]
fn a_busy_connection_that_is_out_of_step_ends_within_one_interval() {
    let mut bench = bench();
    for second in 0..10 {
        bench.get("a");
        assert_eq!(bench.send().as_deref(), Some("GET a"));
        if second < 9 {
            bench.reply(&bulk("1"));
        }
        bench.advance(1);
    }
    // One GET is in flight: the heartbeat goes out among the commands all the same.
    bench.get("b");
    bench.send_check("PING");
    assert_eq!(bench.send().as_deref(), Some("GET b"));
    // The reply that was owed is another one, and every reply behind it is one late.
    bench.reply(&bulk("of somebody else"));
    bench.answers();
    assert_eq!(bench.receive(&bulk("1")), Err(Violation::OutOfStep));
    assert_eq!(bench.answers(), [], "GET b gets nothing");
}

#[test]
fn pong_without_the_nonce_proves_nothing() {
    let mut bench = bench();
    bench.advance(10);
    bench.send_check("PING");
    assert_eq!(
        bench.receive(&Frame::simple("PONG")),
        Err(Violation::OutOfStep)
    );
}

/// Redis answers PING so while it runs a script for long or loads its data.
#[test]
fn an_error_is_a_sign_of_life_where_the_server_is_not_known() {
    for error in ["BUSY Redis is busy", "LOADING Redis is loading"] {
        let mut bench = bench();
        bench.advance(10);
        bench.send_check("PING");
        assert_eq!(bench.receive(&Frame::error(error)), Ok(()), "{error}");
        bench.advance(10);
        bench.send_check("PING");
    }
}

#[test]
fn one_heartbeat_at_a_time_is_owed() {
    let mut bench = bench();
    bench.call_until("XREAD BLOCK", Duration::from_secs(100));
    bench.send();
    bench.advance(10);
    let nonce = bench.send_check("PING");
    for _ in 0..5 {
        bench.advance(10);
        assert_eq!(bench.send(), None);
    }
    bench.reply(&Frame::null());
    bench.reply(&nonce);
    bench.advance(10);
    bench.send_check("PING");
}

/// The gateway answers some commands ahead of others: nothing may be in flight with them.
#[test]
fn a_heartbeat_waits_for_a_request_that_must_be_alone() {
    let mut bench = bench();
    bench.call("AUTH", Retry::Never, true);
    assert_eq!(bench.send().as_deref(), Some("AUTH"));
    bench.advance(10);
    assert_eq!(bench.send(), None);
    bench.reply(&Frame::simple("OK"));
    bench.send_check("PING");
}

#[test]
fn a_heartbeat_never_comes_between_the_requests_of_a_batch() {
    let mut bench = bench();
    bench.batch(&["MULTI", "GET a", "EXEC"], Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("MULTI"));
    bench.advance(10);
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    assert_eq!(bench.send().as_deref(), Some("EXEC"));
    bench.send_check("PING");
}
