//! What a client can be told.

mod durations;
mod leases;
mod login;
mod target;

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Request, ToArg};
use swarm_transport::DialOptions;

pub(crate) use durations::Bounded;
pub(crate) use leases::LeaseLimits;
pub(crate) use target::{Origin, Target};

use crate::credentials::Provider;
use crate::error::{Error, Result};

/// Which commands are sent again when the connection broke before their reply came, so that they may have run already.
/// At most three times in all, and within their timeout.
///
/// A single command can be told otherwise: [`Reply::retry_safe`](crate::Reply::retry_safe),
/// [`Reply::no_retry`](crate::Reply::no_retry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RetryPolicy {
    /// None.
    Never,
    /// Those that only read.
    #[default]
    ReadOnly,
    /// Those that only read, and writes that leave the same when they run twice, such as SET without conditions. What somebody
    /// else wrote in between is written over.
    Idempotent,
}

/// The version of the protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// RESP3 where the server supports it, else RESP2. Over WebSocket, SwarmKeyDb is always spoken to in RESP2, because its
    /// gateways garble RESP3, which adds nothing there. The client does not repeat a question that a server answered with
    /// garbage.
    #[default]
    Auto,
    /// RESP2. The client still sends `HELLO 2`, whose reply names the server; a server that refuses HELLO is used all the same.
    Resp2,
    /// RESP3 only: the connection fails if the server does not support it.
    Resp3,
}

/// How a server spells the errors of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorSpelling {
    /// Found out on each connection, by a harmless error.
    #[default]
    Auto,
    /// As errors, which is what the protocol says. A list that begins with `-ERR` is a list, whatever the server.
    Errors,
    /// As lists of words, which is what gateways of some SwarmKeyDb versions do.
    Words,
}

/// What goes over HTTP while the connection cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FallbackScope {
    /// GET and SET, with all options of SET.
    #[default]
    GetAndSet,
    /// Every command that HTTP can carry: all that need no session and do not block.
    Stateless,
}

const DEFAULT_URL: &str = "ws://127.0.0.1:8765/";
const DEFAULT_HTTP_URL: &str = "http://127.0.0.1:8080";

/// Options of a [`Client`](crate::Client), with the defaults of the Python SDK.
///
/// Durations are at least a millisecond, the resolution of timers, and shorter ones are an error that names the option.
/// [`Duration::MAX`], and any duration too long for the system's clock, means never.
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::Options;
///
/// let options = Options::new("ws://localhost:8765/")
///     .password("mysecret")
///     .request_timeout(Duration::from_secs(5));
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until a client is made of them"]
pub struct Options {
    pub(crate) url: String,
    pub(crate) http_url: Option<String>,
    pub(crate) http_fallback: bool,
    pub(crate) fallback: FallbackScope,
    pub(crate) password: Option<String>,
    pub(crate) provider: Option<Provider>,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect: bool,
    pub(crate) reconnect_base_delay: Duration,
    pub(crate) reconnect_max_delay: Duration,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) wait_for_room: bool,
    pub(crate) silence: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) reconnect_on: Arc<[Box<str>]>,
    pub(crate) protocol: Protocol,
    pub(crate) error_spelling: ErrorSpelling,
    pub(crate) leases: LeaseLimits,
    pub(crate) transact_attempts: Option<u32>,
    pub(crate) session: Vec<(&'static str, Request)>,
    pub(crate) dial: DialOptions,
}

impl Default for Options {
    /// The gateway on this machine: `ws://127.0.0.1:8765/`.
    fn default() -> Self {
        Self {
            url: DEFAULT_URL.to_owned(),
            http_url: None,
            http_fallback: true,
            fallback: FallbackScope::default(),
            password: None,
            provider: None,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            reconnect: true,
            reconnect_base_delay: Duration::from_millis(250),
            reconnect_max_delay: Duration::from_secs(5),
            queue: 8192,
            queue_bytes: 64 << 20,
            wait_for_room: true,
            silence: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(600),
            heartbeat: Some(Duration::from_secs(10)),
            retry: RetryPolicy::default(),
            reconnect_on: ["READONLY", "NOAUTH"].map(Into::into).into(),
            protocol: Protocol::default(),
            error_spelling: ErrorSpelling::default(),
            leases: LeaseLimits::default(),
            transact_attempts: None,
            session: Vec::new(),
            // The server runs requests that are in flight together in any order; one at a time, they keep theirs.
            dial: DialOptions::new().http_concurrency(1),
        }
    }
}

impl Options {
    /// The defaults, for the gateway at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// The defaults, changed by the environment: `SWARM_KEYDB_WS_URL`, `SWARM_KEYDB_HTTP_URL` and `SWARM_KEYDB_PASSWORD`, where they are
    /// set.
    ///
    /// **Errors:** when a variable is not UTF-8.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(_) => Err(Error::config(format!(
                "the environment variable {name} is not UTF-8"
            ))),
        })
    }

    fn from_variables(variable: impl Fn(&str) -> Result<Option<String>>) -> Result<Self> {
        let variable = |name| variable(name).map(|value| value.filter(|value| !value.is_empty()));
        let mut options = Self::default();
        if let Some(url) = variable("SWARM_KEYDB_WS_URL")? {
            options.url = url;
        }
        options.http_url = variable("SWARM_KEYDB_HTTP_URL")?;
        options.password = variable("SWARM_KEYDB_PASSWORD")?;
        Ok(options)
    }

    /// The password, sent on every new connection before anything else. Replaces the password in the URL; the URL's user
    /// stays. Default: none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The HTTP gateway that stands in while the connection cannot be made: GET and SET go there, in order, and only when they
    /// were not sent before. Default: `http://127.0.0.1:8080` beside the default `ws://127.0.0.1:8765/`, and none beside any
    /// other URL.
    pub fn http_url(mut self, url: impl Into<String>) -> Self {
        self.http_url = Some(url.into());
        self
    }

    /// Whether the HTTP gateway stands in at all. Default true.
    pub const fn http_fallback(mut self, fallback: bool) -> Self {
        self.http_fallback = fallback;
        self
    }

    /// What may go over HTTP. Default: GET and SET.
    pub const fn fallback_scope(mut self, scope: FallbackScope) -> Self {
        self.fallback = scope;
        self
    }

    /// Maximum time a command may take, including waiting for capacity in the queue, for a connection, and for the reply.
    /// Default 10 s.
    ///
    /// On SwarmKeyDb this grows by the time that the server needs to write the keys of the command and of those ahead of it on the
    /// same connection, while there is one: 0.1 s for each key at first, then what the client measures, and 5 s for each script. In a pipeline, each
    /// command's time begins when the reply to the previous one has come. A timeout that is set for a single command, pipeline or
    /// transaction does not grow.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long one attempt to connect may take, the handshake included. Default 10 s.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Whether a connection that was lost is made again. Without it there is no HTTP fallback either, and the client closes with
    /// its connection. Default true.
    pub const fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Maximum wait before the second attempt to reconnect; it doubles with each further attempt. The actual wait is
    /// drawn at random below it, so that many clients do not return at once. Default 0.25 s.
    ///
    /// A connection that had answered something is dialed again within a tenth of a second. The waits grow with attempts that
    /// fail, and with connections that end before they answered anything.
    pub const fn reconnect_base_delay(mut self, delay: Duration) -> Self {
        self.reconnect_base_delay = delay;
        self
    }

    /// Maximum wait before an attempt to reconnect. A longer [`reconnect_base_delay`](Self::reconnect_base_delay) is lowered to
    /// it. Default 5 s.
    pub const fn reconnect_max_delay(mut self, delay: Duration) -> Self {
        self.reconnect_max_delay = delay;
        self
    }

    /// How many commands may be under way at one time; further ones wait for room within their timeout. Default 8192.
    pub const fn queue(mut self, commands: usize) -> Self {
        self.queue = commands;
        self
    }

    /// How many bytes of commands may be under way at one time; further ones wait for room within their timeout. A single
    /// larger command goes alone. Default 64 MiB.
    pub const fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Whether commands wait for room in the queue, within their timeout. Otherwise they fail at once with an error of kind
    /// [`QueueFull`](crate::ErrorKind::QueueFull), for callers that would rather shed load. Default true.
    pub const fn wait_for_room(mut self, wait: bool) -> Self {
        self.wait_for_room = wait;
        self
    }

    /// How long the server may stay silent while a reply is overdue before the client drops the connection and reconnects.
    /// Default 15 s.
    ///
    /// A connection that owes a reply to a command that writes is not dropped, since SwarmKeyDb would stop the command midway.
    /// Instead, the client opens another connection. If the server answers on that one, the client uses it for everything else and
    /// sets the silent one aside: see [`drain_timeout`](Self::drain_timeout). If not, the client keeps the silent one, sends
    /// nothing on it, and asks again after the same time, until `drain_timeout` has passed. So does a connection that is not
    /// reconnected, which nobody asks about.
    pub const fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// How long the client keeps a connection open that it no longer uses, but that still owes a reply to a command that writes.
    /// Default 10 min.
    ///
    /// SwarmKeyDb stops what a connection runs when that connection closes, even in the middle of an MSET or EXEC. So the client
    /// keeps such a connection until the reply has come, whatever the reason for leaving it: the last handle or an
    /// [`Exclusive`](crate::Exclusive) was dropped, a future was dropped, `close` or `close_within` returned, or the server was silent. A task in
    /// the background waits for the reply. Only the end of the tokio runtime closes the connection earlier: let the runtime live
    /// until [`close`](crate::Client::close) has returned. [`Stats::set_aside`](crate::Stats::set_aside) counts these connections.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Interval between heartbeats, on idle and on busy connections; `None` sends none. Default 10 s.
    ///
    /// A heartbeat is a PING with a random text, which the reply must repeat. If it repeats another, replies no longer match
    /// requests, and the client drops the connection. If no reply comes, it does so after [`silence`](Self::silence).
    ///
    /// Scripts cannot shift replies unnoticed, because the client checks each one. If something else shifts them, commands on a busy
    /// connection may receive the replies of others until the next heartbeat, and none do after it.
    ///
    /// The WebSocket transport also sends pings of its own, and TCP has its keep-alive: see [`dial`](Self::dial). Only this
    /// heartbeat detects a server whose socket is alive and whose command processor is not.
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = interval.into();
        self
    }

    /// Which commands are sent again when they may have run already. Default: those that only read.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The version of the protocol. Default: found out on each connection.
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How the server spells errors. Default: found out on each connection.
    pub const fn error_spelling(mut self, spelling: ErrorSpelling) -> Self {
        self.error_spelling = spelling;
        self
    }

    /// The name of every connection in the server's list of clients (`CLIENT SETNAME`).
    pub fn client_name(mut self, name: impl ToArg) -> Self {
        self.session
            .push(("client_name", Request::new("CLIENT SETNAME", name.to_arg())));
        self
    }

    /// The Ethereum address that every connection acts as (`AUTHADDR`, SwarmKeyDb alone).
    pub fn auth_addr(mut self, address: impl ToArg) -> Self {
        self.session
            .push(("auth_addr", Request::new("AUTHADDR", address.to_arg())));
        self
    }

    /// The decentralized identifier that every connection acts as (`AUTHDID`, SwarmKeyDb alone).
    pub fn auth_did(mut self, did: impl ToArg) -> Self {
        self.session
            .push(("auth_did", Request::new("AUTHDID", did.to_arg())));
        self
    }

    /// As [`auth_did`](Self::auth_did), proven by a signed message.
    pub fn auth_did_signed(
        mut self,
        did: impl ToArg,
        message: impl ToArg,
        signature: impl ToArg,
    ) -> Self {
        let proof = (did.to_arg(), message.to_arg(), signature.to_arg());
        self.session
            .push(("auth_did", Request::new("AUTHDID", proof)));
        self
    }

    /// Declares that the gateway passes bytes that are not UTF-8 unchanged. SwarmKeyDb's own WebSocket gateway does not:
    /// it would store them changed, so such arguments are refused unless this is set. Default false.
    ///
    /// This is about the gateway only: keys and other names that are not UTF-8 are refused on [every transport to
    /// SwarmKeyDb](crate::guide::transports#arguments-that-are-not-utf-8), values are not.
    pub fn binary_safe(self, binary_safe: bool) -> Self {
        self.dial(|dial| dial.binary_safe(binary_safe))
    }

    /// Changes how the wire is dialed: headers such as `Origin`, limits, heartbeats, TLS. See [`DialOptions`]. Its
    /// `connect_timeout` is the one given here.
    ///
    /// Over `http://` as the client's own wire, commands go one at a time, so that they keep their order. `http_concurrency`
    /// lets more go at once; the server then runs those in any order. The stand-in always goes one at a time.
    ///
    /// ```
    /// use swarm_keydb::Options;
    ///
    /// let options = Options::new("ws://localhost:8765/")
    ///     .dial(|dial| dial.origin("https://app.example").header("X-Tenant", "blue"));
    /// ```
    pub fn dial(mut self, change: impl FnOnce(DialOptions) -> DialOptions) -> Self {
        self.dial = change(self.dial);
        self
    }

    /// The options as a client uses them.
    ///
    /// # Errors
    ///
    /// When an option makes no sense.
    pub(crate) fn settled(mut self) -> Result<Self> {
        for duration in self.durations() {
            duration.settle()?;
        }
        if self.queue == 0 {
            return Err(Error::config(
                "queue is 0, so no command could be sent; give at least 1",
            ));
        }
        if self.queue_bytes < self.queue {
            return Err(Error::config(
                "queue_bytes is below queue; give each command at least one byte",
            ));
        }
        self.leases.validate()?;
        if self.password.as_deref() == Some("") {
            return Err(Error::config(
                "password is empty; leave it out for a server without one",
            ));
        }
        Ok(self)
    }
}

impl std::fmt::Debug for Options {
    /// Shows neither the password nor the URL, which may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("password", &self.password.as_ref().map(|_| ".."))
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}

impl From<&str> for Options {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Options {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_changes_the_defaults() {
        let options = Options::from_variables(|name| {
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

    #[test]
    fn debug_shows_no_secret() {
        let options = Options::new("redis://ann:s3cret@db").password("s3cret");
        assert!(!format!("{options:?}").contains("s3cret"));
    }
}
