//! How a gateway is set up.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::backend::memory::Memory;
use crate::clock::Clock;
use crate::dialect::Dialect;
use crate::error::StartError;
use crate::fault::Faults;
use crate::gateway::{Gateway, accept};
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
    password: Option<Bytes>,
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
            password: None,
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

    /// Makes clients say `AUTH` with this password before anything but `PING` and `QUIT`. Default: none needed.
    pub fn password(mut self, password: impl Into<Bytes>) -> Self {
        self.password = Some(password.into());
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
    /// When an address cannot be listened on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn start(self) -> Result<Gateway, StartError> {
        let listener = (TcpListener::bind(&self.ws).await)
            .map_err(|error| StartError::bind(&self.ws, error))?;
        let address = (listener.local_addr()).map_err(|error| StartError::bind(&self.ws, error))?;
        let shared = Arc::new(Shared::new(
            Box::new(Memory::new(self.clock)),
            Faults::new(),
            self.dialect,
            self.password,
            self.max_message,
        ));
        let (stop, stopped) = watch::channel(false);
        let doors = tokio::spawn(accept(shared.clone(), listener, stopped));
        Ok(Gateway {
            ws_url: format!("ws://{address}/"),
            shared,
            stop,
            doors: Some(doors),
        })
    }
}

impl fmt::Debug for Builder {
    /// Says whether there is a password, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("ws", &self.ws)
            .field("password", &self.password.is_some())
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}
