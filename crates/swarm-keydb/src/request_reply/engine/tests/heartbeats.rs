//! Tests of heartbeats.

use std::time::Duration;

use swarm_resp::Frame;

use super::{Bench, SILENCE, bulk, results};
use crate::request_reply::{Retry, Violation};

const INTERVAL: Duration = Duration::from_secs(10);

fn bench() -> Bench {
    let mut bench = Bench::offline();
    bench.engine.session.settings.heartbeat = Some(INTERVAL);
    bench.handshake();
    bench
}

#[test]
fn an_idle_connection_sends_heartbeats() {
    let mut bench = bench();
    assert_eq!(bench.engine.next_deadline(), Some(bench.now + INTERVAL));
    assert_eq!(bench.wait(9), Ok(()));
    assert_eq!(bench.send(), None);
    assert_eq!(bench.wait(1), Ok(()));
    let nonce = bench.send_check("PING");
    assert_eq!(bench.send(), None);
    // The server is alive. Its reply goes to no caller.
    bench.get("a");
    bench.send();
    bench.reply(&nonce);
    bench.reply(&bulk("1"));
    assert_eq!(bench.answers(), results(&[(0, "\"1\"")]));
    // The server is silent.
    assert_eq!(bench.wait(10), Ok(()));
    bench.send_check("PING");
    assert_eq!(bench.wait(14), Ok(()));
    assert_eq!(bench.wait(1), Err(Violation::Silent(SILENCE)));
}

/// Guards against shifted replies: a surplus reply without a fence.
#[test]
fn a_busy_desynchronized_connection_ends_within_one_interval() {
    let mut bench = bench();
    for second in 0..10 {
        bench.get("a");
        assert_eq!(bench.send().as_deref(), Some("GET a"));
        if second < 9 {
            bench.reply(&bulk("1"));
        }
        bench.advance(1);
    }
    // A heartbeat is sent although a GET is in flight.
    bench.get("b");
    bench.send_check("PING");
    assert_eq!(bench.send().as_deref(), Some("GET b"));
    // The surplus reply answers the GET, and all later replies are off by one.
    bench.reply(&bulk("of somebody else"));
    bench.answers();
    assert_eq!(bench.receive(&bulk("1")), Err(Violation::Desynchronized));
    assert_eq!(bench.answers(), [], "GET b gets nothing");
}

#[test]
fn pong_without_the_nonce_proves_nothing() {
    let mut bench = bench();
    bench.advance(10);
    bench.send_check("PING");
    assert_eq!(
        bench.receive(&Frame::simple("PONG")),
        Err(Violation::Desynchronized)
    );
}

/// Redis answers PING with an error while it runs a long script or loads data.
#[test]
fn an_error_is_a_sign_of_life_from_an_unknown_server() {
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
fn at_most_one_heartbeat_is_pending() {
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

#[test]
fn only_its_own_reply_ends_a_heartbeat() {
    let mut bench = bench();
    bench.fenced("EVAL", Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("EVAL"));
    let fence = bench.send_check("ECHO");
    bench.advance(10);
    let heartbeat = bench.send_check("PING");
    bench.reply(&bulk("1"));
    bench.reply(&fence);
    bench.advance(10);
    assert_eq!(bench.send(), None, "the reply to PING is pending");
    bench.reply(&heartbeat);
    bench.advance(10);
    bench.send_check("PING");
}

/// The gateway answers some commands out of order, so they must be alone in flight.
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
fn a_heartbeat_is_never_sent_inside_a_batch() {
    let mut bench = bench();
    bench.batch(&["MULTI", "GET a", "EXEC"], Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("MULTI"));
    bench.advance(10);
    assert_eq!(bench.send().as_deref(), Some("GET a"));
    assert_eq!(bench.send().as_deref(), Some("EXEC"));
    bench.send_check("PING");
}
