//! Gateway configuration.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;

use crate::backend::Backend;
use crate::backend::memory::{Memory, Pacing};
use crate::backend::redis::Redis;
use crate::clock::Clock;
#[cfg(feature = "control")]
use crate::control::{self, Control};
use crate::dialect::{Dialect, Quirk};
use crate::error::StartError;
use crate::fault::Faults;
use crate::handle::Gateway;
use crate::instance::Instance;
use crate::origins::Origins;
use crate::ports::{Listener, PerListener, Port};
use crate::session::Shared;
use crate::stream::Encryption;
#[cfg(feature = "tls")]
use crate::tls::{self, Identity};
use crate::write_queue::{Flushes, WriteQueue};

/// Starts a gateway on free loopback ports without a password. Suits most tests.
///
/// # Errors
///
/// Returns an error if the system has no free port.
pub async fn test() -> Result<Gateway, StartError> {
    Gateway::builder().start().await
}

/// Configures and starts a gateway. Created by [`Gateway::builder`].
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    ws: Option<String>,
    http: Option<String>,
    tcp: Option<String>,
    redis: Option<String>,
    password: Option<Bytes>,
    origins: Origins,
    dialect: Dialect,
    clock: Clock,
    write_queue: WriteQueue,
    script_limit: Duration,
    lost_wake_ups: f64,
    max_message: usize,
    #[cfg(feature = "control")]
    control: control::Settings,
    #[cfg(feature = "tls")]
    tls: Option<Identity>,
}

impl Gateway {
    /// Returns a builder. By default, the gateway listens on free loopback ports, requires no
    /// password, and serves an empty embedded store.
    ///
    /// # Examples
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
            ws: Some("127.0.0.1:0".into()),
            http: Some("127.0.0.1:0".into()),
            tcp: Some("127.0.0.1:0".into()),
            redis: None,
            password: None,
            origins: Origins::Any,
            dialect: Dialect::STANDARD,
            clock: Clock::system(),
            write_queue: WriteQueue::new(),
            script_limit: Duration::from_secs(5),
            lost_wake_ups: 0.0,
            max_message: 64 << 20,
            #[cfg(feature = "control")]
            control: control::Settings::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Builder {
    /// Sets the address and port of the WebSocket listener; port 0 selects a free one. Default:
    /// `127.0.0.1:0`.
    pub fn ws(mut self, address: impl Into<String>) -> Self {
        self.ws = Some(address.into());
        self
    }

    /// Disables the WebSocket listener.
    pub fn without_ws(mut self) -> Self {
        self.ws = None;
        self
    }

    /// Sets the address and port of the HTTP listener; port 0 selects a free one. Default:
    /// `127.0.0.1:0`.
    pub fn http(mut self, address: impl Into<String>) -> Self {
        self.http = Some(address.into());
        self
    }

    /// Disables the HTTP listener.
    pub fn without_http(mut self) -> Self {
        self.http = None;
        self
    }

    /// Sets the address and port of the TCP listener; port 0 selects a free one. Default:
    /// `127.0.0.1:0`.
    pub fn tcp(mut self, address: impl Into<String>) -> Self {
        self.tcp = Some(address.into());
        self
    }

    /// Disables the TCP listener.
    pub fn without_tcp(mut self) -> Self {
        self.tcp = None;
        self
    }

    /// Forwards to a real server instead of the embedded store: Redis, Valkey, KeyDB, or SwarmKeyDb
    /// at `redis://[[user:]password@]host[:port][/database]`.
    ///
    /// Each client connection opens its own upstream connection with its first command. When the
    /// server closes that connection, the gateway closes the client's. The password in the URL is
    /// independent of the gateway's own password, and clients never see it. [`clock`](Self::clock)
    /// has no effect on a real server.
    pub fn redis(mut self, url: impl Into<String>) -> Self {
        self.redis = Some(url.into());
        self
    }

    /// Requires clients to send `AUTH` with this password. Over WebSocket, `PING` and `QUIT` are
    /// allowed before authentication. Default: no password.
    pub fn password(mut self, password: impl Into<Bytes>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Restricts browser access to pages of these origins, such as `https://example.org`, in any
    /// case. The WebSocket listener then also rejects clients that send no `Origin` header. An
    /// empty list or a `*` allows all clients. Default: all clients are allowed.
    pub fn origins<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.origins = Origins::new(origins.into_iter().map(Into::into));
        self
    }

    /// Enables TLS on every listener: `wss://`, `https://`, and `rediss://` only. Requires the
    /// feature `tls`.
    ///
    /// Both arguments are PEM: the certificate chain, with the gateway's own certificate first, and
    /// its private key without a passphrase. [`start`](Self::start) parses them. URLs contain IP
    /// addresses, so clients that verify server names need a certificate for the address or an
    /// explicit server name. The HTTP listener speaks HTTP/2 with clients that offer it; a fault
    /// that cuts a connection then resets only the stream of the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_gateway::Gateway;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    /// let gateway = Gateway::builder()
    ///     .tls(made.cert.pem(), made.signing_key.serialize_pem())
    ///     .start()
    ///     .await?;
    /// assert!(gateway.ws_url().starts_with("wss://127.0.0.1:"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(
        mut self,
        cert_chain_pem: impl AsRef<[u8]>,
        private_key_pem: impl AsRef<[u8]>,
    ) -> Self {
        self.tls = Some(Identity {
            chain: cert_chain_pem.as_ref().to_vec(),
            key: private_key_pem.as_ref().to_vec(),
        });
        self
    }

    /// Sets the quirks that the gateway reproduces. Default: [`Dialect::STANDARD`].
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the clock that determines when keys expire. Default: [`Clock::system`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the timing of the write queue, which [`Quirk::WriteQueue`] enables.
    pub const fn write_queue(mut self, settings: WriteQueue) -> Self {
        self.write_queue = settings;
        self
    }

    /// Sets how long a script may run before [`Quirk::BusyScripts`] answers `BUSY`; the script
    /// keeps running. Default: 5 s.
    pub const fn script_limit(mut self, limit: Duration) -> Self {
        self.script_limit = limit;
        self
    }

    /// Sets the fraction of wake-ups that blocking reads of the embedded store miss, from 0 to 1. A
    /// read that misses its wake-up keeps waiting although an entry is available. The deployed
    /// server loses a few in a thousand. Default: 0.
    pub const fn lost_wake_ups(mut self, rate: f64) -> Self {
        self.lost_wake_ups = rate;
        self
    }

    /// Sets the maximum size of a received message in bytes. The gateway disconnects a client that
    /// exceeds it, which bounds memory use. Default: 64 MiB.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Enables the control door at an address and port; port 0 selects a free one. Over HTTP and
    /// JSON, it offers to tests in any language what [`Faults`], [`Clock`], and [`Gateway`] offer
    /// to tests in Rust; see its description at `/openapi.json`. Default: disabled.
    ///
    /// The door requires no password, so the address must be a loopback address, unless
    /// [`remote_control`](Self::remote_control) allows others. Requests of web pages are refused.
    #[cfg(feature = "control")]
    #[cfg_attr(docsrs, doc(cfg(feature = "control")))]
    pub fn control(mut self, address: impl Into<String>) -> Self {
        self.control.address = Some(address.into());
        self
    }

    /// Allows the control door to be reachable from other machines. Whoever reaches it can read and
    /// replace all data, and stop the gateway.
    #[cfg(feature = "control")]
    #[cfg_attr(docsrs, doc(cfg(feature = "control")))]
    pub const fn remote_control(mut self) -> Self {
        self.control.remote = true;
        self
    }

    /// Returns the encryption of the WebSocket, HTTP, and TCP listeners, in this order.
    #[cfg(feature = "tls")]
    fn encryption(&self) -> Result<[Encryption; 3], StartError> {
        let Some(identity) = &self.tls else {
            return Ok([const { Encryption::Off }; 3]);
        };
        let config = identity.config()?;
        let protocols: [&[&[u8]]; 3] = [&[b"http/1.1"], &[b"h2", b"http/1.1"], &[]];
        Ok(protocols.map(|protocols| tls::encryption(&config, protocols)))
    }

    #[cfg(not(feature = "tls"))]
    fn encryption(&self) -> Result<[Encryption; 3], StartError> {
        Ok([const { Encryption::Off }; 3])
    }

    /// Starts the gateway on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if a listener cannot bind its address, the server behind the gateway cannot
    /// be used, or the certificate is invalid.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future releases all resources; no listener stays open.
    ///
    /// # Panics
    ///
    /// Panics if called outside a Tokio runtime with I/O and time enabled.
    pub async fn start(self) -> Result<Gateway, StartError> {
        let [for_ws, for_http, for_tcp] = self.encryption()?;
        let listeners = PerListener {
            ws: listen(self.ws.as_deref(), for_ws).await?,
            http: listen(self.http.as_deref(), for_http).await?,
            tcp: listen(self.tcp.as_deref(), for_tcp).await?,
        };
        let write_queue = (self.dialect.has(Quirk::WriteQueue))
            .then(|| Arc::new(Flushes::new(self.write_queue, self.clock.clone())));
        let backend: Box<dyn Backend> = match &self.redis {
            Some(url) => Box::new(Redis::open(url).await?),
            None => {
                let limit = (self.dialect.has(Quirk::BusyScripts)).then_some(self.script_limit);
                let pace = (self.dialect.has(Quirk::TornWrites))
                    .then(|| Pacing::new(write_queue.clone(), limit));
                let clock = self.clock.clone();
                Box::new(Memory::new(clock, pace, self.lost_wake_ups, self.dialect))
            }
        };
        let paces_writes = backend.paces_writes();
        let shared = Shared {
            backend,
            faults: Faults::new(),
            clock: self.clock,
            dialect: self.dialect,
            write_queue: write_queue.filter(|_| !paces_writes),
            password: self.password,
            origins: self.origins,
            max_message: self.max_message,
            next_id: AtomicU64::new(1),
        };
        #[cfg(feature = "control")]
        let door = self.control.bind().await?;
        let instance = Arc::new(Instance::new(shared, listeners));
        Ok(Gateway {
            #[cfg(feature = "control")]
            control: door.map(|door| Control::start(door, &instance)),
            instance,
        })
    }
}

async fn listen(
    address: Option<&str>,
    encryption: Encryption,
) -> Result<Option<Listener>, StartError> {
    match address {
        Some(address) => Port::bind(address, encryption).await.map(Some),
        None => Ok(None),
    }
}

impl fmt::Debug for Builder {
    /// Shows whether a password is set, but not its value.
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
