//! HTTP transport for SwarmKeyDb's gateway: one `POST /cmd` with JSON per command.
//!
//! Requests that HTTP cannot carry are rejected before they are sent: session commands
//! (transactions, subscriptions, tracking), blocking commands, and arguments that are not UTF-8.
//! The gateway replaces reply bytes that are not UTF-8 with U+FFFD, so a reply that contains U+FFFD
//! becomes an error with code `LOSSY`, unless [`TransportOptions::lossy_replies`] is set.
//!
//! **In a browser**, the page's own `fetch` carries the requests. The gateway must allow the page's
//! origin (CORS). The browser shows no reason why a request failed, and sends a request again by
//! itself if a reused connection ends before the response: a write may then run twice.

mod json;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
mod refuse;
mod reply;
mod transport;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use native as platform;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use web as platform;

use crate::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportErrorKind,
    TransportOptions,
};

/// Connects to an `http://` or `https://` endpoint.
///
/// Connecting sends one PING, to detect a wrong port, path or token. A transport keeps its
/// connections alive and runs up to [`TransportOptions::http_concurrency`] requests concurrently:
/// over one connection each with HTTP/1.1, or over one shared connection with HTTP/2, which is used
/// if TLS negotiates it. Replies arrive in the order of the requests. The server may execute
/// concurrent requests in any order, so [`Capabilities::ordered`](crate::Capabilities::ordered) is
/// false unless the concurrency is 1.
///
/// The transport never resends a request once any byte of it may have been written. A browser may:
/// see [the module](self).
///
/// # Examples
///
/// ```
/// use swarm_transport::http::HttpConnector;
/// use swarm_transport::{Connect, Endpoint, TransportError, TransportOptions};
///
/// async fn check(address: &str) -> Result<(), TransportError> {
///     let options = TransportOptions::new().bearer_token("s3cret");
///     let connector = HttpConnector::new(&Endpoint::parse(address)?, &options)?;
///     let transport = connector.connect().await?;
///     println!("connected: {:?}", transport.capabilities());
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(check("redis://localhost").await.is_err()); // not an HTTP endpoint
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HttpConnector(platform::Connector);

impl HttpConnector {
    /// Creates a connector for `endpoint`.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint's scheme is not `http` or `https`, if an option is invalid,
    /// or if TLS is required but the feature `tls` is disabled.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        let scheme = endpoint.scheme();
        if !scheme.is_http() {
            return Err(TransportError::new(
                TransportErrorKind::Endpoint,
                format!(
                    "{scheme}:// is not an HTTP scheme; use http:// or https://, or another \
                     connector type"
                ),
            ));
        }
        platform::Connector::new(endpoint, options).map(Self)
    }
}

impl Connect for HttpConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        self.0.connect()
    }
}
