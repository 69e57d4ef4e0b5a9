//! HTTP by a page's `fetch`.

mod exchange;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use send_wrapper::SendWrapper;
use swarm_resp::{Frame, RequestRef};

use super::reply;
use super::transport::HttpTransport;
use crate::{
    BoxFuture, BoxTransport, Endpoint, TransportError, TransportErrorKind, TransportOptions, web,
};
pub(super) use exchange::Exchange;

#[derive(Debug, Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    options: TransportOptions,
}

impl Connector {
    pub(super) fn new(
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Self, TransportError> {
        options.validate()?;
        for (name, _) in &options.headers {
            if is_forbidden(name) {
                let reason = "the browser sets this header itself; remove it";
                return Err(web::unavailable(&web::header_option(name), reason));
            }
        }
        Ok(Self {
            endpoint: endpoint.clone(),
            options: options.clone(),
        })
    }

    pub(super) fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(SendWrapper::new(self.dial()))
    }

    async fn dial(&self) -> Result<BoxTransport, TransportError> {
        let Self { endpoint, options } = self;
        let exchange = Arc::new(Exchange::new(endpoint, options));
        let Some(probed) = web::within(options.dial_timeout, exchange.probe()).await else {
            return Err(TransportError::new(
                TransportErrorKind::Timeout,
                format!(
                    "{endpoint} did not answer PING over HTTP within {:?}; check that the port is \
                     the HTTP gateway's",
                    options.dial_timeout
                ),
            ));
        };
        probed?;
        Ok(Box::new(HttpTransport::new(exchange, options)))
    }
}

/// A request in flight. Dropping it aborts the request.
pub(super) struct Running(SendWrapper<Pin<Box<dyn Future<Output = Answer>>>>);

type Answer = Result<Frame, TransportError>;

impl Running {
    pub(super) fn start(exchange: &Arc<Exchange>, request: RequestRef<'_>) -> Self {
        let exchange = Arc::clone(exchange);
        let call = exchange.call(&request.to_request());
        Self(SendWrapper::new(Box::pin(async move {
            exchange.run(call?).await
        })))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Whether a browser ignores a header that a page sets.
fn is_forbidden(name: &str) -> bool {
    /// The forbidden request headers of the Fetch standard.
    const FORBIDDEN: [&str; 20] = [
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "via",
    ];
    let name = name.to_ascii_lowercase();
    FORBIDDEN.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with("sec-")
}
