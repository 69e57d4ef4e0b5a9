//! Running gateway: accept loops and shutdown.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::dialect::Quirk;
use crate::fault::Faults;
use crate::listener::{self, Stop};
use crate::session::Shared;
use crate::shutdown;
use crate::stream::{Encryption, Stream};

/// Timeout of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A running gateway. Dropping it stops it immediately; [`shutdown`](Self::shutdown) stops it
/// gracefully.
pub struct Gateway {
    pub(crate) ws_url: String,
    pub(crate) http_url: String,
    pub(crate) tcp_url: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) listeners: Option<JoinHandle<()>>,
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
        self.stop.send_replace(true);
        if let Some(listeners) = &mut self.listeners {
            // The task ends by itself; nothing aborts it before that.
            let _ = listeners.await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(listeners) = &self.listeners {
            listeners.abort();
        }
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

/// Runs the accept loops and waits until all of them have ended.
pub(crate) async fn run(shared: Arc<Shared>, listeners: Listeners, stop: Stop) {
    let nodelay = !shared.dialect.has(Quirk::Nagle);
    tokio::join!(
        accept(
            &shared,
            listeners.ws,
            nodelay,
            stop.clone(),
            listener::ws::serve
        ),
        accept(
            &shared,
            listeners.http,
            true,
            stop.clone(),
            listener::http::serve
        ),
        accept(
            &shared,
            listeners.tcp,
            nodelay,
            stop.clone(),
            listener::tcp::serve
        ),
    );
}

/// A bound listener.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) encryption: Encryption,
}

/// The enabled listeners.
pub(crate) struct Listeners {
    pub(crate) ws: Option<Listener>,
    pub(crate) http: Option<Listener>,
    pub(crate) tcp: Option<Listener>,
}

/// Accepts connections until the gateway stops, then waits for the open ones to end.
async fn accept<F>(
    shared: &Arc<Shared>,
    listener: Option<Listener>,
    nodelay: bool,
    mut stop: Stop,
    serve: impl Fn(Arc<Shared>, Stream, Stop) -> F + Copy + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(listener) = listener else {
        return;
    };
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = shutdown::raised(&mut stop) => break,
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // The system has run out of a resource, such as file descriptors. Retrying
                    // immediately would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        if shared.faults.refuses() {
            continue;
        }
        if let Err(error) = stream.set_nodelay(nodelay) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let (shared, stop) = (shared.clone(), stop.clone());
        let encryption = listener.encryption.clone();
        connections.spawn(async move {
            if let Some(stream) = open(&shared, encryption, stream, stop.clone()).await {
                serve(shared, stream, stop).await;
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Performs the TLS handshake if the listener requires one. Returns `None` if it fails, times out,
/// or the gateway stops.
async fn open(
    shared: &Shared,
    encryption: Encryption,
    stream: TcpStream,
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
