//! What follows each end of a connection, as a table; ARCHITECTURE.md has the same rules.

use swarm_resp::ServerError;
use swarm_transport::TransportErrorKind as Kind;

use super::super::{Disconnect, HandshakeError, Lifetime, Next, Reconnect, Violation};
use super::*;

/// The facts of a [`Next`] that decide what the owners of connections do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    AtOnce,
    Drained,
    Failed {
        /// Whether the credentials were refused.
        refused: bool,
        fall_back: bool,
    },
}

/// The connection was lost; another one may work.
const RETRY: Rule = Rule::Failed {
    refused: false,
    fall_back: true,
};
/// As [`RETRY`], but the fallback would hide that the server refuses an option.
const RETRY_HERE: Rule = Rule::Failed {
    refused: false,
    fall_back: false,
};
/// The credentials were refused.
const REFUSED: Rule = Rule::Failed {
    refused: true,
    fall_back: false,
};

/// A new reason does not compile without its rule.
fn expected(disconnect: &Disconnect) -> Rule {
    match disconnect {
        Disconnect::Transport(error) if error.kind() == Kind::Auth => REFUSED,
        Disconnect::Transport(_) => RETRY,
        Disconnect::Violation(violation) => match violation {
            Violation::Handshake(error) => match error {
                HandshakeError::Auth(_) => REFUSED,
                HandshakeError::UnreadableHello => Rule::AtOnce,
                HandshakeError::Session { .. } => RETRY_HERE,
                HandshakeError::Refused(_)
                | HandshakeError::NotPrimary(_)
                | HandshakeError::Incompatible => RETRY,
            },
            Violation::UnexpectedReply
            | Violation::ClosedByServer(_)
            | Violation::Silent(_)
            | Violation::Overdue(_)
            | Violation::Desynchronized => RETRY,
        },
        Disconnect::Drained => Rule::Drained,
        // Without reconnecting, the session is lost.
        Disconnect::Moved => Rule::AtOnce,
    }
}

/// Whether another connection may work without other options.
fn is_transient(disconnect: &Disconnect) -> bool {
    match disconnect {
        Disconnect::Transport(error) => error.is_transient(),
        Disconnect::Violation(Violation::Handshake(error)) => match error {
            HandshakeError::UnreadableHello
            | HandshakeError::Refused(_)
            | HandshakeError::NotPrimary(_) => true,
            HandshakeError::Auth(_)
            | HandshakeError::Session { .. }
            | HandshakeError::Incompatible => false,
        },
        Disconnect::Violation(_) | Disconnect::Drained | Disconnect::Moved => true,
    }
}

fn ends() -> Vec<Disconnect> {
    let error = || ServerError::parse(b"ERR x");
    let time = Duration::from_secs(1);
    let transport = [
        Kind::Endpoint,
        Kind::Options,
        Kind::Resolve,
        Kind::Refused,
        Kind::Timeout,
        Kind::Tls,
        Kind::Auth,
        Kind::Protocol,
        Kind::Limit,
        Kind::Closed,
        Kind::Io,
    ]
    .map(|kind| Disconnect::Transport(TransportError::new(kind, "x")));
    let handshake = [
        HandshakeError::Auth(error()),
        HandshakeError::UnreadableHello,
        HandshakeError::Session {
            what: "the database",
            error: error(),
        },
        HandshakeError::Refused(error()),
        HandshakeError::NotPrimary("slave".to_owned()),
        HandshakeError::Incompatible,
    ]
    .map(Violation::Handshake);
    let violations = [
        Violation::UnexpectedReply,
        Violation::ClosedByServer(error()),
        Violation::Silent(time),
        Violation::Overdue(time),
        Violation::Desynchronized,
    ];
    let violations = handshake.into_iter().chain(violations);
    let ends = transport.into_iter();
    ends.chain(violations.map(Disconnect::Violation))
        .chain([Disconnect::Drained, Disconnect::Moved])
        .collect()
}

/// Guards against an unnoticed change of a rule, such as an error that ends a client for good.
#[test]
fn every_end_of_a_connection_has_its_rule() {
    let (used, new) = (1, 2);
    for lifetime in [Lifetime::Failed, Lifetime::Ready, Lifetime::Replied] {
        for enabled in [true, false] {
            for current in [used, new] {
                for disconnect in ends() {
                    let policy = Reconnect::new(Duration::ZERO, Duration::ZERO).enabled(enabled);
                    let rule = match expected(&disconnect) {
                        REFUSED | Rule::Drained if used != current => Rule::AtOnce,
                        Rule::AtOnce if matches!(disconnect, Disconnect::Moved) && !enabled => {
                            RETRY
                        }
                        rule => rule,
                    };
                    let transient = is_transient(&disconnect);
                    let loss = policy.judge(disconnect, lifetime, used, current, false);
                    let found = match loss.next {
                        Next::AtOnce => Rule::AtOnce,
                        Next::Drained => Rule::Drained,
                        Next::Failed(setback) => {
                            assert_eq!(setback.is_final, !enabled, "{:?}", loss.error);
                            Rule::Failed {
                                refused: setback.refused,
                                fall_back: setback.may_fall_back,
                            }
                        }
                    };
                    assert_eq!(found, rule, "{:?}", loss.error);
                    assert_eq!(loss.error.is_transient(), transient, "{:?}", loss.error);
                }
            }
        }
    }
}
