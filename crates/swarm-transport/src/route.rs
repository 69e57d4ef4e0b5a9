//! The endpoint of a connection whose connector chooses among several.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a connector with several endpoints tells about one of its connections.
pub(crate) trait Routing: Send + Sync {
    fn name(&self) -> &Arc<str>;
    fn host_and_port(&self) -> Option<(&str, Option<u16>)>;
    /// The connector, as a number.
    fn connector(&self) -> usize;
    fn endpoint(&self) -> u64;
    fn is_current(&self) -> bool;
    fn poll_outdated(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn has_alternative(&self) -> bool;
    fn patience(&self) -> Option<Duration>;
    fn established(&self);
    fn lost(&self);
    fn unresponsive(&self);
    fn retired(&self);
}

/// The endpoint that a connection leads to, and what its owner reports about the connection.
///
/// Returned by [`Transport::route`](crate::Transport::route) for connections of a
/// [`Failover`](crate::failover::Failover). Clones belong to the same connection.
#[derive(Clone)]
pub struct Route(Arc<dyn Routing>);

impl Route {
    pub(crate) fn new(routing: Arc<dyn Routing>) -> Self {
        Self(routing)
    }

    /// Returns the name of the endpoint: its address without secrets, or the name that the program
    /// gave it.
    pub fn name(&self) -> &Arc<str> {
        self.0.name()
    }

    /// Returns host and port of the endpoint, if they are known.
    pub fn host_and_port(&self) -> Option<(&str, Option<u16>)> {
        self.0.host_and_port()
    }

    /// Returns whether another connection leads to the same endpoint.
    pub fn is_same_endpoint(&self, other: &Self) -> bool {
        self.0.endpoint() == other.0.endpoint() && self.0.connector() == other.0.connector()
    }

    /// Returns a number that identifies the endpoint among those of its connector.
    pub fn endpoint_id(&self) -> u64 {
        self.0.endpoint()
    }

    /// Returns whether new connections lead to the same endpoint. If not, let the replies in flight
    /// arrive, send nothing more over this connection, and open another.
    pub fn is_current(&self) -> bool {
        self.0.is_current()
    }

    /// Waits until the connection is [no longer current](Self::is_current). Only the latest task
    /// that polled a connection is woken.
    #[inline]
    pub fn poll_outdated(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_outdated(cx)
    }

    /// Returns whether there is another endpoint that has not failed recently.
    pub fn has_alternative(&self) -> bool {
        self.0.has_alternative()
    }

    /// Returns how long the handshake may take while there is
    /// [an alternative](Self::has_alternative).
    pub fn patience(&self) -> Option<Duration> {
        self.0.patience()
    }

    /// Reports that the handshake is complete.
    /// [`peer_identified`](crate::Transport::peer_identified) reports that, too.
    pub fn established(&self) {
        self.0.established();
    }

    /// Reports that the connection was lost, or that its handshake has failed. A transport reports
    /// its own errors.
    pub fn lost(&self) {
        self.0.lost();
    }

    /// Reports that the server does not answer any more.
    pub fn unresponsive(&self) {
        self.0.unresponsive();
    }

    /// Reports that the server no longer does what it did: a primary has become a replica. No
    /// connection that is open to it stays [current](Self::is_current), and the connector asks its
    /// discovery before it connects again.
    pub fn retired(&self) {
        self.0.retired();
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("name", self.name())
            .field("is_current", &self.is_current())
            .finish_non_exhaustive()
    }
}
