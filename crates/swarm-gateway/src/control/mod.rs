//! Control door: what tests in Rust have, over HTTP and JSON for tests in any language.
//!
//! One table of [routes](routes) serves requests and describes them at `/openapi.json`.

mod connections;
mod counts;
mod door;
mod fault;
mod faults;
mod http;
mod lifecycle;
mod openapi;
mod problem;
mod registry;
mod reply;
mod route;
mod routes;
mod store;
mod time;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::error::StartError;
use crate::instance::Instance;
use door::Door;
use http::Server;

/// Number of connections served at a time; others wait.
const CONNECTIONS: usize = 64;

/// Where to listen.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) address: Option<String>,
    /// Whether other machines may reach the door.
    pub(crate) remote: bool,
}

/// A bound door that serves nothing yet.
pub(crate) struct Bound {
    socket: TcpListener,
    url: String,
    remote: bool,
}

impl Settings {
    /// Binds the address, if there is one.
    pub(crate) async fn bind(&self) -> Result<Option<Bound>, StartError> {
        let Some(address) = &self.address else {
            return Ok(None);
        };
        let error = |source| StartError::bind(address, source);
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let local = socket.local_addr().map_err(error)?;
        if !self.remote && !local.ip().is_loopback() {
            let address = address.clone();
            return Err(StartError::NotLoopback { address });
        }
        Ok(Some(Bound {
            socket,
            url: format!("http://{local}"),
            remote: self.remote,
        }))
    }
}

/// The control door of a gateway. Dropping it closes the door and ends the faults that were
/// created through it.
pub(crate) struct Control {
    url: String,
    accepting: JoinHandle<()>,
}

impl Control {
    /// Serves a gateway, which the door does not keep alive.
    pub(crate) fn start(bound: Bound, gateway: &Arc<Instance>) -> Self {
        let server = Server::new(Door::new(gateway), bound.remote);
        Self {
            url: bound.url,
            accepting: tokio::spawn(accept(bound.socket, Arc::new(server))),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts connections forever.
async fn accept(socket: TcpListener, server: Arc<Server>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = free.clone().acquire_owned().await else {
            return;
        };
        let stream = next(&socket).await;
        while connections.try_join_next().is_some() {}
        let server = server.clone();
        connections.spawn(async move {
            http::serve(server, stream).await;
            drop(permit);
        });
    }
}

async fn next(socket: &TcpListener) -> TcpStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // The system has run out of a resource. Retrying immediately would spin.
                tracing::warn!(%error, "cannot accept a connection to the control door");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
