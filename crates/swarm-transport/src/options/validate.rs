//! Validates options; every error names the option.

use std::time::Duration;

use super::TransportOptions;
use crate::{TransportError, TransportErrorKind};

/// A duration option and its valid range. [`Duration::MAX`] is always valid.
#[derive(Debug)]
pub(super) struct DurationOption {
    pub(super) option: &'static str,
    pub(super) value: Option<Duration>,
    min: Duration,
    /// The limit of the operating system. Timers have none.
    max: Duration,
}

impl DurationOption {
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
            Some(value) if value < *min => invalid(format!(
                "{option} is {value:?}; set it to at least {min:?}{}",
                hint(option)
            )),
            Some(value) if value > *max && value != Duration::MAX => invalid(format!(
                "{option} is {value:?}, but sockets accept at most {max:?}; lower it, or set \
                 Duration::MAX for never"
            )),
            _ => Ok(()),
        }
    }
}

/// Returns how to disable an option.
fn hint(option: &str) -> &'static str {
    match option {
        "tcp_keepalive" | "tcp_user_timeout" | "ws_ping_interval" => ", or disable it with None",
        _ => "",
    }
}

impl TransportOptions {
    /// Lists every duration option. The destructuring makes a new field fail to compile until it is
    /// listed here.
    pub(super) fn durations(&self) -> [DurationOption; 6] {
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
            DurationOption::timer("dial_timeout", *dial_timeout),
            DurationOption {
                min: Duration::from_secs(1),
                // The maximum that Linux accepts.
                max: Duration::from_secs(32_767),
                ..DurationOption::timer("tcp_keepalive", *tcp_keepalive)
            },
            DurationOption {
                // A C int of milliseconds.
                max: Duration::from_millis(i32::MAX as u64),
                ..DurationOption::timer("tcp_user_timeout", *tcp_user_timeout)
            },
            DurationOption::timer("ws_ping_interval", *ws_ping_interval),
            DurationOption::timer("ws_ping_timeout", *ws_ping_timeout),
            DurationOption::timer("http_timeout", *http_timeout),
        ]
    }

    /// Validates every option.
    pub(crate) fn validate(&self) -> Result<(), TransportError> {
        for duration in self.durations() {
            duration.check()?;
        }
        if self.max_request == 0 {
            return invalid(
                "max_request is 0, so nothing can be sent; set it to the size of the largest \
                 request",
            );
        }
        for (option, bytes) in [
            ("read_buffer", self.read_buffer),
            ("write_buffer", self.write_buffer),
        ] {
            if !(1 << 10..=1 << 30).contains(&bytes) {
                return invalid(format!(
                    "{option} is {bytes} bytes; set it between 1 KiB and 1 GiB"
                ));
            }
        }
        if !(1..=1024).contains(&self.http_concurrency) {
            return invalid(format!(
                "http_concurrency is {}; set it between 1 and 1024",
                self.http_concurrency
            ));
        }
        for (name, value) in &self.headers {
            check_header(name, value)?;
        }
        Ok(())
    }
}

fn invalid<T>(message: impl Into<String>) -> Result<T, TransportError> {
    Err(TransportError::new(TransportErrorKind::Options, message))
}

/// Headers that the transport sets itself.
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

/// Rejects invalid headers: a line break in a value would inject further headers.
fn check_header(name: &str, value: &str) -> Result<(), TransportError> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return invalid("header has an invalid name; use letters, digits and dashes");
    }
    if RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return invalid(format!("header {name} is set by the handshake; remove it"));
    }
    if value
        .bytes()
        .all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
    {
        return Ok(());
    }
    if name.eq_ignore_ascii_case("authorization") {
        return invalid(
            "the password or bearer token (header Authorization) contains a line break or a \
             non-ASCII character, which \
             HTTP cannot carry; use an ASCII password, or a redis:// or ws:// address without a token",
        );
    }
    invalid(format!(
        "header {name} contains a line break or a non-ASCII character; remove or encode it"
    ))
}
