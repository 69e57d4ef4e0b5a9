//! Subscriptions whose events are passed to a callback.

use std::fmt;

use super::event::Event;
use super::subscription::Subscription;
use crate::runtime::{JoinHandle, Tasks, consume_budget};

/// Handle to a subscription whose events are passed to a callback. Created by
/// [`Client::psubscribe_handler`](crate::Client::psubscribe_handler) and
/// [`Subscription::handle`](crate::Subscription::handle).
///
/// Dropping the handle ends the subscription. A panic of the callback ends it too, and affects
/// nothing else.
#[must_use = "dropping it ends the subscription"]
pub struct Handler(JoinHandle<()>);

impl Handler {
    pub(super) fn spawn(
        tasks: &Tasks,
        mut subscription: Subscription,
        mut handler: impl FnMut(Event) + Send + 'static,
    ) -> Self {
        Self(tasks.spawn(async move {
            while let Some(event) = subscription.next().await {
                // Without yielding, a full buffer would keep the task from being aborted.
                consume_budget().await;
                match event {
                    Ok(event) => handler(event),
                    Err(error) => tracing::warn!(%error, "subscription ended"),
                }
            }
        }))
    }

    /// Ends the subscription. Once this future resolves, the callback is not called again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the end of the subscription.
    pub async fn unsubscribe(mut self) {
        self.0.abort();
        let _ended = (&mut self.0).await;
    }

    /// Returns whether the subscription has ended: it failed, the client was closed, or the
    /// callback panicked.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
