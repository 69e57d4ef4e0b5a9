//! Tests of the state of one connection after another, without I/O.

use swarm_transport::{Capabilities, PeerIdentity};

use super::*;
use crate::connection::{HandshakeError, Session, Settings, Violation};
use crate::credentials::Credentials;
use crate::runtime::Instant;
use crate::server::{Detection, HelloLimit, Identity, ServerKind, ServerProfile};

const SECOND: Duration = Duration::from_secs(1);

fn unknown() -> Frame {
    Frame::error("ERR unknown command")
}

fn map(fields: &[(&str, &str)]) -> Frame {
    Frame::build(|reply| {
        reply.map(|map| {
            for (name, value) in fields {
                map.bulk(name.as_bytes());
                map.bulk(value.as_bytes());
            }
        });
    })
}

/// Opens a connection, and answers its requests by these replies.
fn opened(session: &mut Session, capabilities: Capabilities, replies: &[Frame]) {
    session.open(capabilities);
    for reply in replies {
        assert!(session.handshake_request().is_some());
        assert_eq!(session.receive(Instant::now(), reply), Ok(false));
    }
}

fn ready(settings: Settings, capabilities: Capabilities, replies: &[Frame]) -> Session {
    let mut session = Session::new(settings);
    opened(&mut session, capabilities, replies);
    assert!(session.is_ready());
    session
}

/// Guards against a connection without heartbeats, because the reply to one was lost with the
/// previous connection.
#[test]
fn a_new_connection_starts_without_the_state_of_the_last_one() {
    let settings = Settings {
        heartbeat: Some(SECOND),
        ..Settings::default()
    };
    let handshake = [unknown(), unknown()];
    let mut session = ready(settings, Capabilities::FULL, &handshake);
    let now = Instant::now();
    let _nonce = session.start_heartbeat(now);
    session.note_reply();
    session.suspect(now);
    assert_eq!(session.heartbeat_at(), None);
    session.close();
    session.open(Capabilities::FULL);
    assert!(!session.has_replied() && !session.is_suspected());
    opened(&mut session, Capabilities::FULL, &handshake);
    assert!(session.heartbeat_at().is_some());
}

#[test]
fn a_suspicion_ends_with_the_first_data() {
    let mut session = ready(
        Settings::default(),
        Capabilities::FULL,
        &[unknown(), unknown()],
    );
    for _ in 0..2 {
        session.suspect(Instant::now());
        session.note_activity(Instant::now());
        assert!(!session.is_suspected() && !session.take_unchecked_suspicion());
    }
}

#[test]
fn without_a_session_the_server_is_taken_for_a_gateway_at_once() {
    let without = Capabilities::FULL.with_session(false);
    for pinned in [None, Some(ServerKind::Redis)] {
        let settings = Settings {
            server: pinned,
            ..Settings::default()
        };
        let learned = settings.learned.clone();
        let session = ready(settings, without, &[]);
        let expected = Detection::over_http(pinned).profile();
        assert_eq!(session.server(), expected);
        assert_eq!(learned.profile(), Some(expected));
    }
}

/// Guards against binary keys that a gateway would corrupt.
#[test]
fn an_unnamed_server_behind_a_transport_of_text_is_taken_for_a_gateway() {
    let text = Capabilities::FULL.with_resp3(false);
    let gateway = Detection {
        gateway: true,
        ..Detection::default()
    };
    let server = |capabilities| {
        let replies = [unknown(), unknown()];
        ready(Settings::default(), capabilities, &replies).server()
    };
    assert_eq!(server(text), gateway.profile());
    assert_eq!(server(Capabilities::FULL), ServerProfile::default());
    // A garbled reply to HELLO comes from a gateway, too, over any transport.
    let settings = Settings::default();
    settings.learned.note_garbled(HelloLimit::Version2);
    let session = ready(settings, Capabilities::FULL, &[unknown(), unknown()]);
    assert_eq!(session.server(), gateway.profile());
}

/// Guards against a client that never asks for RESP3 again after its server was replaced.
#[test]
fn a_server_that_encodes_errors_differently_is_another_one() {
    let settings = Settings::default();
    let learned = settings.learned.clone();
    learned.note_garbled(HelloLimit::Version2);
    let array = Frame::array(&[Frame::bulk("-ERR"), Frame::bulk("unknown")]);
    ready(settings.clone(), Capabilities::FULL, &[unknown(), array]);
    assert_eq!(learned.hello(), HelloLimit::Version2);
    ready(settings, Capabilities::FULL, &[unknown(), unknown()]);
    assert_eq!(learned.hello(), HelloLimit::Version3);
}

#[test]
fn a_reply_to_hello_without_a_name_identifies_no_server() {
    let settings = Settings::default();
    let learned = settings.learned.clone();
    let redis = map(&[("server", "redis"), ("version", "8.0.0")]);
    learned.note_identity(Identity::read(&redis).unwrap());
    let session = ready(settings, Capabilities::FULL, &[map(&[]), unknown()]);
    assert_eq!(learned.kind(), Some(ServerKind::Redis));
    assert_eq!(*session.peer(), PeerIdentity::new());
}

#[test]
fn a_push_answers_no_request_of_the_handshake() {
    let mut session = Session::new(Settings::default());
    session.open(Capabilities::FULL);
    assert!(session.handshake_request().is_some());
    let unasked = push(&["invalidate", "k"]);
    assert_eq!(session.receive(Instant::now(), &unasked), Ok(false));
    assert!(session.handshake_request().is_none(), "HELLO is pending");
    assert_eq!(session.receive(Instant::now(), &unknown()), Ok(false));
    assert!(session.handshake_request().is_some());
}

#[test]
fn only_ok_is_a_login() {
    for (reply, accepted) in [("OK", true), ("QUEUED", false)] {
        let mut session = Session::new(Settings::default());
        session.log_in_with(Some(Credentials::password("secret")));
        session.open(Capabilities::FULL);
        assert_eq!(session.handshake_request().unwrap().name(), b"AUTH");
        let received = session.receive(Instant::now(), &Frame::simple(reply));
        let incompatible = Violation::Handshake(HandshakeError::Incompatible);
        let expected = if accepted {
            Ok(false)
        } else {
            Err(incompatible)
        };
        assert_eq!(received, expected);
    }
}

#[test]
fn a_permanent_error_needs_no_explanation() {
    let mut session = Session::new(Settings::default());
    opened(&mut session, Capabilities::FULL, &[unknown()]);
    for (transient, explained) in [(true, true), (false, false)] {
        let error = session.explain(refused().with_transient(transient));
        assert_eq!(error.to_string().contains("unknown command"), explained);
    }
}
