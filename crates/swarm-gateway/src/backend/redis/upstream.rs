//! An open connection to the Redis behind the gateway.

use std::future::poll_fn;
use std::time::Duration;

use swarm_resp::{Frame, Request, RespVersion};
use swarm_transport::tcp::TcpConnector;
use swarm_transport::{
    BoxTransport, Connect, Endpoint, Transport, TransportError, TransportOptions,
};

/// How long a dial may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Where the Redis is, and as whom the gateway comes.
pub(super) struct Address {
    endpoint: Endpoint,
    connector: TcpConnector,
}

impl Address {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let text = |error: TransportError| error.to_string();
        let endpoint = Endpoint::parse(url).map_err(text)?;
        if endpoint.user().is_some() && endpoint.password().is_none() {
            return Err("the address names a user and no password".to_owned());
        }
        let options = TransportOptions::new().dial_timeout(CONNECT);
        let connector = TcpConnector::new(&endpoint, &options).map_err(text)?;
        Ok(Self {
            endpoint,
            connector,
        })
    }

    /// The address as it may be shown: without the password.
    pub(super) fn shown(&self) -> String {
        self.endpoint.to_string()
    }

    /// Connects and introduces the gateway; the error says why that failed.
    pub(super) async fn dial(&self, protocol: RespVersion) -> Result<Upstream, String> {
        let transport = (self.connector.connect().await).map_err(|error| error.to_string())?;
        let mut upstream = Upstream { transport };
        self.introduce(&mut upstream).await?;
        if protocol == RespVersion::Resp3 {
            upstream.demand(Request::new("HELLO", 3)).await?;
        }
        Ok(upstream)
    }

    /// Says who the gateway is and which database it means. RESET makes a Redis forget that.
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

/// A connection to the Redis.
pub(super) struct Upstream {
    transport: BoxTransport,
}

impl Upstream {
    /// Sends requests in one go.
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

    /// The next reply or push. Dropping the future loses nothing.
    pub(super) async fn receive(&mut self) -> Result<Frame, TransportError> {
        poll_fn(|cx| self.transport.poll_receive(cx)).await
    }

    /// Sends a request that must be granted.
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
