//! How a connection is made, again at every dial.

use std::future::Future;
use std::pin::Pin;

use crate::{BoxTransport, TransportError};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes connections. Asked at every dial, so names are resolved anew and credentials can rotate.
///
/// A closure that returns a future of a transport is one.
pub trait Connect: Send + Sync + 'static {
    /// Makes a connection. Bounded in time by the caller; dropping the future gives up.
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>>;
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
