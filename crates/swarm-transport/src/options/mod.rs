//! How to dial: limits, deadlines and what to say in a handshake.

#[cfg(test)]
mod tests;
mod validate;

use std::fmt;
use std::time::Duration;

use swarm_resp::Limits;

/// How connections are made and what they may carry. The defaults suit most servers.
///
/// Values are checked when a connector is made: see [`connector`](crate::connector).
///
/// Durations are at least a millisecond, the resolution of timers, and shorter ones are an error that names the option.
/// [`Duration::MAX`], and any duration too long for the system's clock, means never.
///
/// ```
/// use std::time::Duration;
/// use swarm_transport::DialOptions;
///
/// let options = DialOptions::new()
///     .connect_timeout(Duration::from_secs(3))
///     .origin("https://app.example")
///     .bearer_token("s3cret");
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct DialOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) max_request: usize,
    pub(crate) binary_safe: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) nodelay: bool,
    pub(crate) quick_ack: QuickAck,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) heartbeat_timeout: Duration,
    pub(crate) http_concurrency: usize,
    pub(crate) http_timeout: Duration,
    pub(crate) lossy_replies: bool,
    pub(crate) read_buffer: usize,
    pub(crate) write_buffer: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::TlsOptions,
}

/// Whether the client acknowledges received bytes at once (`TCP_QUICKACK`, on Linux and Android).
///
/// SwarmKeyDb writes replies in pieces on sockets with Nagle's algorithm, so it sends the second piece only when the first
/// is acknowledged, and the client's kernel delays that by about 40 ms. Acknowledging at once costs one system call for
/// each wait behind a read.
///
/// Where the socket option is off or the system has none, a WebSocket transport sends an empty pong instead when replies
/// are owed and nothing came for a millisecond after something did. The pong carries the acknowledgment. RESP and HTTP
/// have no such message. Measured on Linux over loopback, against a server that sends each reply in a write of its own:
///
/// | 20 GETs in a pipeline over WebSocket | time |
/// |---|---|
/// | neither | 44 ms |
/// | pong | 3.0 ms |
/// | socket option | 0.6 ms |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QuickAck {
    /// On for servers that need it. Over WebSocket and HTTP from the start, until
    /// [`peer_identified`](crate::Transport::peer_identified) names another server than `swarmkeydb`; over RESP once that
    /// name is known. The default.
    #[default]
    Auto,
    /// On for every server.
    On,
    /// The socket option is off for every server. Pongs are sent to those that need them.
    Off,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            limits: Limits::default(),
            max_request: 512 << 20,
            binary_safe: false,
            headers: Vec::new(),
            nodelay: true,
            quick_ack: QuickAck::Auto,
            keepalive: Some(Duration::from_secs(15)),
            user_timeout: Some(Duration::from_secs(30)),
            heartbeat: Some(Duration::from_secs(15)),
            heartbeat_timeout: Duration::from_secs(10),
            http_concurrency: 32,
            http_timeout: Duration::from_secs(60),
            lossy_replies: false,
            read_buffer: 32 << 10,
            write_buffer: 128 << 10,
            #[cfg(feature = "tls")]
            tls: crate::tls::TlsOptions::default(),
        }
    }
}

impl DialOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a dial may take: resolving the name, connecting, and the handshakes of TLS and WebSocket together.
    /// Default 10 seconds. The error of a dial that takes longer says what it waited for.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// What the server may send: see [`Limits`].
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The largest encoded request that may be sent, in bytes. Default 512 MiB.
    #[must_use]
    pub const fn max_request(mut self, bytes: usize) -> Self {
        self.max_request = bytes;
        self
    }

    /// Declares that a WebSocket gateway keeps arguments that are not UTF-8 as they are. Default false: such arguments
    /// are refused, for SwarmKeyDb's own gateway decodes every message as UTF-8 and would store other bytes.
    ///
    /// RESP over TCP is binary-safe whatever is set here; HTTP is not.
    #[must_use]
    pub const fn binary_safe(mut self, safe: bool) -> Self {
        self.binary_safe = safe;
        self
    }

    /// Whether [`binary_safe`](Self::binary_safe) is set.
    pub const fn is_binary_safe(&self) -> bool {
        self.binary_safe
    }

    /// The `Origin` header of a WebSocket or HTTP request, for gateways with a list of allowed origins.
    #[must_use]
    pub fn origin(self, origin: impl Into<String>) -> Self {
        self.header("Origin", origin)
    }

    /// `Authorization: Bearer …` in a WebSocket or HTTP request.
    #[must_use]
    pub fn bearer_token(self, token: impl AsRef<str>) -> Self {
        self.header("Authorization", format!("Bearer {}", token.as_ref()))
    }

    /// A header of a WebSocket or HTTP request, added to those set before. A second value for `Origin` or
    /// `Authorization` replaces the first.
    #[must_use]
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

    /// Whether small packets are sent at once (`TCP_NODELAY`). Default true.
    #[must_use]
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Whether received bytes are acknowledged at once: see [`QuickAck`]. Default [`QuickAck::Auto`].
    #[must_use]
    pub const fn quick_ack(mut self, quick_ack: QuickAck) -> Self {
        self.quick_ack = quick_ack;
        self
    }

    /// How long a TCP connection may be idle before the kernel probes the peer; two probes without an answer, a third of
    /// that time apart, end the connection. `None` leaves probing off. Default 15 seconds, so that a machine that vanished
    /// is missed within 25.
    ///
    /// Sockets take between 1 and 32,767 whole seconds; a fraction of a second is dropped. [`Duration::MAX`] is the same as
    /// `None`.
    #[must_use]
    pub fn keepalive(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.keepalive = idle.into();
        self
    }

    /// How long bytes sent over TCP may stay unacknowledged before the kernel gives the connection up
    /// (`TCP_USER_TIMEOUT`, on Linux and Android). A peer that takes nothing at all for that long counts as gone too.
    /// `None` leaves it to the system, which may wait a quarter of an hour. Default 30 seconds.
    ///
    /// Sockets take between 1 millisecond and 2,147,483,647 of them, which is nearly 25 days. [`Duration::MAX`] is the same
    /// as `None`.
    #[must_use]
    pub fn user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.user_timeout = timeout.into();
        self
    }

    /// How long a WebSocket peer may be silent before it is asked, by a ping, whether it is there. `None` turns the
    /// question off. Default 15 seconds.
    ///
    /// Over TCP a question is a command, whose reply only the layer above can tell from others: there
    /// [`keepalive`](Self::keepalive) finds a machine that is gone, and the layer above a server that is mute.
    #[must_use]
    pub fn heartbeat(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = silence.into();
        self
    }

    /// How long the peer may stay silent after the question of a [`heartbeat`](Self::heartbeat); any byte from it counts
    /// as an answer. Default 10 seconds.
    #[must_use]
    pub const fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.heartbeat_timeout = timeout;
        self
    }

    /// HTTP requests that may be in flight together, in HTTP/1.1 each over a connection of its own. The server may run
    /// them in any order; 1 keeps theirs. Default 32.
    #[must_use]
    pub const fn http_concurrency(mut self, requests: usize) -> Self {
        self.http_concurrency = requests;
        self
    }

    /// How long one HTTP request may take, connecting included; then the transport ends, for what the request did is
    /// unknown. Default 60 seconds.
    #[must_use]
    pub const fn http_timeout(mut self, timeout: Duration) -> Self {
        self.http_timeout = timeout;
        self
    }

    /// Whether HTTP replies with U+FFFD in them are handed over as they are. Default false: the HTTP gateway puts that
    /// character in place of bytes that are not UTF-8, so such a reply is answered as an error of code `LOSSY`.
    #[must_use]
    pub const fn lossy_replies(mut self, allow: bool) -> Self {
        self.lossy_replies = allow;
        self
    }

    /// Bytes read from the socket at a time. Costs this much memory per connection. Default 32 KiB.
    #[must_use]
    pub const fn read_buffer(mut self, bytes: usize) -> Self {
        self.read_buffer = bytes;
        self
    }

    /// Bytes of requests that may wait for the socket; when more wait, the transport is not ready. One request may
    /// exceed it. Default 128 KiB.
    #[must_use]
    pub const fn write_buffer(mut self, bytes: usize) -> Self {
        self.write_buffer = bytes;
        self
    }

    /// Which servers to trust over TLS, and how to show who one is. Default: those that the platform trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::tls::TlsOptions) -> Self {
        self.tls = tls;
        self
    }
}

impl fmt::Debug for DialOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let mut f = f.debug_struct("DialOptions");
        #[cfg(feature = "tls")]
        f.field("tls", &self.tls);
        f.field("connect_timeout", &self.connect_timeout)
            .field("limits", &self.limits)
            .field("max_request", &self.max_request)
            .field("binary_safe", &self.binary_safe)
            .field("headers", &headers)
            .field("nodelay", &self.nodelay)
            .field("quick_ack", &self.quick_ack)
            .field("keepalive", &self.keepalive)
            .field("user_timeout", &self.user_timeout)
            .field("heartbeat", &self.heartbeat)
            .field("heartbeat_timeout", &self.heartbeat_timeout)
            .field("http_concurrency", &self.http_concurrency)
            .field("http_timeout", &self.http_timeout)
            .field("lossy_replies", &self.lossy_replies)
            .field("read_buffer", &self.read_buffer)
            .field("write_buffer", &self.write_buffer)
            .finish()
    }
}
