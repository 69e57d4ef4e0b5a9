//! Sending a bulk: commands that are calls of their own, queued in order as capacity returns, and
//! awaited together.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Duration;

use swarm_resp::Frame;

use super::engine::{Call, Requests, Retry, Timing};
use super::handle::{ConnectionHandle, Enqueued};
use super::reply_sender::ReplySender;
use super::results::Results;
use crate::failure::Failure;
use crate::runtime::{consume_budget, timeout};
use crate::status::State;

/// One command of a bulk.
pub(crate) struct BulkItem {
    pub(crate) requests: Requests,
    pub(crate) retry: Retry,
}

impl ConnectionHandle {
    /// Sends commands, each as a call whose timeout starts when it is sent, and returns their
    /// results. `None` stands for a command that is withheld.
    ///
    /// Waits for capacity even if other calls do not. While there is no connection, unsent commands
    /// wait for at most `patience`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the commands that have not been sent.
    pub(crate) async fn call_each(
        &self,
        items: Vec<Option<BulkItem>>,
        timing: Timing,
        patience: Duration,
    ) -> Vec<Result<Frame, Failure>> {
        let results = Results::new(items.len(), self.bulk_limit());
        {
            let mut sending = pin!(self.send_each(items, timing, &results));
            tokio::select! {
                biased;
                () = &mut sending => {}
                failure = self.unreachable_for(patience, &results) => {
                    results.withdraw(&failure);
                    poll_fn(|cx| results.poll_settled(cx)).await;
                }
            }
        }
        results.into_vec()
    }

    async fn send_each(&self, items: Vec<Option<BulkItem>>, timing: Timing, results: &Results) {
        for (position, item) in items.into_iter().enumerate() {
            let sent = match item {
                Some(item) => self.send_item(position, item, timing, results).await,
                None => Err(Failure::Withheld),
            };
            if let Err(failure) = sent {
                results.fail(position, failure);
            }
        }
        poll_fn(|cx| results.poll_settled(cx)).await;
    }

    async fn send_item(
        &self,
        position: usize,
        item: BulkItem,
        timing: Timing,
        results: &Results,
    ) -> Result<(), Failure> {
        self.check_open()?;
        let size = self.share(&item.requests);
        let taken = usize::try_from(size).unwrap_or(usize::MAX);
        poll_fn(|cx| results.poll_capacity(taken, cx)).await;
        // The connection's task may drain the queue as fast as this loop fills it.
        consume_budget().await;
        let caller = ReplySender::Bulk(Box::new(results.sender(position, taken)));
        let mut call = Box::new(Call::new(item.requests, item.retry, false));
        call.awaited_by(caller, timing);
        call.start_timeout_when_sent();
        match self.enqueue(call) {
            Enqueued::Done => Ok(()),
            Enqueued::Full(call, size) => self.wait_to_enqueue(call, size).await,
            Enqueued::Closed => Err(self.why_ended()),
        }
    }

    /// Resolves once there has been no connection for this time, and no command was sent over the
    /// fallback either.
    async fn unreachable_for(&self, patience: Duration, results: &Results) -> Failure {
        let mut states = self.status().watch();
        loop {
            states.left(State::Connected).await;
            let sent = results.sent();
            let connected = {
                let _context = self.timers();
                timeout(patience, states.reached(State::Connected))
            };
            match connected.await {
                Ok(true) => {}
                // The client is closed, so every command has its result soon.
                Ok(false) => return pending().await,
                Err(_) if sent == results.sent() => {
                    return self.status().why_unsent(patience, None);
                }
                Err(_) => {}
            }
        }
    }
}
