//! A real Redis, Valkey or KeyDB behind the doors: one connection to it for each client, so that what a client queues,
//! watches and listens to is its own.

mod link;
mod pump;
mod replies;
mod transaction;
mod upstream;

use std::sync::Arc;

use swarm_resp::RespVersion;

use super::{Backend, Client, Link};
use crate::error::StartError;
use link::RedisLink;
use upstream::Address;

/// The way to a Redis.
pub(crate) struct Redis {
    address: Arc<Address>,
}

impl Redis {
    /// Connects once, to find out whether the Redis is there and lets the gateway in.
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
    /// Connects when the first command comes, for many a client is turned away at the door.
    fn open(&self, client: Client) -> Box<dyn Link> {
        Box::new(RedisLink::open(self.address.clone(), client))
    }
}
