//! Gateway for programs and tests without an async runtime; it runs on its own thread.
//!
//! ```
//! let gateway = swarm_gateway::blocking::test()?;
//! assert!(gateway.ws_url().starts_with("ws://127.0.0.1:"));
//! # Ok::<(), swarm_gateway::StartError>(())
//! ```

use std::ops::Deref;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::{Builder, StartError};

/// A gateway on its own thread. Runs until it is dropped or [shut down](Self::shutdown).
#[derive(Debug)]
pub struct Gateway {
    inner: crate::Gateway,
    runtime: Handle,
    /// Stops the thread when dropped.
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Starts a gateway on free loopback ports without a password, like
/// [`swarm_gateway::test`](crate::test).
///
/// # Errors
///
/// Returns an error if the system has no free port or cannot start a thread.
pub fn test() -> Result<Gateway, StartError> {
    start(crate::Gateway::builder())
}

/// Starts a gateway on its own thread.
///
/// # Errors
///
/// Returns the errors of [`Builder::start`], and [`StartError::Thread`] if the system cannot start
/// a thread.
pub fn start(builder: Builder) -> Result<Gateway, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let handle = runtime.handle().clone();
    let (started, starting) = mpsc::channel();
    let (end, ended) = oneshot::channel::<()>();
    let serve = async move {
        match builder.start().await {
            Ok(gateway) => {
                let _gone = started.send(Ok(gateway));
                // Connections are tasks of this runtime and stop with it.
                let _dropped = ended.await;
            }
            Err(error) => {
                let _gone = started.send(Err(error));
            }
        }
    };
    let thread = thread::Builder::new()
        .name("swarm-gateway".to_owned())
        .spawn(move || {
            runtime.block_on(serve);
            runtime.shutdown_background();
        })
        .map_err(StartError::Thread)?;
    let ended_early = || StartError::Thread(std::io::Error::other("its thread has ended"));
    let inner = starting.recv().map_err(|_| ended_early())??;
    Ok(Gateway {
        inner,
        runtime: handle,
        end,
        thread,
    })
}

impl Gateway {
    /// Shuts the gateway down gracefully, like [`Gateway::shutdown`](crate::Gateway::shutdown), and
    /// blocks until all connections are closed.
    pub fn shutdown(self) {
        let Self {
            inner,
            runtime,
            end,
            thread,
        } = self;
        block_on(&runtime, inner.shutdown());
        drop(end);
        // A thread that panicked has ended too.
        let _ = thread.join();
    }

    /// Stops the gateway as a crash would, like [`Gateway::stop`](crate::Gateway::stop).
    pub fn stop(&mut self) {
        block_on(&self.runtime, self.inner.stop());
    }

    /// Starts a stopped gateway on the same ports, with the same data, like
    /// [`Gateway::start`](crate::Gateway::start).
    ///
    /// # Errors
    ///
    /// Returns an error if another program has taken a port. The gateway remains stopped.
    pub fn start(&mut self) -> Result<(), StartError> {
        block_on(&self.runtime, self.inner.start())
    }

    /// Stops the gateway and starts it again, like [`Gateway::restart`](crate::Gateway::restart).
    ///
    /// # Errors
    ///
    /// Same as [`start`](Self::start).
    pub fn restart(&mut self) -> Result<(), StartError> {
        block_on(&self.runtime, self.inner.restart())
    }
}

/// Runs a future on the gateway's runtime. The caller may be in an async context, where blocking on
/// a runtime panics, so another thread does it.
fn block_on<F: Future<Output: Send> + Send>(runtime: &Handle, future: F) -> F::Output {
    let finished = thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join());
    finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Deref for Gateway {
    type Target = crate::Gateway;

    fn deref(&self) -> &crate::Gateway {
        &self.inner
    }
}
