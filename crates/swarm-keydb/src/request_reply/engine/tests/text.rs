//! Arguments that the server would change, by the kind of server.

use super::*;
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
fn a_refused_name_withholds_its_unit() {
    let mut bench = Bench::offline();
    bench.handshake_with("swarmkeydb");
    let requests = [
        Request::new("SET", ("k", "v")),
        Request::new("SET", (b"\xff".as_slice(), "v")),
        Request::new("SET", ("k", b"\xff".as_slice())),
    ];
    let unit = Requests::Unit(requests.into_iter().collect());
    bench.submit(unit, Retry::Never, false);
    assert_eq!(bench.send(), None);
    let answers = bench.answers.borrow();
    let [
        (_, Err(Failure::Withheld)),
        (_, Err(Failure::Unsupported(Unsupported::NotUtf8 { argument: 1 }))),
        (_, Err(Failure::Withheld)),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
}
