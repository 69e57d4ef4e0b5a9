//! Why a connection ended.

use swarm_resp::ServerError;
use swarm_transport::{TransportError, TransportErrorKind};

use crate::connection::{HandshakeError, Violation};

/// Why a connection ended.
pub(crate) enum Broken {
    Transport(TransportError),
    Violation(Violation),
    /// A reply said that another connection would serve better, and this one has been left.
    Left,
}

impl From<TransportError> for Broken {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<Violation> for Broken {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl Broken {
    /// The server's words, if it refuses the credentials.
    pub(crate) const fn refused_credentials(&self) -> Option<&ServerError> {
        match self {
            Self::Violation(Violation::Handshake(HandshakeError::Auth(error))) => Some(error),
            _ => None,
        }
    }

    /// Whether the server answered HELLO with what cannot be understood.
    pub(crate) const fn is_unreadable_hello(&self) -> bool {
        matches!(
            self,
            Self::Violation(Violation::Handshake(HandshakeError::UnreadableHello))
        )
    }

    /// Whether the HTTP fallback may stand in: not for what the server refuses in the handshake, for the fallback would only hide
    /// it.
    pub(crate) fn may_fall_back(&self) -> bool {
        match self {
            Self::Transport(error) => !error.is_auth(),
            Self::Violation(Violation::Handshake(
                HandshakeError::Auth(_) | HandshakeError::Session { .. },
            )) => false,
            Self::Violation(_) | Self::Left => true,
        }
    }

    /// Changes the transport's error, if that is what ended the connection.
    pub(crate) fn explained(self, explain: impl FnOnce(TransportError) -> TransportError) -> Self {
        match self {
            Self::Transport(error) => Self::Transport(explain(error)),
            other => other,
        }
    }

    pub(crate) fn into_error(self) -> TransportError {
        match self {
            Self::Transport(error) => error,
            Self::Violation(violation) => {
                // What the server refuses because of an option stays refused. Anything else may go better on another connection.
                let refused = matches!(
                    violation,
                    Violation::Handshake(
                        HandshakeError::Auth(_)
                            | HandshakeError::Session { .. }
                            | HandshakeError::Nonsense
                    )
                );
                TransportError::new(TransportErrorKind::Protocol, violation.to_string())
                    .with_transient(!refused)
            }
            Self::Left => {
                let what = "the server asked for another connection by its reply";
                TransportError::new(TransportErrorKind::Closed, what)
            }
        }
    }
}
