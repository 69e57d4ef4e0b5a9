//! A gateway that runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::door::{self, Stop};
use crate::fault::Faults;
use crate::session::Shared;

/// A running gateway. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets it finish first.
pub struct Gateway {
    pub(crate) ws_url: String,
    pub(crate) http_url: String,
    pub(crate) tcp_url: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) doors: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Where WebSocket clients connect to, such as `ws://127.0.0.1:8765/`.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Where HTTP clients connect to, such as `http://127.0.0.1:8080`; empty when that door is closed.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Where RESP clients connect to, such as `redis://127.0.0.1:6379`; empty when that door is closed.
    pub fn tcp_url(&self) -> &str {
        &self.tcp_url
    }

    /// The faults that the gateway shows on demand.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// How often a command ran, on all connections together.
    pub fn executions(&self, command: &str) -> u64 {
        self.shared.faults.executions(command)
    }

    /// Stops the gateway in order.
    ///
    /// No connection is accepted any more. Commands that were read are run, their replies sent, and every client gets a
    /// close frame. A client that does not read what it is owed is cut off after five seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the gateway at once.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(doors) = &mut self.doors {
            // It ends by itself, and nothing aborts it before.
            let _ = doors.await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(doors) = &self.doors {
            doors.abort();
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

/// Opens the doors and waits until all of them are closed.
pub(crate) async fn run(shared: Arc<Shared>, listeners: Listeners, stop: Stop) {
    let faults = &shared.faults;
    let ws = accept(faults, listeners.ws, stop.clone(), |stream| {
        door::ws::serve(shared.clone(), stream, stop.clone())
    });
    let tcp = async {
        if let Some(listener) = listeners.tcp {
            accept(faults, listener, stop.clone(), |stream| {
                door::tcp::serve(shared.clone(), stream, stop.clone())
            })
            .await;
        }
    };
    let http = async {
        if let Some(listener) = listeners.http {
            accept(faults, listener, stop.clone(), |stream| {
                door::http::serve(shared.clone(), stream, stop.clone())
            })
            .await;
        }
    };
    tokio::join!(ws, tcp, http);
}

/// What the doors listen on.
pub(crate) struct Listeners {
    pub(crate) ws: TcpListener,
    pub(crate) http: Option<TcpListener>,
    pub(crate) tcp: Option<TcpListener>,
}

/// Accepts connections until the gateway stops, then waits for those that are open.
async fn accept<F>(
    faults: &Faults,
    listener: TcpListener,
    mut stop: Stop,
    serve: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = door::raised(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // The system is out of something: files, memory. Trying again at once would burn the processor.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        if faults.refuses() {
            continue;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn off the delay of small packets");
        }
        connections.spawn(serve(stream));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}
