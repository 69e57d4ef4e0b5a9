//! Tests of arguments that some servers change or reject.

use super::*;
use crate::options::FallbackScope;
use crate::server::Unsupported;

/// Guards against checking arguments before the connection, and thus the server, is known.
#[test]
fn names_that_are_not_utf8_are_rejected_only_for_swarmkeydb() {
    for (server, is_sent) in [
        ("swarmkeydb", false),
        ("SwarmKeyDB", false),
        ("redis", true),
        ("valkey", true),
        ("a proxy", true),
    ] {
        let mut bench = Bench::offline();
        bench.handshake_with(server);
        let request = Request::new("GET", b"\xff".as_slice());
        bench.submit(Requests::One(request), Retry::ReadOnly, false);
        assert_eq!(bench.send().is_some(), is_sent, "{server}");
        assert_eq!(bench.answers.borrow().len(), usize::from(!is_sent));
    }
}

#[test]
fn a_waiting_call_is_checked_against_the_server_of_the_next_connection() {
    let mut bench = Bench::offline();
    bench.handshake_with("redis");
    bench.cut();
    let request = Request::new("DEL", b"\xff".as_slice());
    bench.submit(Requests::One(request), Retry::Never, false);
    bench.handshake_with("swarmkeydb");
    assert_eq!(bench.send(), None);
    let answers = bench.answers.borrow();
    let [(0, Err(Failure::Unsupported(Unsupported::NotUtf8 { argument: 1 })))] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
}

#[test]
fn each_rejected_request_of_a_batch_has_its_own_reason_and_the_others_are_withheld() {
    let mut bench = Bench::offline();
    bench.handshake_with("swarmkeydb");
    let requests = [
        Request::new("SET", ("k", "v")),
        Request::new("SET", (b"\xff".as_slice(), "v")),
        Request::new("SET", ("k", b"\xff".as_slice())),
        Request::new("GET", ""),
    ];
    let batch = Requests::batch(requests.into_iter().collect(), vec![(3, Marks::EMPTY_NAME)]);
    bench.submit(batch, Retry::Never, false);
    assert_eq!(bench.send(), None);
    let answers = bench.answers.borrow();
    let [
        (_, Err(Failure::Withheld)),
        (_, Err(Failure::Unsupported(Unsupported::NotUtf8 { argument: 1 }))),
        (_, Err(Failure::Withheld)),
        (_, Err(Failure::Unsupported(Unsupported::EmptyName))),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
}

fn marked(name: &str) -> Requests {
    Requests::one(Request::new("GET", name), Marks::of_key(name.as_bytes()))
}

/// Guards against a key that one server accepts and that shifts the replies of another.
#[test]
fn a_key_with_a_line_break_is_rejected_fenced_or_sent_as_the_server_requires() {
    for (server, expected) in [
        ("swarmkeydb", None),
        ("a proxy", Some(true)),
        ("redis", Some(false)),
    ] {
        let mut bench = Bench::offline();
        bench.handshake_with(server);
        bench.submit(marked("a\r\nb"), Retry::ReadOnly, false);
        let sent = bench.send();
        assert_eq!(sent.is_some(), expected.is_some(), "{server}");
        let fence = bench.send();
        assert_eq!(fence.is_some(), expected == Some(true), "{server}");
        if expected.is_none() {
            let answers = bench.answers.borrow();
            let [(0, Err(failure))] = answers.as_slice() else {
                panic!("{answers:?}")
            };
            let error = crate::Error::from_failure(failure.clone()).for_command("GET".into());
            assert_eq!(error.kind(), crate::ErrorKind::Argument);
            assert_eq!(error.outcome(), Some(crate::Outcome::NotSent));
        }
    }
}

#[test]
fn over_http_such_a_key_waits_for_the_connection_unless_the_last_server_rejected_it() {
    for (server, waits) in [("redis", true), ("swarmkeydb", false)] {
        for key in ["a\nb", ""] {
            let mut bench = Bench::offline();
            bench.engine.session.settings.fallback = FallbackScope::Stateless;
            bench.handshake_with(server);
            bench.cut();
            bench.submit(marked(key), Retry::ReadOnly, false);
            assert_eq!(bench.send_over_fallback(), None, "{server} {key:?}");
            let answered = bench.answers.borrow().len();
            assert_eq!(answered, usize::from(!waits), "{server} {key:?}");
        }
    }
}
