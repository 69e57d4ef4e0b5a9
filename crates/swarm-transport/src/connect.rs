//! The `Connect` trait: opens connections.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{BoxTransport, TransportError};

/// A boxed `Send` future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens connections.
///
/// A client calls [`connect`](Self::connect) for the first connection and for each reconnect, so an
/// implementation can resolve names again and rotate credentials. Closures that return a future of
/// a [`BoxTransport`] implement this trait.
pub trait Connect: Send + Sync + 'static {
    /// Opens a connection. The caller bounds it with a timeout.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection cannot be established.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt and closes the socket.
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>>;

    /// Returns work that the connector has between attempts to connect, such as probing servers. A
    /// client runs it in a task of its own for as long as the client exists. Returns `None`, the
    /// default, if there is none.
    fn upkeep(&self) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

impl Connect for Arc<dyn Connect> {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        (**self).connect()
    }

    fn upkeep(&self) -> Option<BoxFuture<'static, ()>> {
        (**self).upkeep()
    }
}

impl<F, Fut> Connect for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<BoxTransport, TransportError>> + Send + 'static,
{
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(self())
    }
}
