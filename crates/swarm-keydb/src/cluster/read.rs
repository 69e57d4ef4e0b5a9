//! Reads from replicas, and from the primary if no replica can answer.
//!
//! These reads pass the machine by: they have no order with other commands anyway, because a
//! replica lags behind. A read that a replica has not answered goes the usual way.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::facts::{Access, facts};

use super::call::Progress;
use super::machine::NodeId;
use super::read_from::ReadFrom;
use super::refusal::Refusal;
use super::router::{Router, Submitted, one, only, timing};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Requests, Retry};
use crate::runtime::Instant;

impl Router {
    /// Returns a connected replica of the node that owns a slot, or `None` if it is the turn of the
    /// primary.
    fn reader(&self, slot: u16) -> Option<(NodeId, Client)> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        let owner = state.machine.owner(slot)?;
        let mut shards = state.machine.shards().iter();
        let (_, replicas) = shards.find(|(primary, _)| *primary == owner)?;
        let replicas: Vec<_> = replicas
            .iter()
            .filter_map(|node| Some((*node, state.machine.address(*node)?.clone())))
            .collect();
        let (readers, options, tasks) = (&mut state.readers, self.options(), self.tasks());
        let connected = replicas.into_iter().filter_map(|(node, address)| {
            Some((node, readers.get(options, tasks, node, &address)?))
        });
        let connected: Vec<_> = connected.collect();
        readers.turn = readers.turn.wrapping_add(1);
        let choices = match options.read_from {
            ReadFrom::Any => connected.len() + 1,
            _ => connected.len(),
        };
        let turn = readers.turn.checked_rem(choices)?;
        connected.into_iter().nth(turn)
    }

    /// Whether a command may be sent to replicas.
    pub(super) fn may_read(&self, requests: &Requests) -> bool {
        if self.options().read_from == ReadFrom::Primary {
            return false;
        }
        requests.iter().all(|request| {
            let facts = facts(&request.args());
            facts.access == Access::Read && !facts.script
        })
    }

    /// Reads from a replica, or from the primary if no replica answers.
    pub(super) fn read(
        self: &Arc<Self>,
        slot: u16,
        requests: Requests,
        retry: Retry,
        timeout: Duration,
    ) -> impl Future<Output = Result<Frame>> + Send + use<> {
        let router = Arc::clone(self);
        async move {
            let began = Instant::now();
            if let Some((node, client)) = router.reader(slot) {
                let connection = client.connection();
                // A lost connection ends the attempt: the primary is there.
                let answers =
                    connection.call_batch(requests.clone(), timing(timeout), Retry::Never);
                match only(answers.await) {
                    Ok(frame) => return Ok(frame),
                    Err(failure) if !router.falls_back(node, &failure, retry) => {
                        return Err(Error::from_failure(failure));
                    }
                    Err(_) => {}
                }
            }
            let left = timeout.saturating_sub(began.elapsed());
            let (routed, reply) = one(&router, requests, retry, None);
            let submitted = router.submit(slot, routed, left);
            let progress = match submitted.map_err(Error::from_failure)? {
                Submitted::Waiting => Progress::Reply(reply),
                Submitted::Enqueueing(enqueueing) => Progress::Enqueueing(enqueueing, reply),
            };
            progress.await
        }
    }

    /// Whether the primary is asked for what a replica has failed to answer.
    fn falls_back(&self, node: NodeId, failure: &Failure, retry: Retry) -> bool {
        match failure {
            Failure::Server(error) => {
                // The replica has left the cluster.
                let Some(from) = self.announced(node) else {
                    return true;
                };
                let refusal = Refusal::of(error, &from);
                if let Some(Refusal::Moved(..)) = refusal {
                    // The replica may know less than this client, so that nothing is learned.
                    self.request_refresh();
                }
                refusal.is_some()
            }
            Failure::Lost { sent, .. } | Failure::Closed { sent } | Failure::Auth { sent, .. } => {
                !sent || retry != Retry::Never
            }
            Failure::Full(_) => true,
            _ => false,
        }
    }
}
