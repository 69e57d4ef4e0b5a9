//! Why a connection ended.

use swarm_resp::ServerError;
use swarm_transport::Route;
use swarm_transport::{TransportError, TransportErrorKind};

use super::{HandshakeError, Violation};

/// Why a connection ended.
pub(crate) enum Disconnect {
    Transport(TransportError),
    Violation(Violation),
    /// The connection was drained, because a reply asked for another one or the credentials have
    /// changed.
    Drained,
    /// The client has moved to another endpoint, and no reply over this connection is awaited.
    Moved,
}

impl From<TransportError> for Disconnect {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<Violation> for Disconnect {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl Disconnect {
    /// The server's error, if it refuses the credentials.
    pub(crate) const fn refused_credentials(&self) -> Option<&ServerError> {
        match self {
            Self::Violation(Violation::Handshake(HandshakeError::Auth(error))) => Some(error),
            _ => None,
        }
    }

    /// Returns the server's error, if it is the reason.
    pub(crate) const fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Violation(
                Violation::ClosedByServer(error)
                | Violation::Handshake(
                    HandshakeError::Auth(error)
                    | HandshakeError::Refused(error)
                    | HandshakeError::Session { error, .. },
                ),
            ) => Some(error),
            _ => None,
        }
    }

    /// Whether the reply to HELLO was unreadable.
    pub(crate) const fn is_unreadable_hello(&self) -> bool {
        matches!(
            self,
            Self::Violation(Violation::Handshake(HandshakeError::UnreadableHello))
        )
    }

    /// Whether the server does not answer any more. `None` if the end says nothing about it.
    fn is_unresponsive(&self) -> Option<bool> {
        match self {
            Self::Transport(error) => Some(error.is_timeout()),
            Self::Violation(Violation::Silent(_) | Violation::Overdue(_)) => Some(true),
            Self::Violation(_) if self.is_unreadable_hello() => None,
            Self::Violation(_) => Some(false),
            Self::Drained | Self::Moved => None,
        }
    }

    /// Reports to the connector why a connection has ended, if it chooses among several endpoints.
    pub(crate) fn report_to(&self, route: Option<&Route>) {
        match route.zip(self.is_unresponsive()) {
            Some((route, true)) => route.unresponsive(),
            Some((route, false)) => route.lost(),
            None => {}
        }
    }

    /// Whether the HTTP fallback may be used. Not after the server refused something in the
    /// handshake, which the fallback would hide.
    pub(crate) fn may_fall_back(&self) -> bool {
        match self {
            Self::Transport(error) => !error.is_auth(),
            Self::Violation(Violation::Handshake(
                HandshakeError::Auth(_) | HandshakeError::Session { .. },
            )) => false,
            Self::Violation(_) | Self::Drained | Self::Moved => true,
        }
    }

    /// Adds an explanation to the transport's error, if that is the reason.
    pub(crate) fn explained(self, explain: impl FnOnce(TransportError) -> TransportError) -> Self {
        match self {
            Self::Transport(error) => Self::Transport(explain(error)),
            other => other,
        }
    }

    /// Converts the reason to an error of the transport.
    pub(crate) fn into_error(self) -> TransportError {
        match self {
            Self::Transport(error) => error,
            Self::Violation(violation) => {
                // A refusal because of an option is permanent. Any other violation may not happen
                // again on another connection.
                let refused = matches!(
                    violation,
                    Violation::Handshake(
                        HandshakeError::Auth(_)
                            | HandshakeError::Session { .. }
                            | HandshakeError::Incompatible
                    )
                );
                TransportError::new(TransportErrorKind::Protocol, violation.to_string())
                    .with_transient(!refused)
            }
            Self::Moved => {
                let what = "the client has moved to another server; transactions and watches on \
                            the previous one have ended";
                TransportError::new(TransportErrorKind::Closed, what)
            }
            Self::Drained => {
                let what = "a reply of the server asked for another connection";
                TransportError::new(TransportErrorKind::Closed, what)
            }
        }
    }
}
