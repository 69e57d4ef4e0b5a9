//! Tests of what replies, errors and their absence lead to, one at a time.

use super::*;

#[test]
fn the_first_request_without_a_reply_starts_the_limit_on_silence() {
    let mut bench = Bench::ready();
    let start = bench.now;
    for name in ["a", "b", "c"] {
        let (_, _heard) = bench.join(&[name]);
        assert_eq!(bench.sent().len(), 1);
        bench.now += Duration::from_secs(4);
        bench.machine.expire(bench.now).unwrap();
    }
    bench.now = start + Duration::from_secs(15);
    let silent = Violation::Silent(Duration::from_secs(15));
    assert_eq!(bench.machine.expire(bench.now), Err(silent));
}

#[test]
fn without_a_pending_reply_the_server_may_be_silent() {
    let mut bench = Bench::offline();
    bench.machine = Machine::new(Settings {
        silence: Duration::from_secs(15),
        ..Settings::default()
    });
    bench.connect();
    assert_eq!(bench.machine.next_deadline(), None);
    bench.now += Duration::from_secs(1000);
    bench.machine.expire(bench.now).unwrap();
}

#[test]
fn each_reply_starts_the_limit_on_withheld_ones_over() {
    let replies: [fn(&mut Bench); 2] = [
        |bench| bench.push("subscribe a 1"),
        |bench| bench.reply(&Frame::error("NOPERM no")),
    ];
    for reply in replies {
        let mut bench = Bench::ready();
        for name in ["a", "b"] {
            let (_, _heard) = bench.join(&[name]);
        }
        bench.sent();
        bench.now += Duration::from_secs(50);
        reply(&mut bench);
        bench.now += Duration::from_secs(14);
        bench.machine.expire(bench.now).unwrap();
        assert_eq!(bench.machine.pending.len(), 1);
    }
}

#[test]
fn a_reply_counts_as_one_only_after_the_handshake() {
    let mut bench = Bench::ready();
    assert!(!bench.machine.session().has_replied());
    let (_, _heard) = bench.join(&["a"]);
    bench.sent();
    bench.push("subscribe a 1");
    assert!(bench.machine.session().has_replied());
}

#[test]
fn only_the_acknowledgment_of_the_request_answers_it() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["a"]);
    bench.sent();
    for other in ["psubscribe a 1", "unsubscribe a 0", "subscribe b 1"] {
        bench.push(other);
        assert_eq!(bench.machine.pending.len(), 1, "{other}");
    }
    bench.push("subscribe a 1");
    assert!(bench.machine.pending.is_empty());
    assert_eq!(take_events(&heard), "ready");
}

#[test]
fn a_listener_that_is_closed_is_unsubscribed() {
    let mut bench = Bench::ready();
    let (_, closed) = bench.join(&["a", "b*"]);
    let (_, other) = bench.join(&["b*"]);
    bench.sent();
    bench.push("subscribe a 1");
    bench.push("psubscribe b* 2");
    bench.push("message a enough");
    assert_eq!(bench.sent(), ["UNSUBSCRIBE a"]);
    bench.push("pmessage b* b x");
    assert_eq!(take_events(&closed), "ready enough");
    assert_eq!(take_events(&other), "ready x");
}

#[test]
fn the_end_of_the_client_ends_all_subscriptions() {
    let mut bench = Bench::ready();
    let heard = [bench.join(&["a"]).1, bench.join(&["a", "b"]).1];
    bench.machine.end_all(&Failure::Closed { sent: false });
    assert_eq!(heard.map(|heard| take_events(&heard)), ["Closed", "Closed"]);
    assert!(!bench.machine.is_wanted());
}

#[test]
fn each_connection_logs_in_with_the_latest_credentials() {
    let mut bench = Bench::offline();
    for password in ["old", "new"] {
        let credentials = Credentials::password(password);
        bench.machine.log_in_with(Some(credentials));
        bench.machine.connected(Capabilities::FULL);
        let auth = format!("AUTH {password}");
        assert_eq!(bench.send(), Some(auth));
        bench.machine.disconnected();
    }
}

/// Guards against memory that grows with every attempt to connect.
#[test]
fn failed_attempts_to_connect_leave_nothing_behind() {
    let mut bench = Bench::offline();
    let (_, _heard) = bench.join(&["a"]);
    for _ in 0..3 {
        bench.machine.disconnected();
        assert_eq!(bench.machine.unchecked.len(), 1);
    }
}

#[test]
fn an_error_answers_a_heartbeat() {
    let mut bench = Bench::ready();
    bench.now += Duration::from_secs(10);
    bench.machine.expire(bench.now).unwrap();
    pong(&mut bench, |_| Frame::error("ERR no PING here")).unwrap();
    let next = bench.now + Duration::from_secs(10);
    assert_eq!(bench.machine.next_deadline(), Some(next));
}

#[test]
fn a_refused_unsubscribe_ends_the_connection() {
    let mut bench = Bench::ready();
    let (id, _) = bench.join(&["a"]);
    bench.sent();
    bench.push("subscribe a 1");
    bench.machine.unsubscribe(id);
    bench.sent();
    let refused = bench
        .machine
        .receive(bench.now, &Frame::error("ERR not now"));
    let Err(Violation::Handshake(HandshakeError::Session { what, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(what, "UNSUBSCRIBE");
    bench.machine.disconnected();
    assert!(bench.machine.is_idle());
}

#[test]
fn a_refusal_ends_subscriptions_unless_it_is_transient_and_they_were_ready() {
    for (error, was_ready) in [("LOADING the data", false), ("NOPERM no access", true)] {
        let mut bench = Bench::ready();
        let (_, heard) = bench.join(&["a"]);
        bench.sent();
        if was_ready {
            bench.push("subscribe a 1");
            assert_eq!(take_events(&heard), "ready");
            bench.machine.disconnected();
            bench.connect();
            bench.sent();
        }
        bench.reply(&Frame::error(error));
        assert_eq!(take_events(&heard), "Server", "{error}");
        assert!(bench.machine.is_idle());
    }
}

#[test]
fn a_name_that_the_server_would_change_is_not_sent() {
    let mut bench = Bench::offline();
    bench.machine = Machine::new(swarmkeydb());
    bench.connect();
    let name = Name {
        kind: Kind::Channel,
        text: Bytes::from_static(b"\xff"),
    };
    let heard = Notes::default();
    let probe = Probe(Rc::clone(&heard));
    bench.machine.subscribe(7, vec![name], probe);
    assert_eq!(bench.sent(), [""; 0]);
    assert_eq!(take_events(&heard), "Argument");
}

#[test]
fn a_sharded_channel_that_the_node_has_lost_ends_its_subscriptions() {
    let mut bench = Bench::ready();
    let (_, lost) = bench.join(&["{a}1"]);
    let (_, kept) = bench.join(&["{b}1", "{a}1*"]);
    assert_eq!(
        bench.sent(),
        ["SSUBSCRIBE {a}1", "SSUBSCRIBE {b}1", "PSUBSCRIBE {a}1*"]
    );
    for push in [
        "ssubscribe {a}1 1",
        "ssubscribe {b}1 2",
        "psubscribe {a}1* 1",
    ] {
        bench.push(push);
    }
    // An ordinary message is none of a sharded channel.
    bench.push("message {a}1 x");
    bench.push("smessage {a}1 y");
    assert_eq!(
        (take_events(&lost), take_events(&kept)),
        ("ready y".into(), "ready".into())
    );

    // The slot moves away.
    bench.push("sunsubscribe {a}1 1");
    assert_eq!(bench.sent(), ["SSUBSCRIBE {a}1"]);
    bench.reply(&Frame::error("MOVED 1 10.0.0.1:7000"));
    bench.push("smessage {b}1 z");
    assert_eq!(
        (take_events(&lost), take_events(&kept)),
        ("Server".into(), "z".into())
    );
    assert_eq!(bench.sent(), [""; 0]);
}

/// Whatever a node says, another one may have the channel, so the connection is kept.
#[test]
fn a_sharded_channel_that_is_refused_for_now_ends_its_subscriptions() {
    let mut bench = Bench::ready();
    let (_, heard) = bench.join(&["{a}1"]);
    bench.sent();
    bench.push("ssubscribe {a}1 1");
    bench.push("sunsubscribe {a}1 0");
    bench.sent();
    bench.reply(&Frame::error("CLUSTERDOWN the cluster is down"));
    assert_eq!(take_events(&heard), "ready Server");
    assert!(bench.machine.is_ready() && bench.machine.is_idle());
}
