//! Backend that forwards to Redis, Valkey, or KeyDB. Each client gets its own upstream connection,
//! so transactions, watches, and subscriptions stay separate.

mod conversation;
mod link;
mod replies;
mod transaction;
mod upstream;

use std::sync::Arc;

use swarm_resp::RespVersion;

use super::{Backend, Client, Link};
use crate::error::StartError;
use link::RedisLink;
use upstream::Address;

/// Address of an upstream server.
pub(crate) struct Redis {
    address: Arc<Address>,
}

impl Redis {
    /// Connects once to verify that the server is reachable and accepts the credentials.
    pub(crate) async fn open(url: &str) -> Result<Self, StartError> {
        let address = Address::new(url).map_err(|reason| StartError::upstream(reason, url))?;
        match address.dial(RespVersion::Resp2).await {
            Ok(_) => Ok(Self {
                address: Arc::new(address),
            }),
            Err(reason) => Err(StartError::upstream(reason, &address.shown())),
        }
    }
}

impl Backend for Redis {
    fn forwards(&self) -> bool {
        true
    }

    /// Connects lazily, on the first command: many clients are rejected before they send one.
    fn open(&self, client: Client) -> Box<dyn Link> {
        Box::new(RedisLink::open(self.address.clone(), client))
    }
}
