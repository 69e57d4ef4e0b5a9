//! Tests of the handshake with different servers.

use super::*;
use crate::options::{ErrorEncoding, ProtocolVersion};
use crate::request_reply::Credentials;
use crate::server::ServerKind;

fn with_password() -> Bench {
    let mut bench = Bench::offline();
    let password = "secret".to_owned();
    bench.engine.session.settings.credentials = Some(Credentials {
        user: None,
        password,
    });
    bench
}

#[test]
fn each_request_of_the_handshake_waits_for_the_previous_reply() {
    let mut bench = with_password();
    bench.get("a");
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("AUTH secret"));
    assert_eq!(bench.send(), None);
    bench.reply(&Frame::simple("OK"));
    assert_eq!(bench.send().as_deref(), Some("HELLO 3"));
    assert_eq!(bench.send(), None);
    bench.reply(&map());
    assert_eq!(bench.send().as_deref(), Some("ECHO"));
    assert_eq!(bench.send(), None);
    bench.reply(&Frame::error(
        "ERR wrong number of arguments for 'echo' command",
    ));
    assert_eq!(bench.send().as_deref(), Some("GET a"));
}

#[test]
fn a_wrong_password_reports_the_error_of_the_server() {
    let mut bench = with_password();
    bench.engine.connected(Capabilities::FULL);
    bench.send();
    let refused = bench
        .engine
        .receive(bench.now, Frame::error("WRONGPASS invalid password"))
        .unwrap_err();
    let Violation::Handshake(HandshakeError::Auth(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.code(), "WRONGPASS");
}

/// Guards against blaming a correct password for the state of the server.
#[test]
fn handshake_errors_are_classified_by_their_text() {
    let auth = ["AUTH ann secret"];
    let hello = ["HELLO 3"];
    for (steps, text, expected) in [
        (auth, "ERR max number of clients reached", "refused"),
        (
            auth,
            "LOADING Redis is loading the dataset in memory",
            "refused",
        ),
        (auth, "BUSY Redis is busy running a script.", "refused"),
        (auth, "MASTERDOWN x", "refused"),
        (auth, "CLUSTERDOWN x", "refused"),
        (auth, "ERR upstream failure", "refused"),
        (auth, "WRONGPASS invalid username-password pair", "auth"),
        (auth, "NOPERM this user has no permissions", "auth"),
        (auth, "ERR invalid password", "auth"),
        (auth, "ERR unknown command 'AUTH'", "auth"),
        (
            auth,
            "ERR wrong number of arguments for 'AUTH' command",
            "auth",
        ),
        (auth, "ERR Client sent AUTH, but no password is set", "auth"),
        (
            hello,
            "NOAUTH HELLO must be called with the client already authenticated",
            "auth",
        ),
        (
            hello,
            "DENIED Redis is running in protected mode",
            "refused",
        ),
        (
            hello,
            "LOADING Redis is loading the dataset in memory",
            "refused",
        ),
        (hello, "ERR max number of clients reached", "refused"),
        (hello, "ERR unknown command 'HELLO'", "goes on"),
        (
            hello,
            "ERR unknown command `HELLO`, with args beginning with: `3`",
            "goes on",
        ),
        (hello, "NOPROTO unsupported protocol version", "goes on"),
        (
            hello,
            "ERR Command not allowed inside a transaction",
            "goes on",
        ),
    ] {
        let mut bench = Bench::offline();
        if steps == auth {
            bench.engine.session.settings.credentials =
                Some(Credentials::new(Some("ann"), "secret"));
        }
        bench.engine.connected(Capabilities::FULL);
        assert_eq!(bench.sent(), steps);
        let found = match bench.receive(&Frame::error(text)) {
            Ok(()) => "goes on",
            Err(Violation::Handshake(HandshakeError::Auth(_))) => "auth",
            Err(Violation::Handshake(HandshakeError::Refused(_))) => "refused",
            Err(other) => panic!("{text}: {other:?}"),
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_missing_password_is_detected_in_both_error_encodings() {
    for refusal in [
        Frame::error("NOAUTH Authentication required."),
        words("-NOAUTH Authentication required."),
    ] {
        let mut bench = Bench::offline();
        bench.engine.connected(Capabilities::FULL);
        bench.send();
        let refused = bench.engine.receive(bench.now, refusal).unwrap_err();
        assert!(
            matches!(refused, Violation::Handshake(HandshakeError::Auth(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn a_server_without_hello_uses_resp2() {
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    bench.send();
    bench.reply(&Frame::error("ERR unknown command 'HELLO'"));
    assert_eq!(bench.send().as_deref(), Some("ECHO"));
}

#[test]
fn an_unreadable_reply_to_hello_lowers_the_version() {
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    bench.send();
    let garbage = bench.engine.receive(bench.now, words("%7"));
    assert_eq!(
        garbage,
        Err(Violation::Handshake(HandshakeError::UnreadableHello))
    );
    bench.cut();
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("HELLO 2"));
    let garbage = bench.engine.receive(bench.now, words("%7"));
    assert_eq!(
        garbage,
        Err(Violation::Handshake(HandshakeError::UnreadableHello))
    );
    bench.cut();
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("ECHO"));
}

/// The reply to HELLO 2 of a server of this name.
fn named(server: &str) -> Frame {
    words(&format!("server {server} version 7.0.0"))
}

/// On transports that may garble RESP3, the client does not request it from SwarmKeyDb, but does
/// from other servers.
#[test]
fn behind_a_gateway_the_server_is_identified_before_resp3_is_requested() {
    let gateway = Capabilities::FULL.with_resp3(false);
    for (server, kind, next) in [
        ("swarmkeydb", Some(ServerKind::SwarmKeyDb), "ECHO"),
        ("redis", Some(ServerKind::Redis), "HELLO 3"),
        ("proxy", None, "HELLO 3"),
    ] {
        let mut bench = Bench::offline();
        bench.engine.connected(gateway);
        assert_eq!(bench.send().as_deref(), Some("HELLO 2"));
        bench.reply(&named(server));
        assert_eq!(bench.send().as_deref(), Some(next), "{server}");
        if next == "HELLO 3" {
            let name = [Frame::bulk("server"), Frame::bulk(server)];
            bench.reply(&Frame::build(|reply| {
                reply.map(|map| name.iter().for_each(|part| map.frame(part.view())));
            }));
            bench.send();
        }
        bench.reply(&Frame::error("ERR wrong number of arguments"));
        assert!(bench.engine.session().is_ready());
        assert_eq!(
            bench.engine.session.settings.learned.kind(),
            kind,
            "{server}"
        );
        assert_eq!(bench.engine.session().peer().server(), Some(server));
    }
}

#[test]
fn connections_share_what_was_learned_about_hello() {
    let gateway = Capabilities::FULL.with_resp3(false);
    let mut first = Bench::offline();
    first.engine.connected(gateway);
    first.send();
    first.reply(&named("redis"));
    assert_eq!(first.send().as_deref(), Some("HELLO 3"));
    let garbage = first.engine.receive(first.now, words("%7"));
    assert!(garbage.is_err());

    let mut second = Bench::offline();
    second.engine.session.settings.learned = first.engine.session.settings.learned.clone();
    second.engine.connected(gateway);
    assert_eq!(second.send().as_deref(), Some("HELLO 2"));
    second.reply(&named("redis"));
    assert_eq!(second.send().as_deref(), Some("ECHO"));
    second.reply(&Frame::error("ERR wrong number of arguments"));
    second.cut();

    // Another server is asked for the version that the previous one could not handle.
    second.engine.connected(gateway);
    second.send();
    second.reply(&named("valkey"));
    assert_eq!(second.send().as_deref(), Some("HELLO 3"));
}

#[test]
fn protocol_resp2_requests_the_name_and_not_resp3() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.protocol = ProtocolVersion::Resp2;
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("HELLO 2"));
    bench.reply(&named("redis"));
    assert_eq!(bench.send().as_deref(), Some("ECHO"));
    assert_eq!(
        bench.engine.session.settings.learned.kind(),
        Some(ServerKind::Redis)
    );
}

#[test]
fn array_errors_are_errors_if_the_probe_received_one() {
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    bench.send();
    bench.reply(&map());
    bench.send();
    bench.reply(&words("-ERR wrong number of arguments for 'ECHO'"));
    bench.engine.session.settings.reconnect_on = ["NOAUTH".into()].into();
    bench.get("a");
    bench.call("MGET a b", Retry::ReadOnly, false);
    bench.batch(&["MULTI", "MGET a b", "EXEC"], Retry::Never);
    bench.sent();
    bench.reply(&words("-ERR unknown command 'X'"));
    // An array of two values.
    bench.reply(&words("-NOAUTH x"));
    bench.reply(&bulk("OK"));
    // Before EXEC, no reply is an array of values.
    bench.reply(&words("-NOAUTH x"));
    bench.reply(&words("-NOAUTH x"));
    assert_eq!(
        bench.answers(),
        results(&[
            (0, "error ERR unknown command 'X'"),
            (1, r#"["-NOAUTH", "x"]"#),
            (2, "\"OK\""),
            (2, "error NOAUTH x"),
            (2, r#"["-NOAUTH", "x"]"#),
        ])
    );
    assert!(bench.engine.drain().take_advice().is_none());
    bench.get("a");
    bench.send();
    bench.reply(&words("-NOAUTH Authentication required."));
    assert!(bench.engine.drain().take_advice().is_some());
}

#[test]
fn an_array_that_looks_like_an_error_is_an_array_on_other_servers() {
    let mut bench = Bench::ready();
    bench.get("a");
    bench.send();
    bench.reply(&words("-ERR I am a value"));
    assert_eq!(
        bench.answers(),
        results(&[(0, r#"["-ERR", "I", "am", "a", "value"]"#)])
    );
}

#[test]
fn user_and_database_are_sent_in_the_handshake() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.credentials = Some(Credentials::new(Some("ann"), "secret"));
    bench.engine.session.settings.session = vec![("the database", Request::new("SELECT", 3))];
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("AUTH ann secret"));
    bench.reply(&Frame::simple("OK"));
    bench.send();
    bench.reply(&map());
    bench.send();
    bench.reply(&Frame::error(
        "ERR wrong number of arguments for 'echo' command",
    ));
    assert!(!bench.engine.session().is_ready());
    assert_eq!(bench.send().as_deref(), Some("SELECT 3"));
    bench.reply(&Frame::simple("OK"));
    assert!(bench.engine.session().is_ready());
}

#[test]
fn a_server_that_is_not_redis_compatible_is_rejected() {
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    bench.send();
    bench.reply(&map());
    bench.send();
    let refused = bench
        .engine
        .receive(bench.now, bulk("HTTP/1.1 400 Bad Request"));
    assert_eq!(
        refused,
        Err(Violation::Handshake(HandshakeError::Incompatible))
    );
}

#[test]
fn a_transport_without_a_session_has_no_handshake() {
    let mut bench = with_password();
    bench.get("a");
    bench
        .engine
        .connected(Capabilities::FULL.with_session(false));
    assert!(bench.engine.session().is_ready());
    assert_eq!(bench.send().as_deref(), Some("GET a"));
}

#[test]
fn a_session_that_cannot_be_restored_fails_the_handshake() {
    let mut bench = Bench::offline();
    bench.engine.session.settings.protocol = ProtocolVersion::Resp2;
    bench.engine.session.settings.session = vec![
        ("client_name", Request::new("CLIENT SETNAME", "me")),
        ("auth_addr", Request::new("AUTHADDR", "0x1")),
    ];
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.send().as_deref(), Some("HELLO 2"));
    bench.reply(&words("-ERR unknown command 'HELLO'"));
    bench.send();
    bench.reply(&words("-ERR wrong number of arguments for 'ECHO'"));
    assert_eq!(bench.send().as_deref(), Some("CLIENT SETNAME me"));
    bench.reply(&bulk("OK"));
    assert_eq!(bench.send().as_deref(), Some("AUTHADDR 0x1"));
    let refused = bench
        .engine
        .receive(bench.now, words("-ERR invalid address"));
    let Err(Violation::Handshake(HandshakeError::Session { what, error })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((what, error.message()), ("auth_addr", "invalid address"));
}

#[test]
fn protocol_resp3_fails_the_handshake_without_resp3() {
    for answer in [Frame::error("NOPROTO unsupported"), words("%7 2 1")] {
        let mut bench = Bench::offline();
        bench.engine.session.settings.protocol = ProtocolVersion::Resp3;
        for _ in 0..2 {
            bench.engine.connected(Capabilities::FULL);
            assert_eq!(bench.send().as_deref(), Some("HELLO 3"));
            let refused = bench.engine.receive(bench.now, answer.clone()).unwrap_err();
            // Not the violation after which the client reconnects at once.
            let at_once = Violation::Handshake(HandshakeError::UnreadableHello);
            assert!(refused != at_once, "{refused}");
            bench.cut();
        }
    }
}

#[test]
fn a_configured_error_encoding_needs_no_probe() {
    let list = words("-ERR is a value");
    for (spelling, expected) in [
        (ErrorEncoding::Auto, "error ERR is a value"),
        (ErrorEncoding::Array, "error ERR is a value"),
        (ErrorEncoding::Standard, r#"["-ERR", "is", "a", "value"]"#),
    ] {
        let mut bench = Bench::offline();
        bench.engine.session.settings.error_encoding = spelling;
        bench.engine.connected(Capabilities::FULL);
        bench.send();
        bench.reply(&map());
        bench.send();
        bench.reply(&words("-ERR wrong number of arguments"));
        bench.get("a");
        bench.send();
        bench.reply(&list);
        assert_eq!(bench.answers(), results(&[(0, expected)]), "{spelling:?}");
    }
}

/// Guards against hiding why a server refused HELLO before it closed the connection.
#[test]
fn the_error_of_hello_is_reported_if_the_connection_ends_in_the_handshake() {
    let closed =
        || TransportError::new(TransportErrorKind::Closed, "the peer ended the connection");
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    assert_eq!(bench.sent(), ["HELLO 3"]);
    bench
        .receive(&Frame::error("ERR upstream failure"))
        .unwrap();
    let wait = Duration::from_secs(7);
    let explained = bench
        .engine
        .session()
        .explain(closed().with_retry_after(wait));
    let text = explained.to_string();
    assert!(text.contains("upstream failure"), "{text}");
    assert_eq!(explained.retry_after(), Some(wait));
    assert_eq!(bench.sent(), ["ECHO"]);
    bench.reply(&Frame::error("ERR wrong number of arguments"));
    assert!(bench.engine.session().is_ready());
    let text = bench.engine.session().explain(closed()).to_string();
    assert!(!text.contains("upstream failure"), "{text}");
}

#[test]
fn an_unsolicited_error_is_the_reason_for_the_end_of_the_connection() {
    let mut bench = Bench::ready();
    let ended = bench.receive(&Frame::error("ERR idle for too long"));
    let Err(Violation::ClosedByServer(error)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.message(), "idle for too long");
    let mut bench = Bench::offline();
    bench.engine.connected(Capabilities::FULL);
    let ended = bench.receive(&Frame::error("ERR max number of clients reached"));
    let Err(Violation::Handshake(HandshakeError::Refused(error))) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.message(), "max number of clients reached");
}
