//! Checks options, each by name, before anything is dialed.

use std::time::Duration;

use super::TransportOptions;
use crate::{TransportError, TransportErrorKind};

/// A duration among the options, and the range that it must be in unless it is [`Duration::MAX`].
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) option: &'static str,
    pub(super) value: Option<Duration>,
    min: Duration,
    /// Where the operating system sets a bound. Timers have none.
    max: Duration,
}

impl Bounded {
    fn timer(option: &'static str, value: impl Into<Option<Duration>>) -> Self {
        Self {
            option,
            value: value.into(),
            min: Duration::from_millis(1),
            max: Duration::MAX,
        }
    }

    fn check(&self) -> Result<(), TransportError> {
        let Self {
            option, min, max, ..
        } = self;
        match self.value {
            Some(value) if value < *min => refuse(format!(
                "{option} is {value:?}; give it at least {min:?}{}",
                hint(option)
            )),
            Some(value) if value > *max && value != Duration::MAX => refuse(format!(
                "{option} is {value:?}, and sockets take at most {max:?}; lower it, or give it Duration::MAX for never"
            )),
            _ => Ok(()),
        }
    }
}

/// How to turn an option off.
fn hint(option: &str) -> &'static str {
    match option {
        "tcp_keepalive" | "tcp_user_timeout" | "ws_ping_interval" => ", or turn it off with None",
        _ => "",
    }
}

impl TransportOptions {
    /// Every duration among the options. A field that is added must be named here before this compiles.
    pub(super) fn durations(&self) -> [Bounded; 6] {
        let Self {
            dial_timeout,
            limits: _,
            max_request: _,
            binary_safe: _,
            headers: _,
            tcp_nodelay: _,
            quick_ack: _,
            tcp_keepalive,
            tcp_user_timeout,
            ws_ping_interval,
            ws_ping_timeout,
            http_concurrency: _,
            http_timeout,
            lossy_replies: _,
            read_buffer: _,
            write_buffer: _,
            #[cfg(feature = "tls")]
                tls: _,
        } = self;
        [
            Bounded::timer("dial_timeout", *dial_timeout),
            Bounded {
                min: Duration::from_secs(1),
                // What Linux takes.
                max: Duration::from_secs(32_767),
                ..Bounded::timer("tcp_keepalive", *tcp_keepalive)
            },
            Bounded {
                // Milliseconds that fit a C int.
                max: Duration::from_millis(i32::MAX as u64),
                ..Bounded::timer("tcp_user_timeout", *tcp_user_timeout)
            },
            Bounded::timer("ws_ping_interval", *ws_ping_interval),
            Bounded::timer("ws_ping_timeout", *ws_ping_timeout),
            Bounded::timer("http_timeout", *http_timeout),
        ]
    }

    /// Checks every option.
    pub(crate) fn validate(&self) -> Result<(), TransportError> {
        for duration in self.durations() {
            duration.check()?;
        }
        if self.max_request == 0 {
            return refuse(
                "max_request is 0, so that nothing can be sent; give it the size of the largest request",
            );
        }
        for (option, bytes) in [
            ("read_buffer", self.read_buffer),
            ("write_buffer", self.write_buffer),
        ] {
            if !(1 << 10..=1 << 30).contains(&bytes) {
                return refuse(format!(
                    "{option} is {bytes} bytes; give it between 1 KiB and 1 GiB"
                ));
            }
        }
        if !(1..=1024).contains(&self.http_concurrency) {
            return refuse(format!(
                "http_concurrency is {}; give it between 1 and 1024",
                self.http_concurrency
            ));
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
        Ok(())
    }
}

fn refuse<T>(what: impl Into<String>) -> Result<T, TransportError> {
    Err(TransportError::new(TransportErrorKind::Options, what))
}

/// Headers that the handshake itself writes.
const RESERVED: [&str; 8] = [
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
];

/// A line break in a header would let its value write headers of its own.
fn check_header(name: &str, value: &str) -> Result<(), TransportError> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return refuse(
            "header has a name that HTTP does not allow; use letters, digits and dashes",
        );
    }
    if RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return refuse(format!(
            "header {name} is written by the handshake itself; remove it"
        ));
    }
    if value
        .bytes()
        .all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
    {
        return Ok(());
    }
    if name.eq_ignore_ascii_case("authorization") {
        return refuse(
            "the password or bearer token (header Authorization) holds a line break or a character outside ASCII, which \
             HTTP cannot carry; use an ASCII password, or a redis:// or ws:// address without a token",
        );
    }
    refuse(format!(
        "header {name} has a value with a line break or a character outside ASCII; remove or encode it"
    ))
}
