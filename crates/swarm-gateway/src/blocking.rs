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

use tokio::sync::oneshot;

use crate::{Builder, StartError};

/// A gateway on its own thread. Runs until it is dropped or [shut down](Self::shutdown).
#[derive(Debug)]
pub struct Gateway {
    inner: crate::Gateway,
    /// Stops the thread when dropped.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
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
        end: Some(end),
        thread: Some(thread),
    })
}

impl Gateway {
    /// Stops the gateway and blocks until all connections are closed.
    pub fn shutdown(mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Deref for Gateway {
    type Target = crate::Gateway;

    fn deref(&self) -> &crate::Gateway {
        &self.inner
    }
}
