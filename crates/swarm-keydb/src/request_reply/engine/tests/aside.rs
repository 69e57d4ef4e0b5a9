//! Tests of connections with pending writes, and of setting them aside.

use super::*;

fn silent(bench: &mut Bench) {
    assert_eq!(bench.wait(10), Ok(()));
    bench.answers();
    assert_eq!(bench.wait(5), Ok(()));
}

#[test]
fn a_silent_server_with_a_pending_write_is_suspected_and_kept() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.send();
    silent(&mut bench);
    assert!(bench.engine.session_mut().take_unchecked_suspicion());
    assert!(
        !bench.engine.session_mut().take_unchecked_suspicion(),
        "one check per suspicion"
    );
    bench.get("b");
    assert_eq!(
        bench.send(),
        None,
        "nothing more is sent while it is in doubt"
    );
    let again = bench.now + SILENCE;
    assert_eq!(bench.wait(14), Ok(()));
    assert!(!bench.engine.session_mut().take_unchecked_suspicion());
    assert_eq!(bench.engine.next_deadline(), Some(again));
    assert_eq!(bench.wait(1), Ok(()));
    assert!(bench.engine.session_mut().take_unchecked_suspicion());
    bench.get("c");
    bench.reply(&bulk("1"));
    assert!(!bench.engine.session().is_suspected());
    assert_eq!(bench.sent(), ["GET c"], "GET b has timed out meanwhile");
}

#[test]
fn a_pending_write_outlives_its_caller() {
    for (request, writes) in [
        ("INCR a", true),
        ("GET a", false),
        ("PUBLISH a b", true),
        ("XREAD STREAMS a 0", false),
    ] {
        let mut bench = Bench::ready();
        let gone = bench.call(request, Retry::Never, false);
        assert!(
            !bench.engine.pending().has_write(),
            "the write was not sent"
        );
        bench.send();
        assert_eq!(bench.engine.pending().has_write(), writes, "{request}");
        *gone.borrow_mut() = true;
        assert_eq!(bench.engine.pending().has_write(), writes, "{request}");
        assert_eq!(
            bench.engine.pending().has_unexpired_write(),
            writes,
            "{request}"
        );
        bench.wait(10).unwrap();
        assert_eq!(
            bench.engine.pending().has_write(),
            writes,
            "{request}: a tombstone"
        );
        assert!(!bench.engine.pending().has_unexpired_write());
        bench.reply(&bulk("1"));
        assert!(!bench.engine.pending().has_write(), "{request}");
    }
}

#[test]
fn a_batch_has_a_pending_write_until_its_last_write_is_answered() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "SET a 1", "GET a"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    bench.reply(&bulk("0"));
    assert!(bench.engine.pending().has_write());
    bench.reply(&bulk("OK"));
    assert!(!bench.engine.pending().has_write());

    bench.batch(&["MULTI", "GET a", "EXEC"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    assert!(bench.engine.pending().has_write());
}

#[test]
fn a_tombstone_owes_a_write_until_its_last_write_is_answered() {
    let mut bench = Bench::ready();
    bench.batch(&["SET a 1", "GET a", "GET a"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    bench.advance(10);
    assert_eq!(bench.answers().len(), 3, "all requests timed out");
    assert!(bench.engine.pending().has_write());
    bench.reply(&bulk("OK"));
    assert!(
        !bench.engine.pending().has_write(),
        "only reads are pending"
    );
    assert_eq!(bench.engine.pending().in_flight(), 1);
    bench.reply(&bulk("1"));
    bench.reply(&bulk("1"));
    assert_eq!(bench.engine.pending().in_flight(), 0);
}

#[test]
fn late_replies_reach_their_callers_over_a_connection_that_is_set_aside() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.get("b");
    assert_eq!(bench.sent().len(), 2);
    bench.incr("c");
    let mut aside = bench.engine.set_aside();
    assert_eq!(
        (aside.pending().in_flight(), aside.pending().queued()),
        (2, 0)
    );
    assert_eq!(
        (
            bench.engine.pending().in_flight(),
            bench.engine.pending().queued()
        ),
        (0, 1)
    );
    assert_eq!(bench.send(), None, "not connected");
    bench.handshake();
    assert_eq!(bench.sent(), ["INCR c"]);
    bench.reply(&bulk("9"));
    for reply in [bulk("1"), bulk("2")] {
        aside.receive(bench.now, reply).unwrap();
    }
    assert_eq!(
        bench.answers(),
        results(&[(2, "\"9\""), (0, "\"1\""), (1, "\"2\"")])
    );
    assert!(!aside.pending().has_write() && !aside.pending().is_awaited());
}

#[test]
fn a_connection_that_is_set_aside_sends_the_rest_of_a_batch() {
    let mut bench = Bench::ready();
    bench.batch(&["MULTI", "SET a", "EXEC"], Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("MULTI"));
    let mut aside = bench.engine.set_aside();
    std::mem::swap(&mut bench.engine, &mut aside);
    bench.get("b");
    assert_eq!(bench.sent(), ["SET a", "EXEC"], "and nothing after it");
}

#[test]
fn reads_are_resent_when_a_connection_that_is_set_aside_is_lost() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.get("b");
    bench.sent();
    let mut aside = bench.engine.set_aside();
    let error = TransportError::new(TransportErrorKind::Closed, "cut");
    aside.disconnected(&Arc::new(error), bench.now);
    assert_eq!(bench.answers(), results(&[(0, "lost sent=true")]));
    bench.engine.take_back(&mut aside);
    bench.handshake();
    assert_eq!(bench.sent(), ["GET b"]);

    bench.incr("c");
    bench.sent();
    let mut aside = bench.engine.set_aside();
    bench.now += Duration::from_secs(60);
    assert_eq!(aside.expire(bench.now), Ok(()), "silence is allowed");
    assert_eq!(
        bench.answers(),
        results(&[(1, "timeout sent=true"), (2, "timeout sent=true")])
    );
    assert_eq!(aside.next_deadline(), None);
}
