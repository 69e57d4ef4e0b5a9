//! Purpose of a connection and its consequences.

use std::sync::Arc;

use swarm_transport::{Connect, RequestRejection};

use super::Budget;
use crate::connection::Target;
use crate::failure::Failure;
use crate::options::ClientOptions;

/// Limits of the calls in flight on a leased connection, which serves one task.
const LEASED_QUEUE: usize = 256;
const LEASED_BYTES: usize = 1 << 20;

/// Purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Serves all tasks, and reconnects.
    Shared,
    /// Takes calls from the pool of shared connections, or is leased to one task. Does not
    /// reconnect: the pool opens another connection if one is needed, and a lease would lose its
    /// session.
    Secondary,
}

impl Role {
    pub(super) fn budget(self, options: &ClientOptions) -> Budget {
        match self {
            Self::Shared => Budget::new(options.max_in_flight, options.max_in_flight_bytes)
                .waiting(!options.fail_when_full),
            // What it carries for the pool counts in the budget of the shared connection.
            Self::Secondary => Budget::new(
                options.max_in_flight.min(LEASED_QUEUE),
                options.max_in_flight_bytes.min(LEASED_BYTES),
            ),
        }
    }

    /// The fallback is used while the client reconnects, so a connection that does not reconnect
    /// has none.
    pub(super) fn fallback(
        self,
        target: &Target,
        options: &ClientOptions,
    ) -> Option<Arc<dyn Connect>> {
        target.fallback.clone().filter(|_| self.reconnects(options))
    }

    pub(super) fn reconnects(self, options: &ClientOptions) -> bool {
        options.reconnect && self == Self::Shared
    }

    /// Returns the failure of a lease on a transport without sessions.
    pub(crate) fn refusal() -> Failure {
        Failure::Refused(RequestRejection::Unsupported {
            command: "a dedicated connection".to_owned(),
            needs: "sessions",
            transport: "this transport",
        })
    }
}
