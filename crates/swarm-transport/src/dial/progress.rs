//! How far a dial has come, so that a dial that takes too long says what it waited for.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Endpoint, TransportError, TransportErrorKind};

/// What a dial waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Step {
    /// The addresses of the host name.
    #[default]
    Resolve,
    /// A TCP connection, or one to a Unix socket.
    Connect,
    /// The TLS handshake.
    #[cfg(feature = "tls")]
    Tls,
    /// The answer to a WebSocket upgrade.
    #[cfg(feature = "ws")]
    Upgrade,
    /// The answer to the first HTTP request.
    #[cfg(feature = "http")]
    Probe,
    /// Nothing: the connection is made.
    #[cfg(feature = "http")]
    Done,
}

/// The progress of one dial.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: Step,
    /// The addresses that were tried, or the one that accepted.
    addresses: Vec<SocketAddr>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The dial waits for something else now.
    pub(crate) fn reached(&self, step: Step) {
        self.lock().step = step;
    }

    /// The dial tries an address.
    pub(super) fn tries(&self, address: SocketAddr) {
        let mut state = self.lock();
        state.step = Step::Connect;
        state.addresses.push(address);
    }

    /// An address accepted the connection.
    pub(super) fn connected(&self, address: Option<SocketAddr>) {
        self.lock().addresses = address.into_iter().collect();
    }

    /// Whether the connection is made.
    #[cfg(feature = "http")]
    pub(crate) fn is_done(&self) -> bool {
        self.lock().step == Step::Done
    }

    /// The error of a dial that took longer than `timeout`.
    pub(crate) fn timed_out(&self, endpoint: &Endpoint, timeout: Duration) -> TransportError {
        let state = self.lock();
        let addresses: Vec<_> = state.addresses.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        #[cfg(any(feature = "tls", feature = "ws", feature = "http"))]
        let accepted = || match addresses.as_str() {
            "" => format!("{endpoint} accepted a connection"),
            address => format!("{endpoint} accepted a TCP connection at {address}"),
        };
        let what = match state.step {
            Step::Resolve => format!(
                "the host name of {endpoint} was not resolved within {timeout:?}; check the name servers"
            ),
            Step::Connect if addresses.is_empty() => format!(
                "{endpoint} did not accept a connection within {timeout:?}; check that the server runs"
            ),
            Step::Connect => format!(
                "{endpoint} did not accept a TCP connection within {timeout:?} (tried {addresses}); check host, port and \
                 firewall, and that the server runs"
            ),
            #[cfg(feature = "tls")]
            Step::Tls => format!(
                "{} but did not complete the TLS handshake within {timeout:?}; check that the port speaks TLS",
                accepted()
            ),
            #[cfg(feature = "ws")]
            Step::Upgrade => format!(
                "{} but did not answer the WebSocket upgrade within {timeout:?}; check that the port is the WebSocket \
                 gateway's, or restart a gateway that answers nobody",
                accepted()
            ),
            #[cfg(feature = "http")]
            Step::Probe | Step::Done => format!(
                "{} but did not answer PING over HTTP within {timeout:?}; check that the port is the HTTP gateway's, or \
                 restart a gateway that answers nobody",
                accepted()
            ),
        };
        TransportError::new(TransportErrorKind::Timeout, what)
    }
}
