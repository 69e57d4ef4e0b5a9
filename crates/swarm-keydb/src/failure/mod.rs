//! Reason why a call got no reply.

mod late;

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::ServerError;
use swarm_transport::{RequestRejection, TransportError, TransportErrorKind};

pub(crate) use self::late::{Late, Outage, QueueLoad, Time, Wait};
use crate::server::{ErrorReply, Unsupported};

/// Reason why a call got no reply.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The server replied with an error.
    Server(ServerError),
    /// A script failed, or returned a list that looks like an error: the connection cannot
    /// distinguish them.
    Scripted(ServerError),
    /// The deadline passed.
    Timeout(Arc<Late>),
    /// Only the HTTP fallback is reachable, which has no sessions; the request was not sent.
    OnlyFallback {
        /// Address of the server that is not reachable, as in [`Lost`](Self::Lost).
        address: Option<Arc<str>>,
        error: Arc<TransportError>,
    },
    /// The connection was lost. If the request was sent, it may have run.
    Lost {
        sent: bool,
        /// Address of the server, without secrets. `None` with a custom connector.
        address: Option<Arc<str>>,
        /// How long the call had waited, if it was in flight.
        waited: Option<Duration>,
        error: Arc<TransportError>,
    },
    /// The wire cannot carry the request; it was not sent.
    Refused(RequestRejection),
    /// The server of the connection cannot take the request; it was not sent.
    Unsupported(Unsupported),
    /// The queue had no capacity for the request; it was not sent.
    Full(QueueLoad),
    /// Another request of the same batch was refused; the request was not sent.
    Withheld,
    /// The server rejected the credentials. If the request was sent over an earlier connection, it
    /// may have run.
    Auth {
        sent: bool,
        /// Address of the server, as in [`Lost`](Self::Lost).
        address: Option<Arc<str>>,
        error: ServerError,
    },
    /// A cluster has refused the request, and the client does not send it again.
    #[cfg(feature = "cluster")]
    Unrouted {
        reason: &'static str,
        error: ServerError,
    },
    /// The client was closed. If the request was sent, it may have run.
    Closed { sent: bool },
}

impl Failure {
    /// The task of the connection was dropped with its runtime.
    pub(crate) fn runtime_gone(sent: bool) -> Self {
        let what = "the runtime that the client was created in has shut down";
        let error = TransportError::new(TransportErrorKind::Closed, what).with_transient(false);
        Self::lost(sent, &Arc::new(error))
    }

    /// The connection to a server that is not named was lost.
    pub(crate) fn lost(sent: bool, error: &Arc<TransportError>) -> Self {
        Self::Lost {
            sent,
            address: None,
            waited: None,
            error: Arc::clone(error),
        }
    }

    /// Names the server that the failure is about.
    pub(crate) fn at(mut self, server: Option<&Arc<str>>) -> Self {
        if let Self::Lost { address, .. }
        | Self::Auth { address, .. }
        | Self::OnlyFallback { address, .. } = &mut self
        {
            *address = server.cloned();
        }
        self
    }

    /// Whether the credentials were rejected: by the server, or by a gateway with status 401 or
    /// 403.
    pub(crate) fn is_about_credentials(&self) -> bool {
        match self {
            Self::Auth { .. } => true,
            Self::Lost { error, .. } => error.is_auth(),
            _ => false,
        }
    }

    /// The same failure for a request that was sent over an earlier connection and waited to be
    /// sent again: it may have run.
    pub(crate) fn after_sending(&self) -> Self {
        match self {
            Self::Timeout(late) => Self::Timeout(Arc::new(Late {
                sent: true,
                ..Late::clone(late)
            })),
            Self::Full(load) => Self::Timeout(Arc::new(Late {
                sent: true,
                wait: Wait::Queue(*load),
                ..Late::default()
            })),
            Self::Lost { address, error, .. } | Self::OnlyFallback { address, error } => {
                Self::lost(true, error).at(address.as_ref())
            }
            Self::Auth { address, error, .. } => Self::Auth {
                sent: true,
                address: address.clone(),
                error: error.clone(),
            },
            Self::Closed { .. } => Self::Closed { sent: true },
            Self::Refused(_) | Self::Unsupported(_) | Self::Withheld => {
                let what = "the command was not sent again, because the next connection cannot \
                            carry it";
                let error = TransportError::new(TransportErrorKind::Protocol, what);
                Self::lost(true, &Arc::new(error))
            }
            Self::Server(_) | Self::Scripted(_) => self.clone(),
            #[cfg(feature = "cluster")]
            Self::Unrouted { reason, .. } => {
                let error = TransportError::new(TransportErrorKind::Closed, *reason);
                Self::lost(true, &Arc::new(error))
            }
        }
    }
}

impl From<ErrorReply> for Failure {
    fn from(error: ErrorReply) -> Self {
        match error {
            ErrorReply::Plain(error) => Self::Server(error),
            ErrorReply::Scripted(error) => Self::Scripted(error),
        }
    }
}
