//! Options of transports: timeouts, size limits, HTTP headers, sockets.

#[cfg(test)]
mod tests;
mod validate;

use std::fmt;
use std::time::Duration;

use swarm_resp::Limits;

/// Whether the transports are those of a page.
const IN_BROWSER: bool = cfg!(all(target_family = "wasm", target_os = "unknown"));

/// Options of the transports to a server.
///
/// The defaults suit most servers. [`connector`](crate::connector) checks all options; an invalid
/// one is an error of kind [`Options`](crate::TransportErrorKind::Options) that names it.
///
/// Durations must be at least 1 ms, the resolution of timers. [`Duration::MAX`], and any duration
/// too long for the system's clock, means no limit.
///
/// **In a browser**, the page's own WebSocket and `fetch` carry everything. Options that need more
/// than a page can do are errors when a connector is created: headers over WebSocket, including
/// [`bearer_token`](Self::bearer_token); headers over HTTP that the browser sets itself, including
/// [`origin`](Self::origin); and [`ws_ping_interval`](Self::ws_ping_interval). Options of sockets
/// have no effect: [`tcp_nodelay`](Self::tcp_nodelay), [`quick_ack`](Self::quick_ack),
/// [`tcp_keepalive`](Self::tcp_keepalive), [`tcp_user_timeout`](Self::tcp_user_timeout) and
/// [`read_buffer`](Self::read_buffer).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_transport::TransportOptions;
///
/// let options = TransportOptions::new()
///     .dial_timeout(Duration::from_secs(3))
///     .origin("https://app.example")
///     .bearer_token("s3cret");
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until a connector is created with them"]
pub struct TransportOptions {
    pub(crate) dial_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) max_request: usize,
    pub(crate) binary_safe: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) tcp_nodelay: bool,
    pub(crate) quick_ack: QuickAck,
    pub(crate) tcp_keepalive: Option<Duration>,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) ws_ping_interval: Option<Duration>,
    pub(crate) ws_ping_timeout: Duration,
    pub(crate) http_concurrency: usize,
    pub(crate) http_timeout: Duration,
    pub(crate) lossy_replies: bool,
    pub(crate) read_buffer: usize,
    pub(crate) write_buffer: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsOptions,
}

/// Whether the client acknowledges received data immediately (`TCP_QUICKACK`, on Linux and
/// Android).
///
/// SwarmKeyDb writes replies in pieces to sockets with Nagle's algorithm, so it sends the second
/// piece only after the client has acknowledged the first, which the client's kernel delays by
/// about 40 ms. Acknowledging immediately costs one system call for each wait that follows a read.
///
/// If the socket option is off or the system has none, a WebSocket transport instead sends an empty
/// pong, which carries the acknowledgment, when replies are pending and nothing has arrived for a
/// millisecond. RESP and HTTP have no such message. Measured on Linux over loopback, with a server
/// that sends each reply in a separate write:
///
/// | pipeline of 20 GETs over WebSocket | time |
/// |---|---|
/// | neither | 44 ms |
/// | pong | 3.0 ms |
/// | socket option | 0.6 ms |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QuickAck {
    /// On for servers that need it (the default). Over WebSocket and HTTP, on until
    /// [`peer_identified`](crate::Transport::peer_identified) names a server other than
    /// `swarmkeydb`; over RESP, off until it names `swarmkeydb`.
    #[default]
    Auto,
    /// On for every server.
    On,
    /// The socket option is off for every server. Pongs are still sent to servers that need them.
    Off,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            dial_timeout: Duration::from_secs(10),
            limits: Limits::default(),
            max_request: 512 << 20,
            binary_safe: false,
            headers: Vec::new(),
            tcp_nodelay: true,
            quick_ack: QuickAck::Auto,
            tcp_keepalive: Some(Duration::from_secs(15)),
            tcp_user_timeout: Some(Duration::from_secs(30)),
            ws_ping_interval: (!IN_BROWSER).then_some(Duration::from_secs(15)),
            ws_ping_timeout: Duration::from_secs(10),
            http_concurrency: if IN_BROWSER { 6 } else { 32 },
            http_timeout: Duration::from_secs(60),
            lossy_replies: false,
            read_buffer: 32 << 10,
            write_buffer: 128 << 10,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsOptions::default(),
        }
    }
}

impl TransportOptions {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum time to dial: name resolution, socket, and the TLS and WebSocket handshakes
    /// together. Default 10 s.
    ///
    /// A dial that exceeds it fails with kind [`Timeout`](crate::TransportErrorKind::Timeout); the
    /// error names the step that did not complete. The handshake of the layer above (HELLO, AUTH)
    /// is not part of it.
    pub const fn dial_timeout(mut self, timeout: Duration) -> Self {
        self.dial_timeout = timeout;
        self
    }

    /// Returns the [`dial_timeout`](Self::dial_timeout).
    pub const fn get_dial_timeout(&self) -> Duration {
        self.dial_timeout
    }

    /// Sets the limits of replies: see [`Limits`]. A reply beyond them ends the connection.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the maximum size in bytes of an encoded request. At least 1; default 512 MiB. A larger
    /// request is rejected ([`TooLarge`](crate::RequestRejection::TooLarge)), and the connection
    /// stays in use.
    pub const fn max_request(mut self, bytes: usize) -> Self {
        self.max_request = bytes;
        self
    }

    /// Declares that a WebSocket gateway preserves arguments that are not valid UTF-8. Default
    /// false: such arguments are rejected ([`NotUtf8`](crate::RequestRejection::NotUtf8)), because
    /// SwarmKeyDb's own gateway decodes every message as UTF-8 and would store other bytes.
    ///
    /// This option concerns WebSocket only: RESP over TCP always preserves such arguments, and HTTP
    /// never does.
    pub const fn binary_safe(mut self, safe: bool) -> Self {
        self.binary_safe = safe;
        self
    }

    /// Returns whether [`binary_safe`](Self::binary_safe) is set.
    pub const fn is_binary_safe(&self) -> bool {
        self.binary_safe
    }

    /// Sets the `Origin` header of WebSocket and HTTP requests, for gateways with a list of allowed
    /// origins. Default: none. Not available in a browser, which sets the header itself.
    pub fn origin(self, origin: impl Into<String>) -> Self {
        self.header("Origin", origin)
    }

    /// Sets the header `Authorization: Bearer …` of WebSocket and HTTP requests. Default: none. In
    /// a browser, available over HTTP only.
    pub fn bearer_token(self, token: impl AsRef<str>) -> Self {
        self.header("Authorization", format!("Bearer {}", token.as_ref()))
    }

    /// Adds a header to WebSocket and HTTP requests. A second value of `Origin` or `Authorization`
    /// replaces the first.
    ///
    /// Values must be printable ASCII. The headers of the handshake itself, such as `Host` and
    /// `Upgrade`, are invalid here. In a browser, headers are available over HTTP only, and the
    /// gateway must allow them by `Access-Control-Allow-Headers`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        if ["origin", "authorization"]
            .iter()
            .any(|single| name.eq_ignore_ascii_case(single))
        {
            self.headers
                .retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        }
        self.headers.push((name, value.into()));
        self
    }

    /// Enables or disables `TCP_NODELAY`, which sends small packets immediately. Default true.
    pub const fn tcp_nodelay(mut self, tcp_nodelay: bool) -> Self {
        self.tcp_nodelay = tcp_nodelay;
        self
    }

    /// Sets whether received bytes are acknowledged immediately: see [`QuickAck`]. Default
    /// [`QuickAck::Auto`].
    pub const fn quick_ack(mut self, quick_ack: QuickAck) -> Self {
        self.quick_ack = quick_ack;
        self
    }

    /// Sets the idle time after which the kernel probes the peer of a TCP connection
    /// (`SO_KEEPALIVE`). `None` disables probes. Default 15 s.
    ///
    /// Two unanswered probes, a third of this time apart, end the connection; so by default, a lost
    /// machine is detected within 25 s.
    ///
    /// From 1 s to 32,767 s; fractions of a second are dropped. [`Duration::MAX`] means `None`.
    pub fn tcp_keepalive(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.tcp_keepalive = idle.into();
        self
    }

    /// Sets how long sent bytes may stay unacknowledged before the kernel ends a TCP connection
    /// (`TCP_USER_TIMEOUT`, on Linux and Android). `None` leaves it to the system, which may wait
    /// 15 minutes. Default 30 s.
    ///
    /// The same applies to a peer that acknowledges but accepts no bytes for this long.
    ///
    /// From 1 ms to 2,147,483,647 ms, almost 25 days. [`Duration::MAX`] means `None`.
    pub fn tcp_user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.tcp_user_timeout = timeout.into();
        self
    }

    /// Sets the time without data after which a WebSocket transport sends a ping. `None` disables
    /// pings. Default 15 s; in a browser, which cannot send pings, `None`.
    ///
    /// If no data arrives within [`ws_ping_timeout`](Self::ws_ping_timeout) of a ping, the
    /// transport ends.
    ///
    /// Other transports have no pings: over TCP, [`tcp_keepalive`](Self::tcp_keepalive) detects a
    /// lost machine, and only the layer above can detect an unresponsive server, by a command.
    pub fn ws_ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.ws_ping_interval = interval.into();
        self
    }

    /// Sets how long a WebSocket peer may send nothing after a ping before the transport ends; any
    /// data counts as an answer. Default 10 s.
    pub const fn ws_ping_timeout(mut self, timeout: Duration) -> Self {
        self.ws_ping_timeout = timeout;
        self
    }

    /// Sets the maximum number of concurrent HTTP requests, each on its own connection in HTTP/1.1.
    /// From 1 to 1024; default 32. In a browser, the default is 6, because a browser opens no more
    /// connections to a host with HTTP/1.1 and keeps further requests waiting.
    ///
    /// When the limit is reached, further requests wait. The server may run concurrent requests in
    /// any order; 1 keeps theirs. `swarm_keydb::Client` always uses 1 and opens several transports.
    pub const fn http_concurrency(mut self, requests: usize) -> Self {
        self.http_concurrency = requests;
        self
    }

    /// Sets the maximum time of one HTTP request, connecting included. Default 60 s. A request that
    /// exceeds it ends the transport, because its outcome is unknown.
    pub const fn http_timeout(mut self, timeout: Duration) -> Self {
        self.http_timeout = timeout;
        self
    }

    /// Sets whether HTTP replies that contain U+FFFD are returned unchanged. Default false: such a
    /// reply is an error of code `LOSSY`, because the HTTP gateway replaces bytes that are not
    /// valid UTF-8 with that character.
    pub const fn lossy_replies(mut self, allow: bool) -> Self {
        self.lossy_replies = allow;
        self
    }

    /// Sets the size in bytes of the buffer for reads from the socket, which each connection
    /// allocates. From 1 KiB to 1 GiB; default 32 KiB. The buffer grows for larger replies and
    /// shrinks afterwards.
    pub const fn read_buffer(mut self, bytes: usize) -> Self {
        self.read_buffer = bytes;
        self
    }

    /// Sets the size in bytes of requests that may wait for the socket, or, in a browser, for the
    /// WebSocket (`bufferedAmount`). From 1 KiB to 1 GiB;
    /// default 128 KiB. When the limit is reached, the transport is not ready for further requests;
    /// one request may exceed it.
    pub const fn write_buffer(mut self, bytes: usize) -> Self {
        self.write_buffer = bytes;
        self
    }

    /// Sets the trusted certificates and the client certificate of TLS connections. Default: the
    /// certificates that the platform trusts, and no client certificate.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::tls::TlsOptions) -> Self {
        self.tls = tls;
        self
    }
}

impl fmt::Debug for TransportOptions {
    /// Shows every option; of headers, only the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A field that is added must be named here before this compiles.
        let Self {
            dial_timeout,
            limits,
            max_request,
            binary_safe,
            headers,
            tcp_nodelay,
            quick_ack,
            tcp_keepalive,
            tcp_user_timeout,
            ws_ping_interval,
            ws_ping_timeout,
            http_concurrency,
            http_timeout,
            lossy_replies,
            read_buffer,
            write_buffer,
            #[cfg(feature = "tls")]
            tls,
        } = self;
        let headers: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        let mut f = f.debug_struct("TransportOptions");
        #[cfg(feature = "tls")]
        f.field("tls", tls);
        f.field("dial_timeout", dial_timeout)
            .field("limits", limits)
            .field("max_request", max_request)
            .field("binary_safe", binary_safe)
            .field("headers", &headers)
            .field("tcp_nodelay", tcp_nodelay)
            .field("quick_ack", quick_ack)
            .field("tcp_keepalive", tcp_keepalive)
            .field("tcp_user_timeout", tcp_user_timeout)
            .field("ws_ping_interval", ws_ping_interval)
            .field("ws_ping_timeout", ws_ping_timeout)
            .field("http_concurrency", http_concurrency)
            .field("http_timeout", http_timeout)
            .field("lossy_replies", lossy_replies)
            .field("read_buffer", read_buffer)
            .field("write_buffer", write_buffer)
            .finish()
    }
}
