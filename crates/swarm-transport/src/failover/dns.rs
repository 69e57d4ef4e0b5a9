//! Discovery by DNS: all addresses of a name.

use std::collections::BTreeSet;

use tokio::net::lookup_host;

use super::{Candidate, Discover};
use crate::{BoxFuture, Endpoint, TransportError, TransportErrorKind, TransportOptions, connector};

/// Finds the servers behind one host name: each of its addresses (A and AAAA records) is an
/// endpoint of its own, such as the pods behind a headless service.
///
/// The name is resolved before each attempt to connect. TLS and HTTP see the name, not the address.
/// A name with a single service behind it needs no discovery: each dial tries all addresses of its
/// name, the next one beside the last if that takes longer than 250 ms.
///
/// Addresses are ordered by number, so that all clients prefer the same; make the failover
/// [weighted](super::FailoverOptions::weighted) to spread clients over them.
///
/// # Examples
///
/// ```
/// use swarm_transport::failover::{Dns, Failover, FailoverOptions};
/// use swarm_transport::{Endpoint, TransportOptions};
///
/// let gateways = Endpoint::parse("ws://gateways.example:8765")?;
/// let failover = Failover::discovered(Dns::new(&gateways, &TransportOptions::new()))
///     .with_options(FailoverOptions::new().weighted());
/// # let _ = failover;
/// # Ok::<(), swarm_transport::TransportError>(())
/// ```
#[derive(Debug)]
pub struct Dns {
    endpoint: Endpoint,
    options: TransportOptions,
}

impl Dns {
    /// Creates a discovery of the addresses behind an endpoint's host name.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Self {
        Self {
            endpoint: endpoint.clone(),
            options: options.clone(),
        }
    }

    async fn resolve(&self) -> Result<Vec<Candidate>, TransportError> {
        let host = (self.endpoint.host(), self.endpoint.port());
        let addresses: BTreeSet<_> = lookup_host(host)
            .await
            .map_err(|error| {
                let host = self.endpoint.host();
                let message = format!("the host name {host} cannot be resolved; check the name");
                TransportError::new(TransportErrorKind::Resolve, message).with_source(error)
            })?
            .collect();
        let candidate = |address: std::net::SocketAddr| {
            let endpoint = self.endpoint.clone().at_address(address);
            let connector = connector(&endpoint, &self.options)?;
            let name = format!("{} at {address}", self.endpoint);
            let ip = address.ip().to_string();
            Ok(Candidate::new(name, connector).host(ip, Some(address.port())))
        };
        addresses.into_iter().map(candidate).collect()
    }
}

impl Discover for Dns {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        Box::pin(self.resolve())
    }
}
