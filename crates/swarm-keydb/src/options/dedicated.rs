//! Options of dedicated connections: those that blocking commands and exclusive handles lease.

use std::time::Duration;

use super::ClientOptions;
use crate::error::{Error, Result};

/// How many dedicated connections there may be, and how many stay open while idle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DedicatedLimits {
    pub(crate) max: usize,
    pub(crate) max_idle: usize,
    pub(crate) idle_timeout: Duration,
}

impl Default for DedicatedLimits {
    fn default() -> Self {
        Self {
            max: 16,
            max_idle: 4,
            idle_timeout: Duration::from_secs(30),
        }
    }
}

impl DedicatedLimits {
    pub(super) fn validate(&self) -> Result<()> {
        if self.max == 0 {
            return Err(Error::config(
                "max_dedicated_connections is 0, so no command could block and no handle could \
                 watch keys; give at least 1",
            ));
        }
        Ok(())
    }
}

/// # Dedicated connections
///
impl ClientOptions {
    /// Sets the maximum number of connections in addition to the shared ones: each blocking command
    /// and each [`exclusive`](crate::Client::exclusive) handle leases one. At least 1; default 16.
    ///
    /// When all are in use, further commands and handles wait for one in order, within their
    /// timeout, and then fail with kind [`Timeout`](crate::ErrorKind::Timeout).
    ///
    /// Idle connections count, including those that shared commands no longer need
    /// ([`max_connections`](Self::max_connections)). Subscriptions do not count.
    pub const fn max_dedicated_connections(mut self, connections: usize) -> Self {
        self.dedicated.max = connections;
        self
    }

    /// Sets the maximum number of dedicated connections that stay open while no one uses them; the
    /// client closes returned connections beyond it. 0 keeps none. Default 4.
    ///
    /// The next lease takes an idle connection instead of opening one. So do the shared commands
    /// when they need more connections.
    pub const fn max_idle_dedicated_connections(mut self, connections: usize) -> Self {
        self.dedicated.max_idle = connections;
        self
    }

    /// Sets the time after which the client closes an idle dedicated connection. Zero keeps none
    /// open. Default 30 s.
    pub const fn dedicated_idle_timeout(mut self, time: Duration) -> Self {
        self.dedicated.idle_timeout = time;
        self
    }

    /// Sets the maximum number of attempts of [`transact`](crate::Client::transact) when other
    /// clients change the watched keys each time. Default: as many as fit in
    /// [`request_timeout`](Self::request_timeout), and at least 16.
    ///
    /// The attempt that reaches the limit returns the conflict as its error.
    pub const fn transact_attempts(mut self, attempts: u32) -> Self {
        self.transact_attempts = Some(attempts);
        self
    }
}
