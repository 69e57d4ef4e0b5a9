//! Arguments that a server would change or cannot take, by the kind of server.

use super::*;
use crate::options::FallbackScope;
use crate::server::Unsupported;

/// Stands for requests that one server keeps and another changes: which one it is, only the connection knows.
#[test]
fn names_of_any_bytes_are_refused_only_where_the_server_says_that_it_is_swarmkeydb() {
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
fn a_call_that_waited_for_another_server_is_checked_against_the_one_that_came() {
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
    let batch = Requests::Batch(requests.into_iter().collect());
    let batch = batch.marked(vec![(3, Marks::EMPTY_NAME)]);
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

/// Stands for a key that one server keeps and that makes another shift its replies.
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
            let error = crate::Error::from(failure.clone()).for_command("GET".into());
            assert_eq!(error.kind(), crate::ErrorKind::Argument);
            assert_eq!(error.outcome(), Some(crate::Outcome::NotSent));
        }
    }
}

#[test]
fn over_http_it_waits_for_the_connection_unless_the_last_server_rejected_it() {
    for (server, waits) in [("redis", true), ("swarmkeydb", false)] {
        for key in ["a\nb", ""] {
            let mut bench = Bench::offline();
            bench.engine.session.settings.fallback = FallbackScope::Stateless;
            bench.handshake_with(server);
            bench.cut();
            bench.submit(marked(key), Retry::ReadOnly, false);
            let next = bench.engine.next_fallback_request(bench.now, |_| Ok(()));
            assert!(next.is_none(), "{server} {key:?}");
            let answered = bench.answers.borrow().len();
            assert_eq!(answered, usize::from(!waits), "{server} {key:?}");
        }
    }
}
