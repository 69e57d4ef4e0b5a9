//! A gateway as its owner and the control door share it: what it serves, and whether it runs.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::error::StartError;
use crate::ports::{Listener, PerListener, Port};
use crate::running::{Ending, Running};
use crate::session::Shared;

/// A gateway. Dropping it stops it immediately.
pub(crate) struct Instance {
    /// URLs of the WebSocket, HTTP and TCP listeners; empty if disabled.
    urls: [String; 3],
    ports: PerListener<Port>,
    shared: Arc<Shared>,
    /// `None` while the gateway is stopped.
    running: Mutex<Option<Running>>,
}

impl Instance {
    /// Starts a gateway.
    pub(crate) fn new(shared: Shared, listeners: PerListener<Listener>) -> Self {
        let (shared, ports) = (Arc::new(shared), listeners.ports());
        Self {
            urls: ports.urls(),
            ports,
            running: Mutex::new(Some(Running::start(&shared, listeners))),
            shared,
        }
    }

    pub(crate) fn ws_url(&self) -> &str {
        let [ws, _, _] = &self.urls;
        ws
    }

    pub(crate) fn http_url(&self) -> &str {
        let [_, http, _] = &self.urls;
        http
    }

    pub(crate) fn tcp_url(&self) -> &str {
        let [_, _, tcp] = &self.urls;
        tcp
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) async fn is_running(&self) -> bool {
        self.running.lock().await.is_some()
    }

    /// Ends the gateway after the replies to all commands that were read.
    pub(crate) async fn shutdown(&self) {
        if let Some(running) = self.running.lock().await.take() {
            running.end(Ending::Graceful).await;
        }
    }

    /// Stops the gateway as a crash would.
    pub(crate) async fn stop(&self) {
        self.end(&mut *self.running.lock().await).await;
    }

    /// Starts the gateway again on the same ports.
    pub(crate) async fn start(&self) -> Result<(), StartError> {
        self.begin(&mut *self.running.lock().await).await
    }

    /// Stops the gateway and starts it again, without another start or stop in between.
    pub(crate) async fn restart(&self) -> Result<(), StartError> {
        let mut running = self.running.lock().await;
        self.end(&mut running).await;
        self.begin(&mut running).await
    }

    async fn end(&self, running: &mut Option<Running>) {
        if let Some(running) = running.take() {
            running.end(Ending::Immediate).await;
            self.shared.backend.crashed();
        }
    }

    async fn begin(&self, running: &mut Option<Running>) -> Result<(), StartError> {
        if running.is_none() {
            let listeners = self.ports.bind_again().await?;
            *running = Some(Running::start(&self.shared, listeners));
        }
        Ok(())
    }
}
