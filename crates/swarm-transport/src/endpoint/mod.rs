//! Endpoints: server addresses, whose scheme selects the transport.

mod list;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Printable, TransportError, TransportErrorKind};

/// The scheme of an endpoint, which selects the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `ws://`: WebSocket.
    Ws,
    /// `wss://`: WebSocket over TLS.
    Wss,
    /// `http://`: HTTP.
    Http,
    /// `https://`: HTTP over TLS.
    Https,
    /// `redis://`: RESP over TCP.
    Redis,
    /// `rediss://`: RESP over TLS.
    Rediss,
    /// `redis+unix://`: RESP over a Unix socket.
    RedisUnix,
}

impl Scheme {
    pub(crate) const ALL: [Self; 7] = [
        Self::Ws,
        Self::Wss,
        Self::Http,
        Self::Https,
        Self::Redis,
        Self::Rediss,
        Self::RedisUnix,
    ];

    /// Returns the scheme without `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Http => "http",
            Self::Https => "https",
            Self::Redis => "redis",
            Self::Rediss => "rediss",
            Self::RedisUnix => "redis+unix",
        }
    }

    /// Returns whether the transport uses TLS.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Wss | Self::Https | Self::Rediss)
    }

    /// Returns the scheme of the same transport without TLS instead of with it, or with TLS instead
    /// of without.
    #[cfg(all(
        any(feature = "tls", feature = "ws", feature = "http"),
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub(crate) const fn with_other_encryption(self) -> Self {
        match self {
            Self::Ws => Self::Wss,
            Self::Wss => Self::Ws,
            Self::Http => Self::Https,
            Self::Https => Self::Http,
            Self::Redis => Self::Rediss,
            Self::Rediss => Self::Redis,
            Self::RedisUnix => Self::RedisUnix,
        }
    }

    /// Returns whether the transport is WebSocket.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Returns whether the transport is HTTP.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Returns how many connections to one server the platform opens at a time, or `None` if it has
    /// no limit.
    ///
    /// Browsers open 6 connections to a host with HTTP/1.1, and keep further requests waiting.
    pub const fn max_connections(self) -> Option<usize> {
        if self.is_http() && cfg!(all(target_family = "wasm", target_os = "unknown")) {
            Some(6)
        } else {
            None
        }
    }

    /// Returns the error for a scheme whose transport is not compiled in.
    pub(crate) fn not_compiled_in(self) -> TransportError {
        let transport = match self {
            Self::Ws | Self::Wss => "ws",
            Self::Http | Self::Https => "http",
            Self::Redis | Self::Rediss | Self::RedisUnix => "tcp",
        };
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            let message = if self.is_redis() {
                format!("{self}:// is not available in a browser; use ws:// or wss://")
            } else {
                format!("{self}:// is not compiled in; enable the feature `web`")
            };
            return TransportError::new(TransportErrorKind::Endpoint, message);
        }
        let features = if self.is_tls() {
            format!("the features `{transport}` and `tls`")
        } else {
            format!("the feature `{transport}`")
        };
        TransportError::new(
            TransportErrorKind::Endpoint,
            format!("{self}:// is not compiled in; enable {features}"),
        )
    }

    /// Returns whether the transport is RESP over TCP, TLS or a Unix socket.
    pub const fn is_redis(self) -> bool {
        matches!(self, Self::Redis | Self::Rediss | Self::RedisUnix)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address of a server. The scheme selects the transport.
///
/// | address | transport | default port |
/// |---|---|---|
/// | `ws://host[:port][/path][?query]`, `wss://…` | WebSocket | 80, 443 |
/// | `http://host[:port][/base]`, `https://…` | HTTP | 80, 443 |
/// | `redis://[[user]:password@]host[:port][/database]`, `rediss://…` | RESP over TCP | 6379 |
/// | `redis+unix:///path/to/socket[?db=n&user=u&pass=p]`, also `unix://` | RESP over a Unix socket | |
///
/// Users, passwords and socket paths are percent-decoded; `+` is a literal plus. A user without a
/// password is accepted here, but the client rejects it unless its options set a password.
///
/// Any other address is rejected with an error that names the faulty part. `Debug` and `Display`
/// show neither the password nor the query, which may contain a token.
///
/// # Examples
///
/// ```
/// use swarm_transport::Endpoint;
///
/// let endpoint: Endpoint = "redis://app:s3cret@cache.example:6380/2".parse()?;
/// assert_eq!((endpoint.host(), endpoint.port()), ("cache.example", 6380));
/// assert_eq!(endpoint.password(), Some("s3cret"));
/// assert_eq!(endpoint.to_string(), "redis://app:***@cache.example:6380/2");
///
/// let error = Endpoint::parse("redis://cache.example/two").unwrap_err();
/// assert!(error.to_string().contains("database"));
/// # Ok::<(), swarm_transport::TransportError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    /// Without the brackets of an IPv6 address. Empty for a Unix socket.
    host: String,
    /// 0 for a Unix socket.
    port: u16,
    /// For WebSocket and HTTP, the path, which begins with `/`. For a Unix socket, the path of the
    /// socket. Otherwise empty.
    path: String,
    query: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<u32>,
    /// The address to connect to instead of those of the host.
    resolved: Option<SocketAddr>,
}

impl Endpoint {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`Endpoint`](crate::TransportErrorKind::Endpoint) if a part of the
    /// address is missing, malformed or not applicable to its scheme. The message names the part
    /// and the remedy.
    pub fn parse(address: &str) -> Result<Self, TransportError> {
        parse::endpoint(address)
    }

    /// Parses a list of addresses, and addresses with several hosts, such as `ws://a,b:8765/path`:
    /// the other parts belong to each host. Addresses are separated by commas or whitespace.
    ///
    /// # Errors
    ///
    /// The errors of [`parse`](Self::parse).
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_transport::Endpoint;
    ///
    /// let endpoints = Endpoint::parse_list("ws://a,b:8765/, redis://c")?;
    /// let shown: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    /// assert_eq!(shown, ["ws://a:80/", "ws://b:8765/", "redis://c:6379"]);
    /// # Ok::<(), swarm_transport::TransportError>(())
    /// ```
    pub fn parse_list(list: &str) -> Result<Vec<Self>, TransportError> {
        list::endpoints(list)
    }

    /// Sets the address to connect to, instead of those that the host name resolves to. TLS and
    /// HTTP still see the name. Has no effect on a Unix socket.
    pub const fn at_address(mut self, address: SocketAddr) -> Self {
        self.resolved = Some(address);
        self
    }

    #[cfg(all(
        feature = "net",
        not(all(target_family = "wasm", target_os = "unknown"))
    ))]
    pub(crate) const fn resolved(&self) -> Option<SocketAddr> {
        self.resolved
    }

    /// Returns the scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host name or IP address; IPv6 without brackets. Empty for a Unix socket.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port; 0 for a Unix socket.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path of a WebSocket or HTTP endpoint (default `/`); empty for other schemes.
    pub fn path(&self) -> &str {
        if self.scheme == Scheme::RedisUnix {
            ""
        } else {
            &self.path
        }
    }

    /// Returns the path of the Unix socket, or `None` for other schemes.
    pub fn socket_path(&self) -> Option<&Path> {
        (self.scheme == Scheme::RedisUnix).then(|| Path::new(&self.path))
    }

    /// Returns the user in a `redis` address.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the password in a `redis` address.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the database in a `redis` address.
    pub const fn database(&self) -> Option<u32> {
        self.database
    }

    /// Creates the endpoint of a Unix socket.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`Endpoint`](crate::TransportErrorKind::Endpoint) if the path is
    /// not absolute, not UTF-8, or contains control characters.
    pub fn unix(path: impl Into<PathBuf>) -> Result<Self, TransportError> {
        parse::unix(path.into())
    }

    /// Returns host and port as in an HTTP `Host` header: IPv6 in brackets, without the default
    /// port.
    #[cfg(any(feature = "ws", feature = "http", test))]
    pub(crate) fn authority(&self) -> String {
        let default = if self.scheme.is_tls() { 443 } else { 80 };
        let host = Bracketed(&self.host);
        if self.port == default {
            host.to_string()
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Returns path and query as in an HTTP request line.
    #[cfg(any(feature = "ws", test))]
    pub(crate) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Displays a host, with brackets around an IPv6 address.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if self.scheme == Scheme::RedisUnix {
            return f.write_str(&self.path);
        }
        if self.user.is_some() || self.password.is_some() {
            write!(f, "{}", Printable(self.user().unwrap_or_default()))?;
            if self.password.is_some() {
                f.write_str(":***")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}:{}{}", Bracketed(&self.host), self.port, self.path)?;
        if let Some(database) = self.database {
            write!(f, "/{database}")?;
        }
        if self.query.is_some() {
            f.write_str("?***")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl FromStr for Endpoint {
    type Err = TransportError;

    fn from_str(address: &str) -> Result<Self, TransportError> {
        Self::parse(address)
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = TransportError;

    fn try_from(address: &str) -> Result<Self, TransportError> {
        Self::parse(address)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = TransportError;

    fn try_from(address: String) -> Result<Self, TransportError> {
        Self::parse(&address)
    }
}
