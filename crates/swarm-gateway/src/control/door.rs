//! What the handlers act on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::fault::Fault;
use super::problem::{Code, Problem};
use super::registry::Registry;
use crate::instance::Instance;

/// Longest time that a request may wait.
const LONGEST: Duration = Duration::from_secs(60);

/// A gateway, and the faults that were created through its door.
#[derive(Clone)]
pub(super) struct Door {
    gateway: Weak<Instance>,
    pub(super) faults: Arc<Registry<Fault>>,
}

impl Door {
    pub(super) fn new(gateway: &Arc<Instance>) -> Self {
        Self {
            gateway: Arc::downgrade(gateway),
            faults: Arc::default(),
        }
    }

    pub(super) fn gateway(&self) -> Result<Arc<Instance>, Problem> {
        let gone = || Problem::new(Code::ShuttingDown, "the gateway is shutting down");
        self.gateway.upgrade().ok_or_else(gone)
    }
}

/// What to wait for, and how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Count to wait for.
    pub(super) count: u64,
    /// Time after which the request fails with `timed_out`; 60,000 at most.
    #[serde(default = "five_seconds")]
    timeout_ms: u64,
}

const fn five_seconds() -> u64 {
    5_000
}

impl Wait {
    /// Waits for a future. Returns whether it completed in time.
    pub(super) async fn over(&self, reached: impl Future<Output = ()>) -> Result<bool, Problem> {
        let limit = Duration::from_millis(self.timeout_ms);
        if limit > LONGEST {
            let text = "`timeout_ms` must be at most 60000";
            return Err(Problem::new(Code::InvalidRequest, text));
        }
        Ok(tokio::time::timeout(limit, reached).await.is_ok())
    }

    /// Returns the error for a count that was not reached in time.
    pub(super) fn timed_out(&self, what: &str, reached: u64) -> Problem {
        let (count, limit) = (self.count, self.timeout_ms);
        let text = format!("{what} {reached} of {count} times within {limit} ms");
        Problem::new(Code::TimedOut, text)
    }
}
