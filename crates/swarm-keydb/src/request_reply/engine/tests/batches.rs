//! Tests of batches: several requests of one call, sent back to back, with one result each.

use super::*;
use crate::server::ServerKind;

#[test]
fn a_batch_is_sent_back_to_back_and_answered_one_by_one() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "INCR b"], Retry::Never);
    bench.get("c");
    assert_eq!(bench.sent(), ["GET a", "INCR b", "GET c"]);
    bench.reply(&bulk("1"));
    bench.reply(&Frame::error("ERR no number"));
    bench.reply(&bulk("3"));
    let expected = [(0, "\"1\""), (0, "error ERR no number"), (1, "\"3\"")];
    assert_eq!(bench.answers(), results(&expected));
}

#[test]
fn a_partly_sent_batch_is_sent_completely_even_without_its_caller() {
    for cancelled in [true, false] {
        let mut bench = Bench::ready();
        let gone = bench.batch(&["MULTI", "SET a", "EXEC"], Retry::Never);
        assert_eq!(bench.send().as_deref(), Some("MULTI"));
        if cancelled {
            *gone.borrow_mut() = true;
        } else {
            bench.advance(10);
            assert_eq!(bench.answers(), results(&[(0, "timeout sent=true"); 3]));
        }
        bench.get("b");
        assert_eq!(bench.sent(), ["SET a", "EXEC", "GET b"]);
        for reply in ["OK", "QUEUED", "[]", "2"] {
            bench.reply(&bulk(reply));
        }
        assert_eq!(bench.answers(), results(&[(1, "\"2\"")]));
        assert_eq!(bench.engine.pending().in_flight(), 0);
    }
}

/// What was sent can be many megabytes, and an idle client must not keep it.
#[test]
fn the_requests_of_a_batch_are_released_once_it_is_answered() {
    let mut bench = Bench::ready();
    let requests = ["GET a", "GET b"].map(|request| Request::new(request, ()));
    let marked = Requests::batch(requests.into_iter().collect(), vec![(0, Marks::LINE_BREAK)]);
    let Requests::Many(held) = &marked else {
        panic!("a batch is shared");
    };
    let held = Arc::downgrade(held);
    bench.submit(marked, Retry::Never, false);
    assert_eq!(bench.sent(), ["GET a", "GET b"]);
    bench.reply(&bulk("1"));
    bench.reply(&bulk("2"));
    assert!(held.upgrade().is_none());
}

#[test]
fn a_cancelled_batch_is_not_sent() {
    let mut bench = Bench::ready();
    let gone = bench.batch(&["MULTI", "SET a", "EXEC"], Retry::Never);
    *gone.borrow_mut() = true;
    assert_eq!(bench.send(), None);
}

#[test]
fn a_lost_connection_reports_for_each_request_whether_it_was_sent() {
    let mut bench = Bench::ready();
    bench.batch(&["INCR a", "INCR b", "INCR c"], Retry::Never);
    bench.send();
    bench.send();
    bench.reply(&bulk("1"));
    bench.cut();
    let expected = [(0, "\"1\""), (0, "lost sent=true"), (0, "lost sent=false")];
    assert_eq!(bench.answers(), results(&expected));
    bench.handshake();
    assert_eq!(bench.send(), None, "the batch is not resent");
}

#[test]
fn a_read_only_batch_resumes_after_the_last_reply() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "GET b", "GET c"], Retry::ReadOnly);
    bench.sent();
    bench.reply(&bulk("1"));
    bench.cut();
    bench.handshake();
    assert_eq!(bench.sent(), ["GET b", "GET c"]);
    bench.reply(&bulk("2"));
    bench.reply(&bulk("3"));
    let expected = [(0, "\"1\""), (0, "\"2\""), (0, "\"3\"")];
    assert_eq!(bench.answers(), results(&expected));
}

#[test]
fn a_batch_with_a_rejected_request_is_rejected_as_a_whole() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "SET b", "GET c"], Retry::Never);
    let refusal = || swarm_transport::RequestRejection::TooLarge { size: 2, limit: 1 };
    let request = bench
        .engine
        .next_request(bench.now, |request| match request.name() {
            b"SET" => Err(refusal()),
            _ => Ok(()),
        });
    assert!(request.is_none());
    let refused = format!("{:?}", Failure::Refused(refusal()));
    let expected = [(0, "Withheld"), (0, refused.as_str()), (0, "Withheld")];
    assert_eq!(bench.answers(), results(&expected));
}

#[test]
fn the_fallback_names_the_rejected_request_of_a_batch_and_withholds_the_others() {
    let mut bench = Bench::offline();
    bench.batch(&["GET a", "SET b", "GET c"], Retry::Never);
    let refusal = || swarm_transport::RequestRejection::TooLarge { size: 2, limit: 1 };
    let mut fallback = bench.engine.fallback();
    let request = fallback.next_request(bench.now, |request| match request.name() {
        b"SET" => Err(refusal()),
        _ => Ok(()),
    });
    assert!(request.is_none());
    let refused = format!("{:?}", Failure::Refused(refusal()));
    let expected = [(0, "Withheld"), (0, refused.as_str()), (0, "Withheld")];
    assert_eq!(bench.answers(), results(&expected));
}

/// Replies to a batch are converted by the facts about the server that sent them.
#[test]
fn a_batch_is_told_the_server_of_each_connection_that_it_is_sent_over() {
    let mut bench = Bench::offline();
    bench.batch(&["GET a", "GET b"], Retry::ReadOnly);
    for (name, kind) in [
        ("redis", ServerKind::Redis),
        ("swarmkeydb", ServerKind::SwarmKeyDb),
    ] {
        bench.handshake_with(name);
        assert_eq!(*bench.told.borrow(), [], "{name}: not sent yet");
        assert_eq!(bench.sent(), ["GET a", "GET b"]);
        let told: Vec<_> = bench.told.borrow_mut().drain(..).collect();
        assert_eq!(told, [kind.profile()], "{name}");
        bench.cut();
    }
}

#[test]
fn a_reply_to_an_unsent_request_ends_the_connection() {
    let mut bench = Bench::ready();
    bench.batch(&["GET a", "GET b"], Retry::ReadOnly);
    bench.send();
    bench.reply(&bulk("1"));
    let early = bench.engine.receive(bench.now, bulk("2"));
    assert_eq!(early, Err(Violation::UnexpectedReply));
}
