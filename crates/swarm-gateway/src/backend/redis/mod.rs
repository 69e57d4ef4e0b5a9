//! A real server behind the doors: Redis, Valkey, KeyDB, or SwarmKeyDb's own TCP port.
//!
//! Each client connection has one upstream connection of its own, so that transactions, watches and subscriptions hold.

mod exchange;
mod link;
mod url;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use swarm_resp::{Decoder, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Backend, Client, Link};
use crate::error::StartError;
use link::RedisLink;
use url::Address;

/// How long the upstream server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The upstream server.
pub(crate) struct Redis {
    address: Arc<Address>,
}

impl Redis {
    /// Checks that the server is there and lets the gateway in.
    pub(crate) async fn open(url: &str) -> Result<Self, StartError> {
        let address = Address::parse(url).map_err(|reason| StartError::upstream(reason, url))?;
        let check = async {
            let mut stream = address.connect().await.map_err(|error| error.to_string())?;
            let mut decoder = Decoder::new();
            let mut buffer = BytesMut::new();
            for request in address.greetings().chain([Request::new("PING", ())]) {
                let io = |error: std::io::Error| error.to_string();
                stream.write_all(request.encoded()).await.map_err(io)?;
                let frame = loop {
                    match decoder.decode(&mut buffer) {
                        Ok(Some(frame)) => break frame,
                        Ok(None) => {}
                        Err(error) => return Err(format!("it does not speak RESP: {error}")),
                    }
                    if stream.read_buf(&mut buffer).await.map_err(io)? == 0 {
                        return Err("it closed the connection".to_owned());
                    }
                };
                if let Some(error) = frame.as_error() {
                    return Err(format!("it answered {error}"));
                }
            }
            Ok(())
        };
        let checked = timeout(CONNECT, check).await;
        let checked = checked.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        checked.map_err(|reason| StartError::upstream(reason, &address.shown()))?;
        Ok(Self {
            address: Arc::new(address),
        })
    }
}

impl Backend for Redis {
    fn open(&self, client: Client) -> Box<dyn Link> {
        Box::new(RedisLink::new(self.address.clone(), client))
    }
}

impl Address {
    async fn connect(&self) -> std::io::Result<TcpStream> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = timeout(CONNECT, connecting).await??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
