//! Connections that owe replies to commands that write.

use super::*;

fn silent(bench: &mut Bench) {
    assert_eq!(bench.wait(10), Ok(()));
    bench.answers();
    assert_eq!(bench.wait(5), Ok(()));
}

#[test]
fn a_silent_server_that_owes_a_write_is_asked_and_not_given_up() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.send();
    silent(&mut bench);
    assert!(bench.engine.session_mut().take_unexamined_doubt());
    assert!(
        !bench.engine.session_mut().take_unexamined_doubt(),
        "one question for each doubt"
    );
    bench.get("b");
    assert_eq!(
        bench.send(),
        None,
        "nothing more is sent while it is in doubt"
    );
    let again = bench.now + SILENCE;
    assert_eq!(bench.wait(14), Ok(()));
    assert!(!bench.engine.session_mut().take_unexamined_doubt());
    assert_eq!(bench.engine.next_deadline(), Some(again));
    assert_eq!(bench.wait(1), Ok(()));
    assert!(bench.engine.session_mut().take_unexamined_doubt());
    bench.get("c");
    bench.reply(&bulk("1"));
    assert!(!bench.engine.session().is_doubted());
    assert_eq!(bench.sent(), ["GET c"], "GET b has timed out meanwhile");
}

#[test]
fn whether_a_write_is_owed_outlives_its_caller() {
    for (request, writes) in [
        ("INCR a", true),
        ("GET a", false),
        ("PUBLISH a b", true),
        ("XREAD STREAMS a 0", false),
    ] {
        let mut bench = Bench::ready();
        let gone = bench.call(request, Retry::Never, false);
        assert!(!bench.engine.owes_write(), "it is not sent");
        bench.send();
        assert_eq!(bench.engine.owes_write(), writes, "{request}");
        *gone.borrow_mut() = true;
        assert_eq!(bench.engine.owes_write(), writes, "{request}");
        assert_eq!(bench.engine.owes_write_in_time(), writes, "{request}");
        bench.wait(10).unwrap();
        assert_eq!(bench.engine.owes_write(), writes, "{request}: a tombstone");
        assert!(!bench.engine.owes_write_in_time());
        bench.reply(&bulk("1"));
        assert!(!bench.engine.owes_write(), "{request}");
    }
}

#[test]
fn a_batch_owes_a_write_until_its_last_write_is_answered() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "SET a 1", "GET a"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    bench.reply(&bulk("0"));
    assert!(bench.engine.owes_write());
    bench.reply(&bulk("OK"));
    assert!(!bench.engine.owes_write());

    bench.batch(&["MULTI", "GET a", "EXEC"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    assert!(bench.engine.owes_write());
}

#[test]
fn a_tombstone_owes_a_write_until_its_last_write_is_answered() {
    let mut bench = Bench::ready();
    bench.batch(&["SET a 1", "GET a", "GET a"], Retry::Never);
    assert_eq!(bench.sent().len(), 3);
    bench.advance(10);
    assert_eq!(bench.answers().len(), 3, "all requests timed out");
    assert!(bench.engine.owes_write());
    bench.reply(&bulk("OK"));
    assert!(!bench.engine.owes_write(), "only reads are pending");
    assert_eq!(bench.engine.in_flight(), 1);
    bench.reply(&bulk("1"));
    bench.reply(&bulk("1"));
    assert_eq!(bench.engine.in_flight(), 0);
}

#[test]
fn late_replies_reach_their_callers_over_a_connection_that_is_set_aside() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.get("b");
    assert_eq!(bench.sent().len(), 2);
    bench.incr("c");
    let mut aside = bench.engine.set_aside();
    assert_eq!((aside.in_flight(), aside.queued()), (2, 0));
    assert_eq!((bench.engine.in_flight(), bench.engine.queued()), (0, 1));
    assert_eq!(bench.send(), None, "there is no connection");
    bench.handshake();
    assert_eq!(bench.sent(), ["INCR c"]);
    bench.reply(&bulk("9"));
    for reply in [bulk("1"), bulk("2")] {
        aside.receive(bench.now, reply).unwrap();
    }
    assert_eq!(
        bench.answers(),
        told(&[(2, "\"9\""), (0, "\"1\""), (1, "\"2\"")])
    );
    assert!(!aside.owes_write() && !aside.has_living_calls());
}

#[test]
fn a_batch_is_sent_to_its_end_over_a_connection_that_is_set_aside() {
    let mut bench = Bench::ready();
    bench.batch(&["MULTI", "SET a", "EXEC"], Retry::Never);
    assert_eq!(bench.send().as_deref(), Some("MULTI"));
    let mut aside = bench.engine.set_aside();
    std::mem::swap(&mut bench.engine, &mut aside);
    bench.get("b");
    assert_eq!(bench.sent(), ["SET a", "EXEC"], "and nothing behind it");
}

#[test]
fn calls_time_out_and_reads_go_again_when_a_connection_that_is_set_aside_is_lost() {
    let mut bench = Bench::ready();
    bench.incr("a");
    bench.get("b");
    bench.sent();
    let mut aside = bench.engine.set_aside();
    let error = TransportError::new(TransportErrorKind::Closed, "cut");
    aside.disconnected(&Arc::new(error));
    assert_eq!(bench.answers(), told(&[(0, "lost sent=true")]));
    bench.engine.take_back(&mut aside);
    bench.handshake();
    assert_eq!(bench.sent(), ["GET b"]);

    bench.incr("c");
    bench.sent();
    let mut aside = bench.engine.set_aside();
    bench.now += Duration::from_secs(60);
    assert_eq!(aside.expire(bench.now), Ok(()), "it may be silent");
    assert_eq!(
        bench.answers(),
        told(&[(1, "timeout sent=true"), (2, "timeout sent=true")])
    );
    assert_eq!(aside.next_deadline(), None);
}
