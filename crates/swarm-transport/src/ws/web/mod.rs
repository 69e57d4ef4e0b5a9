//! WebSocket of a page.

mod socket;
mod transport;

use send_wrapper::SendWrapper;

use super::end;
use crate::{
    BoxFuture, BoxTransport, Endpoint, TransportError, TransportErrorKind, TransportOptions, web,
};
use socket::Socket;
use transport::WsTransport;

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
        if let Some((name, _)) = options.headers.first() {
            let reason = "a WebSocket carries no headers of the page; remove it, or log in with a \
                          password, which is sent as a command";
            return Err(web::unavailable(&web::header_option(name), reason));
        }
        if options.ws_ping_interval.is_some() {
            let reason = "a page cannot send pings; remove it, and use the client's \
                          heartbeat_interval, which sends commands";
            return Err(web::unavailable("ws_ping_interval", reason));
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
        let url = format!(
            "{}://{}{}",
            endpoint.scheme(),
            endpoint.authority(),
            endpoint.target()
        );
        let socket = Socket::new(&url, options.limits.max_frame).map_err(|name| {
            // The browser's message would repeat the query of the URL.
            let message = format!(
                "the browser refuses to open {endpoint} ({name}); a page loaded over https:// can \
                 only use wss://"
            );
            TransportError::new(TransportErrorKind::Endpoint, message)
        })?;
        match web::within(options.dial_timeout, socket.opened()).await {
            Some(true) => Ok(Box::new(WsTransport::new(socket, options))),
            Some(false) => Err(TransportError::new(
                TransportErrorKind::Refused,
                format!(
                    "{endpoint} could not be opened, and the browser gives no reason; is the \
                     gateway running, does it allow this page's origin, and is its certificate \
                     trusted?"
                ),
            )),
            None => Err(TransportError::new(
                TransportErrorKind::Timeout,
                format!(
                    "{endpoint} did not answer the WebSocket upgrade within {:?}; check that the \
                     port is the WebSocket gateway's",
                    options.dial_timeout
                ),
            )),
        }
    }
}
