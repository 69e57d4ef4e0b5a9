//! Commands that block: each on a leased connection.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Frame;
use tokio::time::Instant;

use super::Leases;
use crate::command::Blocking;
use crate::driver::deadline_in;
use crate::engine::{Failure, MAX_ATTEMPTS, Requests, Retry};
use crate::error::{Error, Result};

/// How much later than it should the server may answer a command that blocks.
const MARGIN: Duration = Duration::from_secs(2);

/// How long a command may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For all waiting, the time that the server blocks not included.
    timeout: Duration,
    /// Whether the caller asked for this timeout, for this command: then blocking is included.
    own: bool,
    blocking: Blocking,
}

impl Patience {
    pub(crate) const fn new(timeout: Duration, blocking: Blocking) -> Self {
        Self {
            timeout,
            own: false,
            blocking,
        }
    }

    pub(crate) const fn of_its_own(self, timeout: Duration) -> Self {
        Self {
            timeout,
            own: true,
            blocking: self.blocking,
        }
    }

    /// How long it may take until the reply is there to a command that is handed to a connection.
    pub(crate) fn for_the_reply(self) -> Duration {
        match self.blocking {
            Blocking::For(time) if !self.own => self.timeout.max(time.saturating_add(MARGIN)),
            Blocking::Forever if !self.own => Duration::MAX,
            _ => self.timeout,
        }
    }
}

/// A command that blocks, to be run on a connection of its own.
pub(crate) struct Job {
    pub(crate) leases: Arc<Leases>,
    pub(crate) requests: Requests,
    pub(crate) patience: Patience,
    pub(crate) retry: Retry,
}

impl Job {
    /// Runs the command on a leased connection, and on another when it was not sent or may be sent again; then it blocks
    /// anew.
    ///
    /// **Cancel safety:** dropping the future closes the connection, so that the server does not block for nobody.
    pub(crate) async fn run(self) -> Result<Frame> {
        let Patience { timeout, own, .. } = self.patience;
        let end = deadline_in(timeout);
        for attempt in 1.. {
            let connected_by = if own { end } else { deadline_in(timeout) };
            let lease = self.leases.acquire(connected_by.into()).await?;
            self.requests
                .iter()
                .for_each(|request| lease.session.note(request.args()));
            let time = if own {
                end.saturating_duration_since(Instant::now().into_std())
            } else {
                self.patience.for_the_reply()
            };
            // No retry over this connection: it is not made again.
            let sent = lease
                .mailbox
                .call_unit(self.requests.clone(), time, Retry::Never);
            match sent.await.replies.pop() {
                Some(Ok(frame)) => return Ok(frame),
                Some(Err(failure)) if attempt < MAX_ATTEMPTS && self.may_go_again(&failure) => {}
                Some(Err(failure)) => return Err(failure.into()),
                None => break,
            }
        }
        Err(Error::closed())
    }

    /// Whether the connection was lost, and the command may go over another: it did not go over this one, or it is no harm
    /// if it ran.
    fn may_go_again(&self, failure: &Failure) -> bool {
        let policy = self.leases.origin.target.settings.retry;
        match failure {
            Failure::Lost { sent: false, .. } => true,
            Failure::Lost { sent: true, .. } => self.retry.is_allowed(policy),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_take_as_long_as_it_blocks_and_never_less_than_others() {
        let second = Duration::from_secs(1);
        let patience = |blocking| Patience::new(10 * second, blocking);
        assert_eq!(patience(Blocking::No).for_the_reply(), 10 * second);
        let short = patience(Blocking::For(second));
        assert_eq!(short.for_the_reply(), 10 * second);
        let long = patience(Blocking::For(60 * second));
        assert!(long.for_the_reply() >= 62 * second);
        assert_eq!(patience(Blocking::Forever).for_the_reply(), Duration::MAX);
        for blocking in [long, patience(Blocking::Forever)] {
            assert_eq!(blocking.of_its_own(second).for_the_reply(), second);
        }
    }
}
