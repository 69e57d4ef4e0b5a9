//! Connection from the gateway to the Redis behind it.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::{Frame, Request, RespVersion};
use swarm_transport::tcp::TcpConnector;
use swarm_transport::{
    BoxTransport, Connect, Endpoint, Transport, TransportError, TransportOptions,
};

/// Timeout of a dial.
const CONNECT: Duration = Duration::from_secs(5);

/// Address and credentials of the upstream server.
pub(super) struct Address {
    endpoint: Endpoint,
    connector: TcpConnector,
}

impl Address {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let text = |error: TransportError| error.to_string();
        let endpoint = Endpoint::parse(url).map_err(text)?;
        if endpoint.user().is_some() && endpoint.password().is_none() {
            return Err("the URL has a user but no password".to_owned());
        }
        let options = TransportOptions::new().dial_timeout(CONNECT);
        let connector = TcpConnector::new(&endpoint, &options).map_err(text)?;
        Ok(Self {
            endpoint,
            connector,
        })
    }

    /// Returns the address without its password.
    pub(super) fn shown(&self) -> String {
        self.endpoint.to_string()
    }

    /// Connects and authenticates. The error is a description of what failed.
    pub(super) async fn dial(&self, protocol: RespVersion) -> Result<Upstream, String> {
        let transport = (self.connector.connect().await).map_err(|error| error.to_string())?;
        let mut upstream = Upstream { transport };
        self.introduce(&mut upstream).await?;
        if protocol == RespVersion::Resp3 {
            upstream.demand(Request::new("HELLO", 3)).await?;
        }
        Ok(upstream)
    }

    /// Authenticates and selects the database. Also needed after RESET, which discards both.
    pub(super) async fn introduce(&self, upstream: &mut Upstream) -> Result<(), String> {
        match (self.endpoint.user(), self.endpoint.password()) {
            (Some(user), Some(password)) => {
                upstream
                    .demand(Request::new("AUTH", (user, password)))
                    .await?;
            }
            (None, Some(password)) => upstream.demand(Request::new("AUTH", password)).await?,
            (_, None) => {}
        }
        match self.endpoint.database() {
            None | Some(0) => Ok(()),
            Some(database) => upstream.demand(Request::new("SELECT", database)).await,
        }
    }
}

/// An open upstream connection.
pub(super) struct Upstream {
    transport: BoxTransport,
}

impl Upstream {
    /// Sends requests with a single flush.
    pub(super) async fn send(
        &mut self,
        requests: impl IntoIterator<Item = Request>,
    ) -> Result<(), TransportError> {
        for request in requests {
            poll_fn(|cx| self.transport.poll_ready(cx)).await?;
            self.transport.start_send(request.view())?;
        }
        poll_fn(|cx| self.transport.poll_flush(cx)).await
    }

    /// Waits until a request can be sent.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.transport.poll_ready(cx)
    }

    /// Queues a request.
    pub(super) fn start_send(&mut self, request: &Request) -> Result<(), TransportError> {
        self.transport.start_send(request.view())
    }

    /// Sends the queued requests.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.transport.poll_flush(cx)
    }

    /// Receives the next reply or push.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Frame, TransportError>> {
        self.transport.poll_receive(cx)
    }

    /// Receives the next reply or push.
    pub(super) async fn receive(&mut self) -> Result<Frame, TransportError> {
        poll_fn(|cx| self.transport.poll_receive(cx)).await
    }

    /// Sends a request and returns an error unless the reply is a success.
    async fn demand(&mut self, request: Request) -> Result<(), String> {
        let reply = match self.send([request]).await {
            Ok(()) => self.receive().await,
            Err(error) => Err(error),
        };
        let reply = reply.map_err(|error| error.to_string())?;
        match reply.as_error() {
            None => Ok(()),
            Some(error) => Err(error.to_string()),
        }
    }
}
