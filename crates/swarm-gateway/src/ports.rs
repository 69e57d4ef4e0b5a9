//! Ports of a gateway, which stay the same when it stops and starts again.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::error::StartError;
use crate::stream::Encryption;

/// A port, and the encryption of its connections.
#[derive(Clone)]
pub(crate) struct Port {
    address: SocketAddr,
    encryption: Encryption,
}

/// A bound listener.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) port: Port,
}

/// Something for each enabled listener.
pub(crate) struct PerListener<T> {
    pub(crate) ws: Option<T>,
    pub(crate) http: Option<T>,
    pub(crate) tcp: Option<T>,
}

impl Port {
    /// Binds an address, whose port may be 0.
    pub(crate) async fn bind(
        address: &str,
        encryption: Encryption,
    ) -> Result<Listener, StartError> {
        let error = |source| StartError::bind(address, source);
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        let port = Self {
            address,
            encryption,
        };
        Ok(Listener { socket, port })
    }

    /// Binds the port again.
    async fn bind_again(&self) -> Result<Listener, StartError> {
        Self::bind(&self.address.to_string(), self.encryption.clone()).await
    }

    /// Returns the encryption of the port's connections.
    pub(crate) const fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// Returns the URL of the port.
    fn url(&self, plain: &str, encrypted: &str, path: &str) -> String {
        let scheme = match self.encryption.is_on() {
            true => encrypted,
            false => plain,
        };
        format!("{scheme}://{}{path}", self.address)
    }
}

impl PerListener<Listener> {
    pub(crate) fn ports(&self) -> PerListener<Port> {
        let port = |listener: &Option<Listener>| Some(listener.as_ref()?.port.clone());
        PerListener {
            ws: port(&self.ws),
            http: port(&self.http),
            tcp: port(&self.tcp),
        }
    }
}

impl PerListener<Port> {
    /// Binds all ports again.
    pub(crate) async fn bind_again(&self) -> Result<PerListener<Listener>, StartError> {
        Ok(PerListener {
            ws: listen_again(self.ws.as_ref()).await?,
            http: listen_again(self.http.as_ref()).await?,
            tcp: listen_again(self.tcp.as_ref()).await?,
        })
    }

    /// Returns the URLs of the WebSocket, HTTP and TCP listeners; empty if disabled.
    pub(crate) fn urls(&self) -> [String; 3] {
        let url = |port: &Option<Port>, plain, encrypted, path| {
            port.as_ref()
                .map_or_else(String::new, |port| port.url(plain, encrypted, path))
        };
        [
            url(&self.ws, "ws", "wss", "/"),
            url(&self.http, "http", "https", ""),
            url(&self.tcp, "redis", "rediss", ""),
        ]
    }
}

async fn listen_again(port: Option<&Port>) -> Result<Option<Listener>, StartError> {
    match port {
        Some(port) => port.bind_again().await.map(Some),
        None => Ok(None),
    }
}
