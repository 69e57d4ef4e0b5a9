//! Probes of endpoints that are preferred to the one in use.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use swarm_resp::Request;

use super::Shared;
use super::selector::EndpointId;
use crate::{BoxTransport, Connect, TransportError};

impl Shared {
    /// Probes the endpoints that are due, until the future is dropped.
    pub(super) async fn keep_probing(self: &Arc<Self>, after: Duration) -> Infallible {
        // Also the longest time before a probe begins once one is due, since nothing tells when the
        // client leaves a preferred endpoint.
        let interval = (after / 4).clamp(Duration::from_millis(100), Duration::from_secs(1));
        loop {
            let now = self.clock.now();
            let due = self.lock().selector.next_probe(now);
            match due {
                Some(endpoint) => self.probe(endpoint).await,
                None => {
                    let at = self.lock().selector.next_probe_at();
                    let wait = at.map_or(interval, |at| at.saturating_sub(now));
                    self.clock
                        .sleep(wait.clamp(Duration::from_millis(1), interval))
                        .await;
                }
            }
        }
    }

    async fn probe(&self, endpoint: EndpointId) {
        let (_, connector) = self.begin(endpoint);
        let Some(connector) = connector else {
            return;
        };
        let mut slow = self.clock.sleep(self.options.slow_after);
        let mut ping = Box::pin(ping(connector));
        let is_healthy = poll_fn(|cx| match ping.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.is_ok()),
            Poll::Pending => slow.as_mut().poll(cx).map(|()| false),
        })
        .await;
        let now = self.clock.now();
        self.change(|selector| selector.probed(endpoint, is_healthy, now));
    }
}

/// Opens a connection and waits for the reply to PING. Any reply will do, such as one that asks for
/// a password.
async fn ping(connector: Arc<dyn Connect>) -> Result<(), TransportError> {
    let mut transport: BoxTransport = connector.connect().await?;
    poll_fn(|cx| transport.poll_ready(cx)).await?;
    transport.start_send(Request::new("PING", ()).view())?;
    poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = transport.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        transport.poll_receive(cx).map_ok(drop)
    })
    .await?;
    poll_fn(|cx| transport.poll_close(cx)).await
}
