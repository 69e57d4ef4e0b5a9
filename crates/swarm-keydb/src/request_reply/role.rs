//! What a connection is for, and what follows from that.

use std::sync::Arc;

use swarm_transport::{Capabilities, Connect, RequestRejection};

use super::Budget;
use crate::connection::Settings;
use crate::failure::Failure;
use crate::options::{ClientOptions, RetryPolicy, Target};

/// Calls that may be under way on a leased connection, and their bytes: it serves one task.
const LEASED_QUEUE: usize = 256;
const LEASED_BYTES: usize = 1 << 20;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Serves all tasks, and is made again when it is lost.
    Shared,
    /// Serves one task for a while. When it is lost, so is its session, and nothing makes up for that.
    Leased,
}

impl Role {
    pub(super) fn budget(self, options: &ClientOptions) -> Budget {
        match self {
            Self::Shared => Budget::new(options.max_in_flight, options.max_in_flight_bytes)
                .waiting(!options.fail_when_full),
            Self::Leased => Budget::new(
                options.max_in_flight.min(LEASED_QUEUE),
                options.max_in_flight_bytes.min(LEASED_BYTES),
            ),
        }
    }

    pub(super) fn settings(self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        if self == Self::Leased {
            // What is sent again is sent over another connection.
            settings.retry = RetryPolicy::Never;
        }
        settings
    }

    /// The fallback stands in while the client reconnects, so one that does not reconnect has none.
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

    /// Whether a wire will do.
    pub(super) fn is_served_by(self, capabilities: Capabilities) -> bool {
        capabilities.session || self == Self::Shared
    }

    /// What to say when it will not.
    pub(crate) fn refusal() -> Failure {
        Failure::Refused(RequestRejection::Unsupported {
            command: "a dedicated connection".to_owned(),
            needs: "sessions",
            transport: "this transport",
        })
    }
}
