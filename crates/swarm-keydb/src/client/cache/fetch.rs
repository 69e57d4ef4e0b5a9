//! Reads that the cache could not answer: one request for all callers who wait for the same value.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::runtime::Instant;
use futures_util::future::{FutureExt, Shared, WeakShared};
use swarm_resp::{Frame, Request};

use super::Inner;
use super::flights::FlightId;
use super::validity::Stamp;
use crate::failure::Failure;
use crate::request_reply::{ConnectionHandle, Marks, Requests, Retry, Timing};

/// Result of a read.
type Outcome = Result<Frame, Failure>;

/// A read in flight. It goes on as long as a caller waits, and any of them drives it.
pub(super) type Fetch = Shared<Pin<Box<dyn Future<Output = Outcome> + Send>>>;

/// Reference to a read in flight, which does not keep it going. `None` once the read has ended.
pub(super) type Work = Option<WeakShared<Pin<Box<dyn Future<Output = Outcome> + Send>>>>;

/// A request that reads one key.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) request: Request,
    pub(super) marks: Marks,
}

impl Read {
    /// Returns the key: the first argument.
    pub(super) fn key(&self) -> &[u8] {
        self.request.args().nth(1).unwrap_or_default()
    }
}

/// Joins or begins a read, whose value gets the given stamp.
pub(super) fn fetch(
    cache: &Arc<Inner>,
    read: &Read,
    stamp: Stamp,
    connection: ConnectionHandle,
) -> Fetch {
    let request = read.request.encoded();
    cache.flights.join_or_begin(
        request,
        stamp,
        |work| work.as_ref().and_then(WeakShared::upgrade),
        |id| {
            let run = run(Arc::clone(cache), read.clone(), stamp, connection, id);
            let fetch = run.boxed().shared();
            (fetch.downgrade(), fetch)
        },
    )
}

/// Removes a read from those in flight when it ends or is dropped.
struct Ending {
    cache: Arc<Inner>,
    read: Read,
    id: FlightId,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let request = self.read.request.encoded();
        self.cache.flights.end(request, self.id);
    }
}

/// Sends the request together with PTTL, because nothing announces that a key will expire, and
/// stores the value.
async fn run(
    cache: Arc<Inner>,
    read: Read,
    stamp: Stamp,
    connection: ConnectionHandle,
    id: FlightId,
) -> Outcome {
    let ending = Ending { cache, read, id };
    let Ending { cache, read, .. } = &ending;
    let requests = [read.request.clone(), Request::new("PTTL", read.key())];
    let marks = vec![(0, read.marks), (1, read.marks)];
    let requests = Requests::batch(requests.into_iter().collect(), marks);
    let timing = Timing {
        timeout: cache.client.shared.factory.options.request_timeout,
        grows: true,
        blocks: false,
    };
    let sent = Instant::now();
    let answers = connection
        .call_batch(requests, timing, Retry::ReadOnly)
        .await;
    let mut replies = answers.replies.into_iter();
    let mut next = || replies.next().unwrap_or(Err(Failure::runtime_gone(true)));
    let (value, ttl) = (next()?, next());
    match ttl.as_ref().map(Frame::as_integer) {
        // The key does not exist or does not expire. If it has expired since the first request, the
        // server announces that, or limits the age.
        Ok(Some(-2 | -1)) => cache
            .store
            .insert(read.request.encoded(), &value, stamp, sent, None),
        Ok(Some(left)) => {
            let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
            cache
                .store
                .insert(read.request.encoded(), &value, stamp, sent, Some(left));
        }
        // It is not known how long the value may be used.
        Ok(None) | Err(_) => {}
    }
    Ok(value)
}
