//! HTTP over sockets of the operating system.

mod error;
mod exchange;
mod pool;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use swarm_resp::{Frame, RequestRef};
use tokio::task::JoinHandle;

use super::reply;
use super::transport::HttpTransport;
use crate::dial::{Dialer, Progress};
use crate::{
    BoxFuture, BoxTransport, Endpoint, TransportError, TransportErrorKind, TransportOptions,
};
pub(super) use exchange::Exchange;

#[derive(Debug, Clone)]
pub(super) struct Connector {
    dialer: Dialer,
}

impl Connector {
    pub(super) fn new(
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Self, TransportError> {
        let dialer = Dialer::new(endpoint, options, &[b"h2", b"http/1.1"])?;
        Ok(Self { dialer })
    }

    pub(super) fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer
                .with_timeout(&progress, self.dial(&progress))
                .await
        })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let exchange = Arc::new(Exchange::new(self.dialer.clone())?);
        exchange.probe(progress).await?;
        Ok(Box::new(HttpTransport::new(exchange, &self.dialer.options)))
    }
}

/// A request in flight: a task that is aborted when its handle is dropped.
pub(super) struct Running(JoinHandle<Result<Frame, TransportError>>);

impl Running {
    pub(super) fn start(exchange: &Arc<Exchange>, request: RequestRef<'_>) -> Self {
        let (exchange, request) = (Arc::clone(exchange), request.to_request());
        Self(tokio::spawn(async move { exchange.run(&request).await }))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        Pin::new(&mut self.0).poll(cx).map(|joined| {
            joined.unwrap_or_else(|error| {
                let message = "the task of a request ended before it received a response";
                Err(TransportError::new(TransportErrorKind::Io, message).with_source(error))
            })
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
