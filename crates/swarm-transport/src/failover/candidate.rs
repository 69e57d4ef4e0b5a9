//! An endpoint that a failover may connect to.

use std::fmt;
use std::sync::Arc;

use crate::{Connect, Endpoint, TransportError, TransportOptions, connector};

/// An endpoint that a [`Failover`](super::Failover) may connect to: a connector, and what is known
/// about where it leads.
///
/// Any [`Connect`] value converts to a candidate without a name.
#[derive(Clone)]
#[must_use = "a candidate does nothing until it is passed to a failover"]
pub struct Candidate {
    pub(super) connector: Arc<dyn Connect>,
    pub(super) address: Option<Address>,
    pub(super) weight: u32,
    pub(super) fallback: Option<Arc<dyn Connect>>,
}

/// How to name an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) name: Arc<str>,
    pub(super) host: Option<(Arc<str>, Option<u16>)>,
}

impl Candidate {
    /// Creates a candidate. The name identifies it in logs and errors, and among the results of a
    /// [discovery](super::Discover), so each candidate needs another one.
    pub fn new(name: impl Into<Arc<str>>, connector: impl Connect) -> Self {
        let name = name.into();
        Self {
            connector: Arc::new(connector),
            address: Some(Address { name, host: None }),
            weight: 1,
            fallback: None,
        }
    }

    /// Creates the candidate for an endpoint, with the connector of its scheme. Its name is the
    /// address without secrets.
    ///
    /// # Errors
    ///
    /// The errors of [`connector`].
    pub fn at(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        let candidate = Self::new(name_of(endpoint), connector(endpoint, options)?);
        Ok(candidate.addressed(endpoint))
    }

    /// Sets host and port, for traces.
    pub fn host(mut self, host: impl Into<Arc<str>>, port: Option<u16>) -> Self {
        if let Some(address) = &mut self.address {
            address.host = Some((host.into(), port));
        }
        self
    }

    /// Sets host and port to those of an endpoint.
    pub fn addressed(self, endpoint: &Endpoint) -> Self {
        match endpoint.socket_path() {
            Some(path) => self.host(path.display().to_string(), None),
            None => self.host(endpoint.host(), Some(endpoint.port())),
        }
    }

    /// Sets the share of clients that prefer this endpoint, if the failover is
    /// [weighted](super::FailoverOptions::weighted). Default 1. An endpoint of weight 0 is used
    /// when all others have failed.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Sets another connector to the same server, which a client may use for single commands while
    /// it cannot connect: see [`Failover::fallback`](super::Failover::fallback).
    pub fn fallback(mut self, connector: impl Connect) -> Self {
        self.fallback = Some(Arc::new(connector));
        self
    }
}

/// Returns an address without secrets, and without the path if that is empty.
fn name_of(endpoint: &Endpoint) -> String {
    let mut name = endpoint.to_string();
    if endpoint.path() == "/" && name.ends_with('/') {
        name.pop();
    }
    name
}

impl<C: Connect> From<C> for Candidate {
    fn from(connector: C) -> Self {
        Self {
            connector: Arc::new(connector),
            address: None,
            weight: 1,
            fallback: None,
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("address", &self.address)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
