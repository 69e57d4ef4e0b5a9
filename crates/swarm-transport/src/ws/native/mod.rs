//! WebSocket over a socket of the operating system.

mod ack_pong;
mod error;
mod handshake;
mod socket;
#[cfg(test)]
mod tests;
mod transport;

use tokio::io::{AsyncRead, AsyncWrite};

use super::end;
use crate::dial::{self, Dialer, Progress, QuickAckPolicy, Step, Stream};
use crate::heartbeat::ReadActivity;
use crate::{BoxFuture, BoxTransport, Endpoint, TransportError, TransportOptions};
use transport::WsTransport;

#[derive(Debug, Clone)]
pub(super) struct Connector {
    dialer: Dialer,
}

impl Connector {
    pub(super) fn new(
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Self, TransportError> {
        // A WebSocket upgrade requires HTTP/1.1.
        let dialer = Dialer::new(endpoint, options, &[b"http/1.1"])?;
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
        let ack_policy = self.dialer.ack_policy();
        let stream = self.dialer.open(&ack_policy, progress).await?;
        progress.set_step(Step::Upgrade);
        match stream {
            Stream::Tcp(stream) => self.upgrade(stream, ack_policy).await,
            #[cfg(unix)]
            Stream::Unix(stream) => self.upgrade(stream, ack_policy).await,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.upgrade(stream, ack_policy).await,
        }
    }

    async fn upgrade<S>(
        &self,
        stream: S,
        ack_policy: QuickAckPolicy,
    ) -> Result<BoxTransport, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Dialer {
            endpoint, options, ..
        } = &self.dialer;
        let stream = ReadActivity::after_http_head(stream);
        let upgraded = handshake::upgrade(stream, endpoint, options).await;
        let socket = upgraded.map_err(|error| match ack_policy.peer_sent_alert() {
            true => dial::speaks_tls(endpoint).with_source(error),
            false => error,
        })?;
        Ok(Box::new(WsTransport::new(socket, ack_policy, options)))
    }
}
