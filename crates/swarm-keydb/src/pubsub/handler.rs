//! Subscriptions whose events go to a function.

use std::fmt;

use tokio::task::JoinHandle;

use super::event::Event;
use super::subscription::Subscription;
use crate::tasks::Tasks;

/// A subscription whose events go to a function: see [`Client::psubscribe_handler`](crate::Client::psubscribe_handler).
///
/// Dropping it ends the subscription; so does a panic of the function, which harms nobody else.
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
                // Else a full buffer would keep the task from ever being ended.
                tokio::task::coop::consume_budget().await;
                match event {
                    Ok(event) => handler(event),
                    Err(error) => tracing::warn!(%error, "a subscription has ended"),
                }
            }
        }))
    }

    /// Ends the subscription. The function is not called any more once this resolves.
    ///
    /// **Cancel safety:** dropping the future does not undo it.
    pub async fn unsubscribe(mut self) {
        self.0.abort();
        let _ended = (&mut self.0).await;
    }

    /// Whether nothing more comes: the subscription failed, the client was closed, or the function panicked.
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
