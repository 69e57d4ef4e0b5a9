//! Where the tasks and timers of a client run.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{EnterGuard, Handle};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// The runtime that a client was made in. All tasks of the client run there, whoever calls its methods.
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
            Error::config("there is no tokio runtime here; make the client within one, or use blocking::Client")
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

    /// The context in which timers can be made: that of the caller, if it has one, so that they run on its clock.
    pub(crate) fn timers(&self) -> Option<EnterGuard<'_>> {
        Handle::try_current().is_err().then(|| self.runtime.enter())
    }

    /// The context of the client's own runtime.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Ready when no task is running.
    #[cfg(feature = "blocking")]
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let running = Arc::clone(&self.running);
        async move { running.closed().await }
    }
}
