//! Blocking commands: each runs on a leased connection.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Frame, Request};

use super::Leases;
use super::slices::{SLICE, SlicedRead};
use crate::command::Blocking;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{ConnectionHandle, MAX_ATTEMPTS, Requests, Retry, Timing, deadline_in};
use crate::runtime::Instant;
use crate::server::Marks;

/// Extra time for the reply after the server has finished blocking.
const MARGIN: Duration = Duration::from_secs(2);

/// Time limits of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimits {
    /// Limit for all waiting, except the time that the server blocks.
    timeout: Duration,
    /// Whether the caller set the timeout for this command. It then includes the blocking time.
    is_explicit: bool,
    blocking: Blocking,
}

impl TimeLimits {
    pub(crate) const fn new(timeout: Duration, blocking: Blocking) -> Self {
        Self {
            timeout,
            is_explicit: false,
            blocking,
        }
    }

    pub(crate) const fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            timeout,
            is_explicit: true,
            blocking: self.blocking,
        }
    }

    /// Returns the limits of what is left after this time.
    pub(crate) const fn after(self, elapsed: Duration) -> Self {
        Self {
            timeout: self.timeout.saturating_sub(elapsed),
            ..self
        }
    }

    /// Whether the command is a read that is split into several.
    pub(crate) fn is_split(self) -> bool {
        matches!(self.blocking, Blocking::Read(time) if time > SLICE)
    }

    /// Returns the time limits of one request on a connection.
    pub(crate) fn timing(self) -> Timing {
        Timing {
            timeout: self.reply_timeout(),
            grows: !self.is_explicit,
            blocks: self.blocking != Blocking::No,
        }
    }

    /// Maximum time from enqueueing one request on a connection to its reply.
    fn reply_timeout(self) -> Duration {
        match self.blocking {
            Blocking::For(time) if !self.is_explicit => {
                self.timeout.max(time.saturating_add(MARGIN))
            }
            Blocking::Forever if !self.is_explicit => Duration::MAX,
            Blocking::Read(time) if !self.is_explicit => self.timeout.max(time.min(SLICE) + MARGIN),
            _ => self.timeout,
        }
    }
}

/// A blocking command, and where to run it.
pub(crate) struct BlockingCall {
    pub(crate) via: Via,
    pub(crate) requests: Requests,
    pub(crate) limits: TimeLimits,
    pub(crate) retry: Retry,
}

/// Connection that a blocking command runs on.
pub(crate) enum Via {
    /// Leased from the pool for this command.
    Pool(Arc<Leases>),
    /// Already leased by the caller.
    Leased(ConnectionHandle),
}

impl BlockingCall {
    /// Runs the command on a leased connection. Retries on another connection if the command was
    /// not sent or may be resent.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client closes a connection that was leased for the command, so
    /// that the server stops blocking.
    pub(crate) async fn run(self) -> Result<Frame> {
        let TimeLimits {
            timeout,
            is_explicit,
            ..
        } = self.limits;
        if let Via::Pool(leases) = &self.via {
            for request in self.requests.iter() {
                let checked = leases.factory.target.check(request);
                checked.map_err(Error::from_failure)?;
            }
        }
        let end = deadline_in(timeout);
        let mut sliced = self.sliced();
        let mut attempts: u8 = 0;
        loop {
            attempts += 1;
            let connected_by = if is_explicit {
                end
            } else {
                deadline_in(timeout)
            };
            let (connection, _lease) = match &self.via {
                Via::Leased(connection) => (connection.clone(), None),
                Via::Pool(leases) => {
                    let lease = leases.acquire(connected_by).await?;
                    self.requests
                        .iter()
                        .for_each(|request| lease.session.note(&request.args()));
                    (lease.connection.clone(), Some(lease))
                }
            };
            let reply = match &mut sliced {
                None => self.send(&connection, self.requests.clone(), end).await,
                Some(read) => self.read(&connection, read, end, &mut attempts).await,
            };
            match reply {
                Ok(frame) => return Ok(frame),
                Err(failure) if attempts < MAX_ATTEMPTS && self.may_retry(&failure) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Returns the split read, if the command is a read that must be split.
    fn sliced(&self) -> Option<SlicedRead> {
        match (self.limits.blocking, self.requests.get(0)) {
            (Blocking::Read(total), Some(request)) => SlicedRead::new(request, total),
            _ => None,
        }
    }

    /// Sends the parts of a split read until one returns entries or the time is up.
    async fn read(
        &self,
        connection: &ConnectionHandle,
        read: &mut SlicedRead,
        end: Instant,
        attempts: &mut u8,
    ) -> Result<Frame, Failure> {
        // The names are those of the original request, so each part has its marks.
        let marks = (self.requests.marks().first()).map_or(Marks::NONE, |(_, marks)| *marks);
        let one = |request: Request| self.send(connection, Requests::one(request, marks), end);
        while let Some((request, position)) = read.unresolved() {
            let reply = one(request).await?;
            if !read.resolve(position, &reply) {
                return Ok(reply);
            }
        }
        loop {
            let reply = one(read.next()).await?;
            if !read.must_continue(&reply) {
                return Ok(reply);
            }
            // The connection has served a read, so its loss counts as the first.
            *attempts = 1;
        }
    }

    async fn send(
        &self,
        connection: &ConnectionHandle,
        requests: Requests,
        end: Instant,
    ) -> Result<Frame, Failure> {
        let mut timing = self.limits.timing();
        if self.limits.is_explicit {
            timing.timeout = end.saturating_duration_since(Instant::now());
        }
        // The driver does not retry: it never reconnects a leased connection.
        let sent = connection.call_batch(requests, timing, Retry::Never).await;
        let mut replies = sent.replies;
        replies
            .pop()
            .unwrap_or_else(|| Err(Failure::runtime_gone(true)))
    }

    /// Whether the connection was lost and the command may be sent over another: it was not sent,
    /// or a second execution is harmless.
    fn may_retry(&self, failure: &Failure) -> bool {
        let Via::Pool(leases) = &self.via else {
            return false;
        };
        let policy = leases.factory.target.settings.retry;
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
    fn the_reply_timeout_covers_the_blocking_time() {
        let second = Duration::from_secs(1);
        let limits = |blocking| TimeLimits::new(10 * second, blocking);
        assert_eq!(limits(Blocking::No).reply_timeout(), 10 * second);
        let short = limits(Blocking::For(second));
        assert_eq!(short.reply_timeout(), 10 * second);
        let long = limits(Blocking::For(60 * second));
        assert!(long.reply_timeout() >= 62 * second);
        assert_eq!(limits(Blocking::Forever).reply_timeout(), Duration::MAX);
        let read = limits(Blocking::Read(Duration::MAX));
        assert_eq!(read.reply_timeout(), 10 * second);
        for blocking in [long, limits(Blocking::Forever), read] {
            assert_eq!(blocking.with_timeout(second).reply_timeout(), second);
        }
    }
}
