//! Running gateway: accept loops, shutdown and restart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::dialect::Quirk;
use crate::error::StartError;
use crate::event_loop::{self, Spawner};
use crate::fault::Faults;
use crate::listener::{self, Stop};
use crate::ports::{Listener, PerListener, Port};
use crate::session::Shared;
use crate::shutdown;
use crate::stream::{Encryption, Socket, Stream};

/// Number of connections accepted at once, before others have their turn.
const ACCEPTS: usize = 64;

/// Timeout of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A running gateway. Dropping it stops it immediately; [`shutdown`](Self::shutdown) stops it
/// gracefully.
pub struct Gateway {
    pub(crate) ws_url: String,
    pub(crate) http_url: String,
    pub(crate) tcp_url: String,
    pub(crate) ports: PerListener<Port>,
    pub(crate) shared: Arc<Shared>,
    /// `None` while the gateway is stopped.
    pub(crate) running: Option<Running>,
}

impl Gateway {
    /// Returns the URL for WebSocket clients, such as `ws://127.0.0.1:8765/`. Empty if that
    /// listener is disabled.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Returns the URL for HTTP clients, such as `http://127.0.0.1:8080`. Empty if that listener is
    /// disabled.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Returns the URL for RESP clients, such as `redis://127.0.0.1:6379`. Empty if that listener
    /// is disabled.
    pub fn tcp_url(&self) -> &str {
        &self.tcp_url
    }

    /// Returns a handle that injects faults into this gateway.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Returns how often a command has run, across all connections.
    pub fn executions(&self, command: &str) -> u64 {
        self.shared.faults.executions(command)
    }

    /// Shuts the gateway down gracefully.
    ///
    /// The gateway stops accepting connections, runs the commands that it has read, sends their
    /// replies, and sends every client a close frame. A client that does not read its pending
    /// replies is disconnected after five seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the gateway immediately.
    pub async fn shutdown(mut self) {
        if let Some(running) = self.running.take() {
            running.end(Ending::Graceful).await;
        }
    }

    /// Stops the gateway as a crash would: closes its ports, and cuts all connections without a
    /// close handshake. Until [`start`](Self::start), clients are refused. Does nothing if the
    /// gateway is stopped.
    ///
    /// The data, the clock, the counts of [`executions`](Self::executions), and faults outlast the
    /// stop; scripts and `CONFIG SET` do not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the gateway, but does not wait until its connections are closed.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(Ending::Immediate).await;
            self.shared.backend.crashed();
        }
    }

    /// Starts a [stopped](Self::stop) gateway on the same ports, with the same data. Does nothing
    /// if the gateway is running.
    ///
    /// # Errors
    ///
    /// Returns an error if another program has taken a port. The gateway remains stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the gateway stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), swarm_gateway::StartError> {
    /// let mut gateway = swarm_gateway::test().await?;
    /// gateway.stop().await;
    /// // Clients that connect now are refused.
    /// gateway.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(&mut self) -> Result<(), StartError> {
        if self.running.is_none() {
            let listeners = self.ports.bind_again().await?;
            self.running = Some(Running::start(&self.shared, listeners));
        }
        Ok(())
    }

    /// [Stops](Self::stop) the gateway and [starts](Self::start) it again: a crash that keeps the
    /// data and the ports.
    ///
    /// # Errors
    ///
    /// Same as [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the gateway stopped.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        self.stop().await;
        self.start().await
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("ws_url", &self.ws_url)
            .field("http_url", &self.http_url)
            .field("tcp_url", &self.tcp_url)
            .finish_non_exhaustive()
    }
}

/// How a gateway ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Connections are closed after the replies to all commands that were read.
    Graceful,
    /// Connections are cut.
    Immediate,
}

/// The accept loops and connections of a gateway. Dropping it aborts them.
pub(crate) struct Running {
    graceful: watch::Sender<bool>,
    immediate: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(shared: &Arc<Shared>, listeners: PerListener<Listener>) -> Self {
        let (graceful, stop) = watch::channel(false);
        let (immediate, kill) = watch::channel(false);
        Self {
            graceful,
            immediate,
            accepting: tokio::spawn(run(shared.clone(), listeners, stop, kill)),
        }
    }

    /// Ends the gateway and waits until all connections have ended.
    async fn end(mut self, ending: Ending) {
        let signal = match ending {
            Ending::Graceful => &self.graceful,
            Ending::Immediate => &self.immediate,
        };
        signal.send_replace(true);
        // The task ends by itself; nothing aborts it before that.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs the accept loops and their connections until all of them have ended.
async fn run(shared: Arc<Shared>, listeners: PerListener<Listener>, stop: Stop, mut kill: Stop) {
    let nodelay = !shared.dialect.has(Quirk::Nagle);
    let serving = event_loop::run(|spawner| {
        let door = |listener, nodelay| {
            let (shared, spawner) = (shared.clone(), spawner.clone());
            Door {
                shared,
                spawner,
                listener,
                nodelay,
                stop: stop.clone(),
            }
        };
        if let Some(listener) = listeners.ws {
            spawner.spawn(door(listener, nodelay).accept(listener::ws::serve));
        }
        if let Some(listener) = listeners.http {
            let serve = listener::http::serve(spawner.clone());
            spawner.spawn(door(listener, true).accept(serve));
        }
        if let Some(listener) = listeners.tcp {
            spawner.spawn(door(listener, nodelay).accept(listener::tcp::serve));
        }
    });
    tokio::select! {
        biased;
        // Drops all connections.
        () = shutdown::raised(&mut kill) => {}
        () = serving => {}
    }
}

/// A listener that accepts connections.
struct Door {
    shared: Arc<Shared>,
    spawner: Spawner,
    listener: Listener,
    nodelay: bool,
    stop: Stop,
}

impl Door {
    /// Accepts connections until the gateway stops.
    async fn accept<F>(
        mut self,
        serve: impl Fn(Arc<Shared>, Stream, Stop) -> F + Clone + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        for count in 1_usize.. {
            let stream = tokio::select! {
                biased;
                () = shutdown::raised(&mut self.stop) => return,
                accepted = self.listener.socket.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // The system has run out of a resource, such as file descriptors. Retrying
                        // immediately would spin.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            if self.shared.faults.refuses() {
                continue;
            }
            if let Err(error) = stream.set_nodelay(self.nodelay) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            let socket = Socket::new(stream, self.spawner.turns());
            let (shared, stop, serve) = (self.shared.clone(), self.stop.clone(), serve.clone());
            let encryption = self.listener.port.encryption().clone();
            self.spawner.spawn_accepted(async move {
                // Boxed, because a handshake needs more memory than the connection afterwards.
                let opening = Box::pin(open(&shared, encryption, socket, stop.clone()));
                if let Some(stream) = opening.await {
                    serve(shared, stream, stop).await;
                }
            });
            if count.is_multiple_of(ACCEPTS) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Performs the TLS handshake if the listener requires one. Returns `None` if it fails, times out,
/// or the gateway stops.
async fn open(
    shared: &Shared,
    encryption: Encryption,
    stream: Socket,
    mut stop: Stop,
) -> Option<Stream> {
    shared.faults.thawed().await;
    let opening = timeout(HANDSHAKE, encryption.open(stream));
    let opened = tokio::select! {
        opened = opening => opened,
        () = shutdown::raised(&mut stop) => return None,
    };
    match opened {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("TLS handshake timed out");
            None
        }
    }
}
