//! The router's task: fetches the topology, and enforces deadlines.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{ConvertError, Request};

use super::super::machine::NodeId;
use super::super::shards::{self, Range};
use super::{Router, only, timing};
use crate::error::{Error, Result};
use crate::request_reply::{Marks, Requests, Retry};
use crate::runtime::{Instant, sleep_until};

/// Maximum time to fetch the topology from one node.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Topology that is being fetched.
type Fetch = Pin<Box<dyn Future<Output = Result<Vec<Range>>> + Send>>;

impl Router {
    /// The router's task: fetches the topology, and enforces deadlines.
    pub(super) async fn run(self: Arc<Self>) {
        let mut fetch: Option<Fetch> = None;
        loop {
            let (source, at) = {
                let mut state = self.lock();
                if state.is_closed {
                    return;
                }
                let now = Instant::now();
                self.take_dropped(&mut state);
                state.machine.expire(now);
                let source = state.machine.start_refresh(now);
                let due = [state.machine.next_deadline(), state.machine.refresh_at()];
                let at = due.into_iter().flatten().min();
                self.obey(state);
                (source, at)
            };
            if let Some(node) = source {
                let router = Arc::clone(&self);
                fetch = Some(Box::pin(async move { router.fetch(node).await }));
            }
            let fetched = async {
                match &mut fetch {
                    Some(fetch) => fetch.await,
                    None => std::future::pending().await,
                }
            };
            let timer = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = timer => {}
                ranges = fetched => {
                    fetch = None;
                    self.note_fetched(ranges);
                }
            }
        }
    }

    fn note_fetched(self: &Arc<Self>, ranges: Result<Vec<Range>>) {
        let mut state = self.lock();
        let now = Instant::now();
        match ranges {
            Ok(ranges) => state.machine.refreshed(&ranges, now),
            Err(error) => {
                tracing::debug!(%error, "cannot fetch the topology of the cluster");
                state.machine.refresh_failed(now);
            }
        }
        self.obey(state);
        self.moved.notify_one();
    }

    /// Fetches the topology from a node.
    pub(super) async fn fetch(self: &Arc<Self>, node: NodeId) -> Result<Vec<Range>> {
        let client = self.client(node).ok_or_else(Error::closed)?;
        let from = self.announced(node).ok_or_else(Error::closed)?;
        let request = Requests::one(Request::new("CLUSTER SLOTS", ()), Marks::NONE);
        let timeout = FETCH_TIMEOUT.min(self.options.client().request_timeout);
        let answers = client
            .connection()
            .call_batch(request, timing(timeout), Retry::ReadOnly);
        let failed = |error: Error| error.for_command("CLUSTER SLOTS".into());
        let reply = only(answers.await).map_err(|failure| failed(Error::from_failure(failure)))?;
        match shards::read(&reply, &from) {
            Some(ranges) if !ranges.is_empty() => Ok(ranges),
            Some(_) => Err(failed(Error::config(format!(
                "{from} knows no node that has slots; add it to a cluster, or give the address of \
                 another node"
            )))),
            None => {
                let what = ConvertError::new("slots and their nodes", reply.view());
                Err(failed(Error::convert(what)))
            }
        }
    }
}
