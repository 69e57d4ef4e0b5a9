//! Attempts to connect to several endpoints, of which the first that succeeds wins.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Clock;
use super::selector::{EndpointId, Sequence};
use crate::{BoxFuture, BoxTransport, TransportError};

type Dial<'a> = BoxFuture<'a, Result<BoxTransport, TransportError>>;

/// One attempt.
pub(super) struct Attempt<'a> {
    pub(super) endpoint: EndpointId,
    pub(super) began: Sequence,
    pub(super) dial: Dial<'a>,
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub(super) endpoint: EndpointId,
    pub(super) began: Sequence,
    pub(super) result: Result<BoxTransport, TransportError>,
}

/// Attempts in progress.
pub(super) struct Attempts<'a> {
    running: Vec<Attempt<'a>>,
    /// Fires when the next attempt starts beside those that run.
    slow: Option<BoxFuture<'static, ()>>,
}

impl<'a> Attempts<'a> {
    pub(super) const fn new() -> Self {
        Self {
            running: Vec::new(),
            slow: None,
        }
    }

    pub(super) fn start(&mut self, attempt: Attempt<'a>, clock: &dyn Clock, slow_after: Duration) {
        self.running.push(attempt);
        self.slow = Some(clock.sleep(slow_after));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Returns the endpoints of the attempts that are still running.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = EndpointId> {
        self.running.iter().map(|attempt| attempt.endpoint)
    }

    /// Waits until an attempt ends, or, with `None`, until the next one should start.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended>> {
        let ended = self.running.iter_mut().enumerate().find_map(|(at, run)| {
            match run.dial.as_mut().poll(cx) {
                Poll::Ready(result) => Some((at, result)),
                Poll::Pending => None,
            }
        });
        if let Some((at, result)) = ended {
            let Attempt {
                endpoint, began, ..
            } = self.running.remove(at);
            return Poll::Ready(Some(Ended {
                endpoint,
                began,
                result,
            }));
        }
        if let Some(slow) = &mut self.slow
            && slow.as_mut().poll(cx).is_ready()
        {
            self.slow = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}
