//! Tracks the progress of a dial, so that a timeout error can name the step that did not complete.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Endpoint, TransportError, TransportErrorKind};

/// The step that a dial is waiting for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// Name resolution.
    #[default]
    Resolve,
    /// The TCP or Unix socket connection.
    Connect,
    /// The TLS handshake.
    #[cfg(feature = "tls")]
    Tls,
    /// The response to the WebSocket upgrade.
    #[cfg(feature = "ws")]
    Upgrade,
    /// The response to the first HTTP request.
    #[cfg(feature = "http")]
    Probe,
    /// Nothing: the connection is established.
    #[cfg(feature = "http")]
    Done,
}

/// The progress of one dial.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: Step,
    /// The addresses tried so far, or the one that accepted.
    addresses: Vec<SocketAddr>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the step that the dial waits for.
    pub(crate) fn set_step(&self, step: Step) {
        self.lock().step = step;
    }

    /// Records an attempt to connect to an address.
    pub(super) fn trying(&self, address: SocketAddr) {
        let mut state = self.lock();
        state.step = Step::Connect;
        state.addresses.push(address);
    }

    /// Records the address that accepted the connection.
    pub(super) fn connected(&self, address: Option<SocketAddr>) {
        self.lock().addresses = address.into_iter().collect();
    }

    /// Returns whether the connection is established.
    #[cfg(feature = "http")]
    pub(crate) fn is_done(&self) -> bool {
        self.lock().step == Step::Done
    }

    /// Creates the error of a dial that exceeded its `timeout`.
    pub(crate) fn timed_out(&self, endpoint: &Endpoint, timeout: Duration) -> TransportError {
        let state = self.lock();
        let addresses: Vec<_> = state.addresses.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        #[cfg(any(feature = "tls", feature = "ws", feature = "http"))]
        let accepted = || match addresses.as_str() {
            "" => format!("{endpoint} accepted a connection"),
            address => format!("{endpoint} accepted a TCP connection at {address}"),
        };
        let message = match state.step {
            Step::Resolve => format!(
                "the host name of {endpoint} was not resolved within {timeout:?}; check the name \
                 servers"
            ),
            Step::Connect if addresses.is_empty() => format!(
                "{endpoint} did not accept a connection within {timeout:?}; is the server running?"
            ),
            Step::Connect => format!(
                "{endpoint} did not accept a TCP connection within {timeout:?} (tried \
                 {addresses}); check host, port and \
                 firewall, and whether the server is running"
            ),
            #[cfg(feature = "tls")]
            Step::Tls => format!(
                "{} but did not complete the TLS handshake within {timeout:?}; check that the \
                 port speaks TLS",
                accepted()
            ),
            #[cfg(feature = "ws")]
            Step::Upgrade => format!(
                "{} but did not answer the WebSocket upgrade within {timeout:?}; check that the \
                 port is the WebSocket \
                 gateway's; if it is, restart the gateway, which is unresponsive",
                accepted()
            ),
            #[cfg(feature = "http")]
            Step::Probe | Step::Done => format!(
                "{} but did not answer PING over HTTP within {timeout:?}; check that the port is \
                 the HTTP gateway's; \
                 if it is, restart the gateway, which is unresponsive",
                accepted()
            ),
        };
        TransportError::new(TransportErrorKind::Timeout, message)
    }
}
