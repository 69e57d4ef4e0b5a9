//! Retryable errors, and the properties of every error kind.

use swarm_transport::TransportErrorKind as Kind;

use super::*;
use crate::failure::{Outage, QueueLoad, Wait};

/// A kind that is missing here does not compile; one without a predicate fails.
#[test]
fn each_kind_has_a_name_and_exactly_one_predicate() {
    use ErrorKind as K;
    const PREDICATES: [fn(&Error) -> bool; 11] = [
        Error::is_connection,
        Error::is_server,
        Error::is_timeout,
        Error::is_queue_full,
        Error::is_auth,
        Error::is_config,
        Error::is_argument,
        Error::is_unexpected_reply,
        Error::is_conflict,
        Error::is_closed,
        Error::is_lagged,
    ];
    let position = |kind| match kind {
        K::Connection => 0,
        K::Server => 1,
        K::Timeout => 2,
        K::QueueFull => 3,
        K::Auth => 4,
        K::Config => 5,
        K::Argument => 6,
        K::UnexpectedReply => 7,
        K::Conflict => 8,
        K::Closed => 9,
        K::Lagged => 10,
    };
    for kind in [
        K::Connection,
        K::Server,
        K::Timeout,
        K::QueueFull,
        K::Auth,
        K::Config,
        K::Argument,
        K::UnexpectedReply,
        K::Conflict,
        K::Closed,
        K::Lagged,
    ] {
        let error = Error::new(kind, Outcome::NotSent);
        let found: Vec<_> = PREDICATES.iter().map(|is| is(&error)).collect();
        let expected: Vec<_> = (0..PREDICATES.len())
            .map(|at| at == position(kind))
            .collect();
        assert_eq!(found, expected, "{kind:?}");
        // `QueueFull` is `queue_full`.
        let name = kind.as_str().replace('_', "");
        assert_eq!(name, format!("{kind:?}").to_lowercase());
    }
}

#[test]
fn only_errors_of_commands_have_an_outcome() {
    for error in [
        Error::config("x"),
        Error::closed(),
        Error::lagged(),
        Error::unacknowledged(None, Duration::ZERO),
        Error::connect(late(true)),
        lost(true, Kind::Io),
    ] {
        assert_eq!(error.outcome(), None, "{error}");
        let text = error.to_string();
        assert!(!text.contains("may have run"), "{text}");
    }
    // A command that only reads has the same outcome, but nobody needs to find out whether it ran.
    for (command, reads) in [
        ("INCR", false),
        ("get", true),
        ("XINFO STREAM", true),
        ("EVAL", false),
    ] {
        let error = lost(true, Kind::Io).for_command(command.into());
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
        let tells = error.to_string().ends_with("(the command may have run)");
        assert_eq!(tells, !reads, "{error}");
    }
}

fn late(sent: bool) -> Failure {
    Failure::Timeout(Arc::new(Late {
        sent,
        ..Late::default()
    }))
}

fn full() -> Failure {
    Failure::Full(QueueLoad {
        commands: 1,
        max_commands: 1,
        bytes: 1,
        max_bytes: 1,
    })
}

fn lost(sent: bool, kind: Kind) -> Error {
    let error = Arc::new(TransportError::new(kind, "x"));
    Error::from_failure(Failure::lost(sent, &error))
}

fn answered(command: &'static str, text: &str) -> Error {
    let failure = Failure::Server(ServerError::parse(text.as_bytes()));
    Error::from_failure(failure).for_command(command.into())
}

/// The facts of a timeout are those of the outage, and its source is the last error.
#[test]
fn a_timeout_names_what_is_known() {
    let refused = TransportError::new(Kind::Refused, "connection refused");
    let since = tokio::time::Instant::now();
    let mut outage = Outage {
        since: Some(since),
        ..Outage::default()
    };
    let error = Arc::new(refused);
    for millis in [0, 200, 650] {
        outage.note_attempt(&error, since + Duration::from_millis(millis));
    }
    let late = |sent, wait| {
        let failure = Failure::Timeout(Arc::new(Late {
            sent,
            address: Some("ws://127.0.0.1:8765".into()),
            waited: Some(Duration::from_millis(700)),
            wait,
        }));
        Error::from_failure(failure).for_command("SET".into())
    };
    let unsent = late(false, Wait::Connection(outage, None));
    assert_eq!(
        unsent.to_string(),
        "SET: not sent within 700 ms: no connection to ws://127.0.0.1:8765 (3 attempts in 650 ms, \
         last: connection refused)"
    );
    assert_eq!(unsent.outcome(), Some(Outcome::NotSent));
    assert_eq!(unsent.attempts(), Some(3));
    assert_eq!(unsent.elapsed(), Some(Duration::from_millis(700)));
    assert_eq!(unsent.address(), Some("ws://127.0.0.1:8765"));
    assert!(
        unsent
            .transport_error()
            .is_some_and(TransportError::is_refused)
    );
    let source = unsent.source().map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("connection refused"));
    assert!(unsent.is_retryable());

    let unanswered = late(true, Wait::Reply);
    assert_eq!(
        unanswered.to_string(),
        "SET: no reply from ws://127.0.0.1:8765 within 700 ms (the command may have run)"
    );
    assert_eq!(unanswered.attempts(), None);
    assert!(unanswered.source().is_none());
}

/// Catches retry loops that never end or that repeat a write.
#[test]
fn retryable_means_did_not_run_and_may_pass_by_itself() {
    for (kind, retryable) in [
        (Kind::Endpoint, false),
        (Kind::Options, false),
        (Kind::Resolve, true),
        (Kind::Refused, true),
        (Kind::Timeout, true),
        (Kind::Tls, false),
        (Kind::Auth, false),
        (Kind::Protocol, false),
        (Kind::Limit, false),
        (Kind::Closed, true),
        (Kind::Io, true),
    ] {
        assert_eq!(lost(false, kind).is_retryable(), retryable, "{kind:?}");
        assert!(!lost(true, kind).is_retryable(), "{kind:?}");
    }
    for (command, text, retryable) in [
        (
            "GET",
            "LOADING Redis is loading the dataset in memory",
            true,
        ),
        ("GET", "TRYAGAIN x", true),
        ("GET", "CLUSTERDOWN x", true),
        ("GET", "MASTERDOWN x", true),
        ("SET", "READONLY x", true),
        ("GET", "NOAUTH Authentication required.", true),
        ("SET", "BUSY Redis is busy running a script.", true),
        ("EVAL", "BUSY Redis is busy running a script.", true),
        ("EVAL", "BUSY Script exceeded time limit", false),
        ("EVAL", "TRYAGAIN x", true),
        ("GET", "WRONGPASS x", false),
        ("GET", "NOPERM x", false),
        ("GET", "WRONGTYPE x", false),
        ("GET", "ERR x", false),
        ("SET", "OOM x", false),
    ] {
        let error = answered(command, text);
        assert_eq!(error.is_retryable(), retryable, "{command}: {text}");
    }
    let server = || ServerError::parse(b"WRONGPASS x");
    for (failure, retryable) in [
        (late(false), true),
        (late(true), false),
        (full(), true),
        (Failure::Withheld, false),
        (
            Failure::Auth {
                sent: false,
                address: None,
                error: server(),
            },
            false,
        ),
        (Failure::Scripted(ServerError::parse(b"LOADING x")), false),
        (Failure::Closed { sent: false }, false),
        (Failure::Closed { sent: true }, false),
    ] {
        let error = Error::from_failure(failure);
        assert_eq!(error.is_retryable(), retryable, "{error}");
    }
    assert!(Error::conflict().is_retryable());
    assert!(!Error::argument("x").is_retryable());
    assert!(!Error::config("x").is_retryable());
    assert!(!Error::lagged().is_retryable());
}
