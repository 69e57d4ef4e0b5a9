//! Blocking handle of a cache.

use super::Client;
use super::runtime::Runtime;
use crate::client::{self, CacheOptions, CacheStats};
use crate::command::{Command, Executor};
use crate::error::Result;

/// Handle that answers reads from a cache: see [`Cached`](crate::Cached).
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use swarm_keydb::{CacheOptions, ClientOptions, ProtocolVersion, blocking::Client};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let url = ClientOptions::new(gateway.ws_url()).protocol(ProtocolVersion::Resp3);
/// # let client = Client::connect(url)?;
/// let cached = client.cached(CacheOptions::new().max_age(Duration::from_secs(10)))?;
/// client.set("greeting", "hello")?;
/// cached.get("greeting")?; // Asks the server.
/// cached.get("greeting")?; // Does not.
/// assert_eq!(cached.stats().hits, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cached {
    inner: client::Cached,
    runtime: Runtime,
}

impl Client {
    /// Creates a handle that answers reads from a cache in memory: see
    /// [`Client::cached`](crate::Client::cached).
    ///
    /// # Errors
    ///
    /// The errors of [`Client::cached`](crate::Client::cached).
    pub fn cached(&self, options: CacheOptions) -> Result<Cached> {
        Ok(Cached {
            inner: self.runtime.wait(self.inner.cached(options))??,
            runtime: self.runtime.clone(),
        })
    }
}

impl Cached {
    /// Drops all cached values: see [`Cached::clear`](crate::Cached::clear).
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Returns the metrics of the cache.
    pub fn stats(&self) -> CacheStats {
        self.inner.stats()
    }

    /// Returns the underlying async handle.
    pub fn as_async(&self) -> client::Cached {
        self.inner.clone()
    }
}

impl Executor for Cached {
    /// The reply.
    type Output<R> = Result<R>;

    fn execute<R>(&self, command: Command<R>) -> Result<R> {
        self.runtime.wait(self.inner.execute(command))?
    }
}
