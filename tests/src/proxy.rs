//! TCP proxy that a test can stop and restart, to simulate an unreachable server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::within;

/// Forwards connections to a server until it is stopped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    server: String,
    passing: Option<JoinHandle<()>>,
    dials: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts a proxy on a free port for the server of a URL.
    ///
    /// # Panics
    ///
    /// Panics if no port is free.
    pub async fn start(url: &str) -> Self {
        let (_, rest) = url.split_once("://").expect("a URL");
        let server = rest.trim_end_matches('/').to_owned();
        let listener = listen_where_none_is_drawn().await;
        let address = listener.local_addr().expect("it is bound");
        let dials = Arc::default();
        let passing = Some(tokio::spawn(pass(
            listener,
            server.clone(),
            Arc::clone(&dials),
        )));
        Self {
            address,
            server,
            passing,
            dials,
        }
    }

    /// Returns the number of accepted connections.
    pub fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    /// Returns the proxy's URL with the given scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/", self.address)
    }

    /// Cuts every connection and refuses new ones.
    pub async fn stop(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
            let _aborted = passing.await;
        }
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Panics
    ///
    /// Panics if the port has been taken by another program.
    pub async fn restart(&mut self) {
        let listener = within(listen_again(self.address)).await;
        self.passing = Some(tokio::spawn(pass(
            listener,
            self.server.clone(),
            Arc::clone(&self.dials),
        )));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(passing) = &self.passing {
            passing.abort();
        }
    }
}

/// Listens on a port below the ephemeral range, so that the system does not assign it to others
/// while nobody listens there.
async fn listen_where_none_is_drawn() -> TcpListener {
    loop {
        let port = fastrand::u16(10_000..32_000);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener;
        }
    }
}

/// Listens on a port that this process has just closed. A child process that another test is
/// starting holds copies of all sockets for a moment, so the port may not be free immediately.
async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{address}: {error}"),
        }
    }
}

/// Returns an address that a server can leave and come back to.
///
/// # Panics
///
/// Panics if the system does not report the address.
pub async fn free_address() -> String {
    let listener = listen_where_none_is_drawn().await;
    listener.local_addr().expect("it is bound").to_string()
}

async fn pass(listener: TcpListener, server: String, dials: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        dials.fetch_add(1, Ordering::SeqCst);
        let server = server.clone();
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ended = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
