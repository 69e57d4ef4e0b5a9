//! Client options.

mod connections;
mod dedicated;
mod durations;
mod failover;
mod fallback;
mod login;
mod observe;
mod policy;
#[cfg(feature = "sentinel")]
mod sentinel;
mod timeouts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Request;
use swarm_transport::TransportOptions;
use swarm_transport::failover::FailoverOptions;

pub(crate) use dedicated::DedicatedLimits;
pub(crate) use durations::Bounded;
use failover::Redacted;
pub use fallback::{FallbackScope, HttpFallback};
pub use observe::Operation;
pub(crate) use observe::{CANCELLED, Observer, error_type, plausible_code, status_code};
pub use policy::{CommandOrder, ErrorEncoding, ProtocolVersion, RetryPolicy};
#[cfg(feature = "sentinel")]
pub use sentinel::SentinelOptions;
#[cfg(feature = "sentinel")]
pub(crate) use sentinel::{Address, SentinelUrl, is_sentinel, list};

use crate::credentials::Provider;
use crate::error::{Error, Result};
use crate::server::ServerKind;

/// Translates an address that a sentinel or a node of a cluster announces.
#[cfg(any(feature = "cluster", feature = "sentinel"))]
pub(crate) type AddressMap = Arc<dyn Fn(&str, u16) -> Option<(String, u16)> + Send + Sync>;

const DEFAULT_URL: &str = "ws://127.0.0.1:8765/";

/// Options of a [`Client`](crate::Client). The defaults are those of the Python SDK.
///
/// The client checks all options before it connects; an invalid one is an error of kind
/// [`Config`](crate::ErrorKind::Config) that names the option.
///
/// Durations must be at least 1 ms, the resolution of timers. [`Duration::MAX`], and any duration
/// too long for the system's clock, means no limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::ClientOptions;
///
/// let options = ClientOptions::new("ws://localhost:8765/")
///     .password("mysecret")
///     .request_timeout(Duration::from_secs(5));
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until a client is created with them"]
pub struct ClientOptions {
    pub(crate) url: String,
    pub(crate) fallback: HttpFallback,
    pub(crate) failover: FailoverOptions,
    #[cfg(feature = "sentinel")]
    pub(crate) sentinel: SentinelOptions,
    pub(crate) password: Option<String>,
    pub(crate) provider: Option<Provider>,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect: bool,
    pub(crate) reconnect_base_delay: Duration,
    pub(crate) reconnect_max_delay: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) fail_when_full: bool,
    pub(crate) inactivity_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) heartbeat_interval: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) reconnect_on: Arc<[Box<str>]>,
    pub(crate) protocol: ProtocolVersion,
    pub(crate) error_encoding: ErrorEncoding,
    pub(crate) server: Option<ServerKind>,
    /// The limit of the server's profile if not set.
    pub(crate) max_connections: Option<usize>,
    pub(crate) min_connections: usize,
    pub(crate) ordering: CommandOrder,
    pub(crate) dedicated: DedicatedLimits,
    pub(crate) transact_attempts: Option<u32>,
    pub(crate) session: Vec<(&'static str, Request)>,
    pub(crate) observer: Option<Observer>,
    pub(crate) transport: TransportOptions,
}

impl Default for ClientOptions {
    /// Returns the options for the gateway on this machine: `ws://127.0.0.1:8765/`.
    fn default() -> Self {
        Self {
            url: DEFAULT_URL.to_owned(),
            fallback: HttpFallback::default(),
            failover: FailoverOptions::new(),
            #[cfg(feature = "sentinel")]
            sentinel: SentinelOptions::default(),
            password: None,
            provider: None,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            reconnect: true,
            reconnect_base_delay: Duration::from_millis(250),
            reconnect_max_delay: Duration::from_secs(5),
            max_in_flight: 8192,
            max_in_flight_bytes: 64 << 20,
            fail_when_full: false,
            inactivity_timeout: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(600),
            heartbeat_interval: Some(Duration::from_secs(10)),
            retry: RetryPolicy::default(),
            reconnect_on: ["READONLY", "NOAUTH"].map(Into::into).into(),
            protocol: ProtocolVersion::default(),
            error_encoding: ErrorEncoding::default(),
            server: None,
            max_connections: None,
            min_connections: 1,
            ordering: CommandOrder::default(),
            dedicated: DedicatedLimits::default(),
            transact_attempts: None,
            session: Vec::new(),
            observer: None,
            transport: TransportOptions::new()
                // `connect_timeout` covers dialing.
                .dial_timeout(Duration::MAX),
        }
    }
}

impl ClientOptions {
    /// Creates the default options for the server at `url`, or for several servers: an address with
    /// several hosts, such as `ws://a,b,c:8765/`, or several addresses, separated by commas or
    /// spaces. See [`failover`](Self::failover) for how the client uses them.
    ///
    /// See the guide for [the URLs of each transport](crate::guide::transports).
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// Creates options from the environment variables `SWARM_KEYDB_WS_URL`, `SWARM_KEYDB_HTTP_URL`
    /// and `SWARM_KEYDB_PASSWORD`, as the Python SDK does. A variable that is missing or empty
    /// leaves the default. Each URL may be a list, as in [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// Of kind [`Config`](crate::ErrorKind::Config) if a variable is not valid UTF-8.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(_) => Err(Error::config(format!(
                "the environment variable {name} is not valid UTF-8"
            ))),
        })
    }

    pub(crate) fn from_variables(
        variable: impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<Self> {
        let variable = |name| variable(name).map(|value| value.filter(|value| !value.is_empty()));
        let mut options = Self::default();
        if let Some(url) = variable("SWARM_KEYDB_WS_URL")? {
            options.url = url;
        }
        options.fallback.url = variable("SWARM_KEYDB_HTTP_URL")?;
        options.password = variable("SWARM_KEYDB_PASSWORD")?;
        Ok(options)
    }

    /// Sets the maximum number of commands in flight: from when the client accepts a command, which
    /// includes its time in the queue, until its reply arrives. At least 1; default 8192.
    ///
    /// When the limit is reached, further commands wait for capacity within their timeout, or fail
    /// immediately if [`fail_when_full`](Self::fail_when_full) is set. A command whose caller has
    /// given up counts until its reply arrives or its connection is closed.
    ///
    /// Together with [`max_in_flight_bytes`](Self::max_in_flight_bytes), this is one budget: each
    /// command counts as its size, or as `max_in_flight_bytes / max_in_flight` (8 KiB by default)
    /// if that is larger. So large commands lower the number that fits. A dedicated connection has
    /// a budget of its own, of at most 256 commands and 1 MiB.
    pub const fn max_in_flight(mut self, commands: usize) -> Self {
        self.max_in_flight = commands;
        self
    }

    /// Sets the maximum size in bytes of all commands in flight. At least
    /// [`max_in_flight`](Self::max_in_flight); default 64 MiB.
    ///
    /// When the limit is reached, further commands wait for capacity within their timeout, or fail
    /// immediately if [`fail_when_full`](Self::fail_when_full) is set. The client sends a command
    /// that exceeds the whole limit by itself, when no other is in flight.
    pub const fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.max_in_flight_bytes = bytes;
        self
    }

    /// Makes commands fail immediately when [`max_in_flight`](Self::max_in_flight) or
    /// [`max_in_flight_bytes`](Self::max_in_flight_bytes) is reached, with an error of kind
    /// [`QueueFull`](crate::ErrorKind::QueueFull), for programs that prefer to shed load. Default
    /// false: they wait for capacity, within their timeout.
    pub const fn fail_when_full(mut self, fail: bool) -> Self {
        self.fail_when_full = fail;
        self
    }

    /// Sets the commands that the client retries although they may already have run. Default:
    /// [`RetryPolicy::ReadOnly`].
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets the RESP version. Default: [`ProtocolVersion::Auto`], which negotiates it on each
    /// connection.
    pub const fn protocol(mut self, version: ProtocolVersion) -> Self {
        self.protocol = version;
        self
    }

    /// Sets how the server encodes errors. Default: [`ErrorEncoding::Auto`], which detects it on
    /// each connection.
    pub const fn error_encoding(mut self, encoding: ErrorEncoding) -> Self {
        self.error_encoding = encoding;
        self
    }

    /// Sets the kind of server. Default: detected on each connection, from the name in the reply to
    /// HELLO.
    ///
    /// The kind decides which arguments the client rejects before it sends a command: on
    /// SwarmKeyDb, names with line breaks or invalid UTF-8, empty keys, and patterns with empty or
    /// reversed classes; on Redis, none. Without a known name, a server that is reached over
    /// WebSocket or HTTP counts as a SwarmKeyDb gateway, and any other server is assumed to keep
    /// every byte.
    ///
    /// Pin [`ServerKind::Redis`] for Redis behind an HTTP gateway, where there is no HELLO. Pin
    /// [`ServerKind::SwarmKeyDb`] for a SwarmKeyDb server whose name a proxy hides. Pinning the
    /// wrong kind can corrupt replies.
    pub const fn server(mut self, kind: ServerKind) -> Self {
        self.server = Some(kind);
        self
    }

    /// Changes the options of the transport: HTTP headers such as `Origin`, size limits, WebSocket
    /// pings, TCP keep-alive, TLS.
    ///
    /// The default of `dial_timeout` differs from that of [`TransportOptions::new`]: it is
    /// unlimited, because [`connect_timeout`](Self::connect_timeout) covers dialing; if you set
    /// both, the shorter one applies.
    ///
    /// `http_concurrency` has no effect on a client, because the server runs concurrent requests in
    /// any order. Over `http://`, the client sends one command at a time on each of its connections
    /// ([`max_connections`](Self::max_connections)); over the HTTP fallback, as many at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::ClientOptions;
    ///
    /// let options = ClientOptions::new("ws://localhost:8765/").transport(|transport| {
    ///     transport
    ///         .origin("https://app.example")
    ///         .header("X-Tenant", "blue")
    /// });
    /// ```
    pub fn transport(mut self, change: impl FnOnce(TransportOptions) -> TransportOptions) -> Self {
        self.transport = change(self.transport);
        self
    }

    /// Checks the options, and replaces durations that no clock can express.
    ///
    /// # Errors
    ///
    /// If an option is invalid. Those of the transport are checked when a connector is created.
    pub(crate) fn settled(mut self) -> Result<Self> {
        for duration in self.durations() {
            duration.settle()?;
        }
        if self.max_in_flight == 0 {
            return Err(Error::config(
                "max_in_flight is 0, so no command could be sent; give at least 1",
            ));
        }
        if self.max_in_flight_bytes < self.max_in_flight {
            return Err(Error::config(
                "max_in_flight_bytes is less than max_in_flight; give each command at least 1 byte",
            ));
        }
        self.validate_connections()?;
        self.dedicated.validate()?;
        if self.password.as_deref() == Some("") {
            return Err(Error::config(
                "password is empty; omit it for a server without one",
            ));
        }
        Ok(self)
    }
}

/// Placeholder for a secret that is set.
struct Secret;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for ClientOptions {
    /// Shows every option. Of the password, the URLs' passwords and queries, the identity and the
    /// values of headers, it shows only whether they are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A new field must be listed here before this compiles.
        let Self {
            url,
            fallback,
            failover,
            #[cfg(feature = "sentinel")]
            sentinel,
            password,
            provider,
            request_timeout,
            connect_timeout,
            reconnect,
            reconnect_base_delay,
            reconnect_max_delay,
            max_in_flight,
            max_in_flight_bytes,
            fail_when_full,
            inactivity_timeout,
            drain_timeout,
            heartbeat_interval,
            retry,
            reconnect_on,
            protocol,
            error_encoding,
            server,
            max_connections,
            min_connections,
            ordering,
            dedicated:
                DedicatedLimits {
                    max,
                    max_idle,
                    idle_timeout,
                },
            transact_attempts,
            session,
            observer,
            transport,
        } = self;
        let session: Vec<_> = session.iter().map(|(option, _)| option).collect();
        let mut f = f.debug_struct("ClientOptions");
        f.field("url", &Redacted(url))
            .field("fallback", fallback)
            .field("failover", failover);
        #[cfg(feature = "sentinel")]
        f.field("sentinel", sentinel);
        f.field("password", &password.as_ref().map(|_| Secret))
            .field("credentials", &provider.as_ref().map(|_| Secret))
            .field("request_timeout", request_timeout)
            .field("connect_timeout", connect_timeout)
            .field("reconnect", reconnect)
            .field("reconnect_base_delay", reconnect_base_delay)
            .field("reconnect_max_delay", reconnect_max_delay)
            .field("max_in_flight", max_in_flight)
            .field("max_in_flight_bytes", max_in_flight_bytes)
            .field("fail_when_full", fail_when_full)
            .field("inactivity_timeout", inactivity_timeout)
            .field("drain_timeout", drain_timeout)
            .field("heartbeat_interval", heartbeat_interval)
            .field("retry", retry)
            .field("reconnect_on", reconnect_on)
            .field("protocol", protocol)
            .field("error_encoding", error_encoding)
            .field("server", server)
            .field("max_connections", max_connections)
            .field("min_connections", min_connections)
            .field("ordering", ordering)
            .field("max_dedicated_connections", max)
            .field("max_idle_dedicated_connections", max_idle)
            .field("dedicated_idle_timeout", idle_timeout)
            .field("transact_attempts", transact_attempts)
            .field("session", &session)
            .field("observe", observer)
            .field("transport", transport)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_changes_the_defaults() {
        let options = ClientOptions::from_variables(|name| {
            Ok(Some(match name {
                "SWARM_KEYDB_WS_URL" => "ws://db:8765/".to_owned(),
                "SWARM_KEYDB_PASSWORD" => String::new(),
                _ => return Ok(None),
            }))
        });
        let options = options.unwrap();
        assert_eq!(options.url, "ws://db:8765/");
        assert_eq!(options.password, None);
        assert_eq!(options.request_timeout, Duration::from_secs(10));
    }

    /// Catches a transport default that silently lowers `connect_timeout`.
    #[test]
    fn connect_timeout_alone_limits_dialing_by_default() {
        let options = ClientOptions::default().connect_timeout(Duration::from_secs(60));
        assert_eq!(options.dial_timeout(), Duration::from_secs(60));
        let shorter = options.clone().transport(|transport| {
            assert_eq!(transport.get_dial_timeout(), Duration::MAX);
            transport.dial_timeout(Duration::from_secs(3))
        });
        assert_eq!(shorter.dial_timeout(), Duration::from_secs(3));
        let longer = options.transport(|transport| transport.dial_timeout(Duration::from_secs(90)));
        assert_eq!(longer.dial_timeout(), Duration::from_secs(60));
    }

    #[test]
    fn debug_shows_no_secret() {
        for url in [
            "redis://ann:s3cret@db",
            "redis+unix:///r.sock?user=ann&pass=s3cret",
            "redis://ann:s3cret@",
            "ws://db/?token=s3cret",
        ] {
            let options = ClientOptions::new(url)
                .password("s3cret")
                .http_url("http://ann:s3cret@db")
                .client_name("s3cret")
                .auth_addr("s3cret")
                .auth_did_signed("s3cret", "s3cret", "s3cret")
                .transport(|transport| transport.bearer_token("s3cret").header("X-Key", "s3cret"));
            let shown = format!("{options:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    /// Catches options that are missing in `Debug`.
    #[test]
    fn debug_shows_every_option_that_is_not_secret() {
        let options = ClientOptions::new("redis://ann:s3cret@db:7000/3")
            .http_url("http://gateway:8080")
            .fallback_scope(FallbackScope::Stateless)
            .password("s3cret")
            .max_in_flight(77)
            .heartbeat_interval(None)
            .client_name("worker")
            .transport(|transport| transport.header("X-Tenant", "blue"));
        let shown = format!("{options:?}");
        for part in [
            "url: redis://ann:***@db:7000/3",
            "url: Some(http://gateway:8080/)",
            "scope: Stateless",
            "password: Some(***)",
            "credentials: None",
            "request_timeout: 10s",
            "max_in_flight: 77",
            "heartbeat_interval: None",
            "retry: ReadOnly",
            r#"reconnect_on: ["READONLY", "NOAUTH"]"#,
            "max_connections: None",
            "min_connections: 1",
            "ordering: PerKey",
            "max_dedicated_connections: 16",
            r#"session: ["client_name"]"#,
            r#"headers: ["X-Tenant"]"#,
        ] {
            assert!(shown.contains(part), "{part} is missing: {shown}");
        }
    }
}
