//! Options of timeouts, heartbeats and reconnecting.

use std::time::Duration;

use super::ClientOptions;

/// # Timeouts
///
impl ClientOptions {
    /// Sets the maximum time that a command may take, including waiting for capacity, for a
    /// connection, for retries and for the reply. Default 10 s.
    /// [`Reply::timeout`](crate::Reply::timeout) overrides it for one command.
    ///
    /// A command that exceeds it fails with kind [`Timeout`](crate::ErrorKind::Timeout); its late
    /// reply is discarded, and the connection stays in use.
    ///
    /// On SwarmKeyDb, the client extends this timeout by the time that the server needs to write
    /// the keys of the command and of those ahead of it on the same connection: 0.1 s per key at
    /// first, then what the client measures, and 5 s per script. In a pipeline, the time of each
    /// command starts when the reply to the previous one arrives. A timeout that you set for a
    /// single command, pipeline or transaction is not extended.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets the maximum time of one attempt to connect: name resolution, socket, TLS, WebSocket
    /// upgrade, [`credentials`](Self::credentials) and the client's handshake (HELLO, AUTH).
    /// Default 10 s.
    ///
    /// When it has passed, the client abandons the attempt, and retries after the delay of
    /// [`reconnect_base_delay`](Self::reconnect_base_delay). For each connection of the HTTP
    /// fallback, it covers name resolution, socket and TLS.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long no data may arrive while a reply is overdue before the client drops the
    /// connection and reconnects. Default 15 s.
    ///
    /// A reply is overdue once the timeout of its command has passed. A slow reply alone does not
    /// count, as long as other data arrives, and neither does an idle connection.
    ///
    /// The client does not drop a connection that owes a reply to a write, because SwarmKeyDb would
    /// stop the command midway. Instead, it opens another connection. If the server answers there,
    /// the client uses that one for everything else and lets the unresponsive one drain: see
    /// [`drain_timeout`](Self::drain_timeout). If not, the client keeps the unresponsive
    /// connection, sends nothing on it, and probes the server again after the same time, until
    /// `drain_timeout` has passed. With [`reconnect(false)`](Self::reconnect), it does not probe
    /// and waits for `drain_timeout`.
    pub const fn inactivity_timeout(mut self, timeout: Duration) -> Self {
        self.inactivity_timeout = timeout;
        self
    }

    /// Sets how long the client keeps a connection open that it no longer uses while the connection
    /// owes a reply to a write. Default 10 min.
    ///
    /// SwarmKeyDb stops the commands of a connection when that connection closes, even in the
    /// middle of an MSET or EXEC. So the client lets the connection drain: it sends nothing more on
    /// it and closes it when the reply has arrived or this time has passed. This applies whatever
    /// the reason for leaving the connection: the last handle or an [`Exclusive`](crate::Exclusive)
    /// was dropped, a future was dropped, `close` or `close_within` returned, or the server was
    /// unresponsive. A background task waits for the reply. Only the end of the tokio runtime
    /// closes the connection earlier, so keep the runtime until [`close`](crate::Client::close) has
    /// returned. [`Stats::draining`](crate::Stats::draining) counts these connections.
    ///
    /// While a connection drains, later commands on the keys of its writes wait, because the server
    /// may still run those. They fail as not sent when their own timeout has passed. To wait for
    /// less, set a shorter time, at the risk of a write that stays partial.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets the interval between heartbeats, on idle and on busy connections; `None` disables them.
    /// Default 10 s.
    ///
    /// A heartbeat is a PING with a random text, which the server must echo. If the reply carries a
    /// different text, replies no longer match requests, and the client drops the connection. If no
    /// reply arrives, it does so after [`inactivity_timeout`](Self::inactivity_timeout).
    ///
    /// Heartbeats detect a server whose socket is alive while its command processor is not. The
    /// WebSocket's own pings (`ws_ping_interval`) and TCP keep-alive (`tcp_keepalive`), both
    /// options of the [`transport`](Self::transport), detect only a lost peer. A
    /// [page in a browser](crate::guide::browser) has neither, so heartbeats are all that it has.
    ///
    /// Scripts cannot shift replies unnoticed, because the client checks each one. If something
    /// else shifts them, commands on a busy connection may receive the replies of others until the
    /// next heartbeat, but not after it.
    pub fn heartbeat_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat_interval = interval.into();
        self
    }
}

/// # Reconnecting
///
impl ClientOptions {
    /// Enables or disables reconnecting after a lost connection. Default true.
    ///
    /// Without it, the client closes when its connection is lost, and there is no HTTP fallback.
    pub const fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets the maximum delay before the second attempt to reconnect; it doubles with each further
    /// attempt, up to [`reconnect_max_delay`](Self::reconnect_max_delay). The client draws each
    /// delay at random below that maximum, so that many clients do not return at once. Default 0.25
    /// s.
    ///
    /// After a connection on which the server had answered, the first attempt follows within 0.1 s.
    /// Delays grow with attempts that fail, and with connections that end before the server
    /// answers. If the server asks for a longer delay (Retry-After), the client waits that long, up
    /// to 60 s.
    pub const fn reconnect_base_delay(mut self, delay: Duration) -> Self {
        self.reconnect_base_delay = delay;
        self
    }

    /// Sets the maximum delay before an attempt to reconnect. Default 5 s. A longer
    /// [`reconnect_base_delay`](Self::reconnect_base_delay) is lowered to it.
    pub const fn reconnect_max_delay(mut self, delay: Duration) -> Self {
        self.reconnect_max_delay = delay;
        self
    }

    /// Sets the error codes after which the client reconnects, because another connection may reach
    /// another server. Default: `READONLY`, from a former primary, and `NOAUTH`, from a server that
    /// has lost the client's identity.
    ///
    /// The command itself fails with that error; it did not run. The client sends nothing more on
    /// the connection, waits for the replies in flight, and connects again. If the next server
    /// answers with the same error, the client waits for
    /// [`reconnect_max_delay`](Self::reconnect_max_delay) before it reconnects again.
    pub fn reconnect_on<'a>(mut self, codes: impl IntoIterator<Item = &'a str>) -> Self {
        self.reconnect_on = codes.into_iter().map(Box::from).collect();
        self
    }
}
