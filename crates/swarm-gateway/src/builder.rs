//! How a gateway is set up.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::backend::memory::Memory;
use crate::backend::redis::Redis;
use crate::clock::Clock;
use crate::dialect::Dialect;
use crate::error::StartError;
use crate::fault::Faults;
use crate::gateway::{Gateway, Listeners, run};
use crate::session::Shared;

/// Starts a gateway on free ports of the loopback address, without a password: what most tests want.
///
/// # Errors
///
/// When the system has no free port.
pub async fn test() -> Result<Gateway, StartError> {
    Gateway::builder().start().await
}

/// Sets up a gateway: see [`Gateway::builder`].
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    ws: String,
    http: Option<String>,
    tcp: Option<String>,
    redis: Option<String>,
    password: Option<Bytes>,
    origins: Vec<String>,
    dialect: Dialect,
    clock: Clock,
    max_message: usize,
}

impl Gateway {
    /// A gateway on free ports of the loopback address, without a password, over an empty embedded store, unless told
    /// otherwise.
    ///
    /// ```
    /// use swarm_gateway::{Dialect, Gateway};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), swarm_gateway::StartError> {
    /// let gateway = Gateway::builder()
    ///     .password("secret")
    ///     .dialect(Dialect::UPSTREAM)
    ///     .start()
    ///     .await?;
    /// println!("{}", gateway.ws_url());
    /// gateway.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> Builder {
        Builder {
            ws: "127.0.0.1:0".into(),
            http: Some("127.0.0.1:0".into()),
            tcp: Some("127.0.0.1:0".into()),
            redis: None,
            password: None,
            origins: Vec::new(),
            dialect: Dialect::FIXED,
            clock: Clock::system(),
            max_message: 64 << 20,
        }
    }
}

impl Builder {
    /// Where the WebSocket door listens: an address and a port, 0 for a free one. Default `127.0.0.1:0`.
    pub fn ws(mut self, address: impl Into<String>) -> Self {
        self.ws = address.into();
        self
    }

    /// Where the HTTP door listens: an address and a port, 0 for a free one. Default `127.0.0.1:0`.
    pub fn http(mut self, address: impl Into<String>) -> Self {
        self.http = Some(address.into());
        self
    }

    /// Keeps the HTTP door closed.
    pub fn without_http(mut self) -> Self {
        self.http = None;
        self
    }

    /// Where the TCP door listens: an address and a port, 0 for a free one. Default `127.0.0.1:0`.
    pub fn tcp(mut self, address: impl Into<String>) -> Self {
        self.tcp = Some(address.into());
        self
    }

    /// Keeps the TCP door closed.
    pub fn without_tcp(mut self) -> Self {
        self.tcp = None;
        self
    }

    /// Puts a real server behind the doors instead of the embedded store: Redis, Valkey, KeyDB or SwarmKeyDb, by its
    /// address `redis://[[user:]password@]host[:port][/database]`.
    ///
    /// Each client connection gets a connection of its own to it, with its first command; when the server ends one, the
    /// client's ends too. The gateway's own password is another one than that in the address, which clients never see.
    /// [`clock`](Self::clock) has no effect then.
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.redis = Some(url.into());
        self
    }

    /// Makes clients say `AUTH` with this password first; the WebSocket door lets `PING` and `QUIT` pass before. Default: none needed.
    pub fn password(mut self, password: impl Into<Bytes>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Admits browser pages of these origins only, such as `https://example.org`, and to the WebSocket door nobody without
    /// an origin. Default: everybody.
    pub fn origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// How the gateway speaks. Default [`Dialect::FIXED`].
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What keys expire by. Default [`Clock::system`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The largest message that is read, in bytes; a client that sends a larger one is cut off. Stops a client from
    /// filling the memory. Default 64 MiB.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Starts the gateway on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When an address cannot be listened on, or the server behind the gateway cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn start(self) -> Result<Gateway, StartError> {
        let (ws, ws_address) = listen(&self.ws).await?;
        let (http, http_address) = listen_if(self.http.as_deref()).await?;
        let (tcp, tcp_address) = listen_if(self.tcp.as_deref()).await?;
        let backend: Box<dyn Backend> = match &self.redis {
            Some(url) => Box::new(Redis::open(url).await?),
            None => Box::new(Memory::new(self.clock)),
        };
        let shared = Arc::new(Shared {
            backend,
            faults: Faults::new(),
            dialect: self.dialect,
            password: self.password,
            origins: self.origins,
            max_message: self.max_message,
            next_id: AtomicU64::new(1),
        });
        let (stop, stopped) = watch::channel(false);
        let listeners = Listeners { ws, http, tcp };
        let doors = tokio::spawn(run(shared.clone(), listeners, stopped));
        Ok(Gateway {
            ws_url: format!("ws://{ws_address}/"),
            http_url: url("http", http_address),
            tcp_url: url("redis", tcp_address),
            shared,
            stop,
            doors: Some(doors),
        })
    }
}

/// Empty for a door that is closed.
fn url(scheme: &str, address: Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| format!("{scheme}://{address}"))
}

async fn listen_if(
    address: Option<&str>,
) -> Result<(Option<TcpListener>, Option<SocketAddr>), StartError> {
    let Some(address) = address else {
        return Ok((None, None));
    };
    let (listener, bound) = listen(address).await?;
    Ok((Some(listener), Some(bound)))
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let error = |source| StartError::bind(address, source);
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}

impl fmt::Debug for Builder {
    /// Says whether there is a password, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("ws", &self.ws)
            .field("http", &self.http)
            .field("tcp", &self.tcp)
            .field("password", &self.password.is_some())
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}
