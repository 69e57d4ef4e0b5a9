//! Runtime handle of a client's tasks and timers.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{EnterGuard, Handle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// The runtime that a client was created in. All tasks of the client run there, whichever runtime
/// calls its methods.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    /// Every running task holds a receiver.
    running: Arc<watch::Sender<()>>,
}

impl Tasks {
    /// Tasks in the current runtime.
    pub(crate) fn current() -> Result<Self> {
        let runtime = Handle::try_current().map_err(|_| {
            Error::config("no tokio runtime in this context; use one, or blocking::Client")
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

    /// Enters the client's runtime to create timers, unless the caller has a runtime: its clock
    /// then applies.
    pub(crate) fn timers(&self) -> Option<EnterGuard<'_>> {
        Handle::try_current().is_err().then(|| self.runtime.enter())
    }

    /// Enters the client's runtime.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Completes once no task is running.
    #[cfg(feature = "blocking")]
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let running = Arc::clone(&self.running);
        async move { running.closed().await }
    }
}
