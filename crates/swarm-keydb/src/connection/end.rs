//! The end of a connection: stopped by its protocol, or lost.

use swarm_transport::TransportError;

use super::{Disconnect, Violation};

/// Why a protocol stops using a connection that is not broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No connection is needed now.
    Idle,
    /// No connection will be needed again.
    Ended,
}

/// The end of a connection.
pub(crate) enum End {
    Stopped(Stop),
    Lost(Disconnect),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl From<Disconnect> for End {
    fn from(disconnect: Disconnect) -> Self {
        Self::Lost(disconnect)
    }
}

impl From<TransportError> for End {
    fn from(error: TransportError) -> Self {
        Self::Lost(error.into())
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Lost(violation.into())
    }
}
