//! Discovery: where a failover learns its endpoints.

use std::future::pending;

use super::Candidate;
use crate::{BoxFuture, TransportError};

/// Finds the endpoints of a [`Failover`](super::Failover), for deployments whose servers change.
///
/// # Examples
///
/// Endpoints from a registry of one's own:
///
/// ```
/// use swarm_transport::failover::{Candidate, Discover, Failover};
/// use swarm_transport::{BoxFuture, Endpoint, TransportError, TransportOptions};
///
/// struct Registry;
///
/// impl Discover for Registry {
///     fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
///         Box::pin(async {
///             // Ask the registry here.
///             let addresses = ["ws://10.0.0.7:8765", "ws://10.0.0.8:8765"];
///             let candidate = |address: &str| {
///                 Candidate::at(&Endpoint::parse(address)?, &TransportOptions::new())
///             };
///             addresses.into_iter().map(candidate).collect()
///         })
///     }
/// }
///
/// let failover = Failover::discovered(Registry);
/// ```
pub trait Discover: Send + Sync + 'static {
    /// Returns the endpoints, most preferred first. Called before each attempt to connect, and
    /// after [`changed`](Self::changed).
    ///
    /// Endpoints are recognized by their names; those without a name, by their positions. If the
    /// client uses an endpoint that is no longer among the results, it moves to another one.
    ///
    /// # Errors
    ///
    /// If the endpoints cannot be found. Those that are known remain in use: see
    /// [`keeps_known`](Self::keeps_known).
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>>;

    /// Returns whether a new connection may lead to a known endpoint if
    /// [`endpoints`](Self::endpoints) fails or takes long. Default true.
    ///
    /// If not, that happens only while other connections to the endpoint in use are open.
    fn keeps_known(&self) -> bool {
        true
    }

    /// Waits until the endpoints may have changed. The default implementation waits for ever, so
    /// the endpoints are found only before attempts to connect.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }
}

/// Endpoints that do not change.
pub(super) struct Fixed(pub(super) Vec<Candidate>);

impl Discover for Fixed {
    fn endpoints(&self) -> BoxFuture<'_, Result<Vec<Candidate>, TransportError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
