//! Tokio's tasks, timers and clock.

use std::future::Future;
use std::sync::Arc;

pub(crate) use std::time::{Instant as StdInstant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::watch;

pub(crate) use tokio::runtime::EnterGuard;
pub(crate) use tokio::task::{AbortHandle, JoinHandle, consume_budget, unconstrained};
pub(crate) use tokio::time::error::Elapsed;
pub(crate) use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};

/// Returns a point in time as the public API shows it.
pub(crate) fn into_std(instant: Instant) -> StdInstant {
    instant.into_std()
}

/// Waits before an attempt to reconnect. Returns whether it ended early, which only a page does.
pub(crate) async fn pause(time: std::time::Duration) -> bool {
    sleep(time).await;
    false
}

/// Handle to the runtime that a client was created on. All of the client's tasks run there,
/// whichever runtime calls its methods.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    /// Every running task holds a receiver.
    running: Arc<watch::Sender<()>>,
}

impl Tasks {
    /// Creates a handle to the current runtime.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn current() -> Result<Self, &'static str> {
        let runtime = Handle::try_current().map_err(|_| {
            "no tokio runtime in this context; create the client inside one, or use \
             blocking::Client"
        })?;
        Ok(Self {
            runtime,
            running: Arc::new(watch::Sender::new(())),
        })
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let running = self.running.subscribe();
        self.runtime.spawn(async move {
            task.await;
            drop(running);
        })
    }

    /// Enters a context for timers: the caller's runtime if there is one, so that timers follow its
    /// clock, otherwise the client's.
    pub(crate) fn timers(&self) -> Option<EnterGuard<'_>> {
        Handle::try_current().is_err().then(|| self.runtime.enter())
    }

    /// Enters the client's runtime.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Resolves when no task is running.
    #[cfg(feature = "blocking")]
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let running = Arc::clone(&self.running);
        async move { running.closed().await }
    }
}
