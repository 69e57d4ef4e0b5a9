//! Address of a sentinel or a server: host and port.

use std::fmt;
use std::sync::Arc;

use swarm_transport::{Endpoint, TransportError, TransportOptions, connector};

/// Host and port, the host without the brackets of an IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Address {
    /// Returns the endpoint at this address, without credentials.
    ///
    /// # Errors
    ///
    /// If the host is none.
    pub(crate) fn endpoint(&self, is_tls: bool) -> Result<Endpoint, TransportError> {
        let scheme = if is_tls { "rediss" } else { "redis" };
        Endpoint::parse(&format!("{scheme}://{self}"))
    }

    /// Checks whether connections with these options are possible.
    ///
    /// # Errors
    ///
    /// If an option is invalid, or TLS is not compiled in.
    pub(crate) fn check(
        &self,
        is_tls: bool,
        options: &TransportOptions,
    ) -> Result<(), TransportError> {
        connector(&self.endpoint(is_tls)?, options).map(|_connector| ())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Returns addresses as a list.
pub(crate) fn list(addresses: &[Address]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}
