//! Why a call got no reply.

use std::sync::Arc;

use swarm_resp::ServerError;
use swarm_transport::{Refusal, TransportError};

/// Why a call got no reply.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The server answered an error.
    Server(ServerError),
    /// A script ended with an error, or made a list that looks like one: the connection does not tell them apart.
    Scripted(ServerError),
    /// The deadline passed. When the request was sent, it may have run.
    Timeout { sent: bool },
    /// The deadline passed while no connection could be made; the request was not sent.
    Unreachable(Arc<TransportError>),
    /// Only the HTTP fallback can be reached, which has no session; the request was not sent.
    OnlyFallback(Arc<TransportError>),
    /// The connection broke. When the request was sent, it may have run.
    Lost {
        sent: bool,
        error: Arc<TransportError>,
    },
    /// The wire cannot carry the request; it was not sent.
    Refused(Refusal),
    /// There was no room for it in the queue; it was not sent.
    Full,
    /// Another request of the same unit was refused; the request was not sent.
    Withheld,
    /// The server wants other credentials; the request was not sent.
    Auth(ServerError),
    /// The client was closed. When the request was sent, it may have run.
    Closed { sent: bool },
}

impl Failure {
    /// Whether other credentials are wanted: by the server, or by a gateway that answers 401 or 403.
    pub(crate) fn is_about_credentials(&self) -> bool {
        match self {
            Self::Auth(_) => true,
            Self::Lost { error, .. } => error.is_auth(),
            _ => false,
        }
    }
}
