//! Options of the connections that are leased.

use std::time::Duration;

use super::Options;
use crate::error::{Error, Result};

/// How many connections may be leased, and which are kept for the next lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseLimits {
    pub(crate) size: usize,
    pub(crate) idle: usize,
    pub(crate) idle_time: Duration,
}

impl Default for LeaseLimits {
    fn default() -> Self {
        Self {
            size: 16,
            idle: 4,
            idle_time: Duration::from_secs(30),
        }
    }
}

impl LeaseLimits {
    pub(super) fn validate(&self) -> Result<()> {
        if self.size == 0 {
            return Err(Error::config(
                "leases is 0, so nothing could block or watch; give at least 1",
            ));
        }
        Ok(())
    }
}

impl Options {
    /// How many connections, beside the one that all share, may be leased at one time: one for each command that blocks and
    /// for each [`exclusive`](crate::Client::exclusive) handle. Further ones wait for their turn within their timeout. Default 16.
    pub const fn leases(mut self, connections: usize) -> Self {
        self.leases.size = connections;
        self
    }

    /// How many leased connections are kept open for the next lease when they come back. Default 4.
    pub const fn idle_leases(mut self, connections: usize) -> Self {
        self.leases.idle = connections;
        self
    }

    /// How long they are kept; zero keeps none. Default 30 s.
    pub const fn lease_idle_time(mut self, time: Duration) -> Self {
        self.leases.idle_time = time;
        self
    }

    /// Maximum number of times that [`transact`](crate::Client::transact) tries when others change the keys each time. Default: as
    /// often as [`request_timeout`](Self::request_timeout) allows, and at least 16 times.
    pub const fn transact_attempts(mut self, attempts: u32) -> Self {
        self.transact_attempts = Some(attempts);
        self
    }
}
