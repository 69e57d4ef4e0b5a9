//! Client-side caching: reads are answered from memory until the server announces a change.
//!
//! [`validity`] decides whether a value may be used, and [`store`] holds the values; neither
//! performs I/O. [`tracking`] owns the connection on which reads are sent and changes are
//! announced, [`flights`] lets concurrent readers share a request, and [`reply`] is what a caller
//! awaits.

mod changes;
mod fetch;
mod flights;
mod invalidation;
mod options;
mod reply;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod tracking;
mod validity;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::sync::Arc;

pub use options::CacheOptions;
pub use reply::CachedReply;
pub use stats::CacheStats;

use super::Client;
use crate::command::{Command, Executor};
use crate::error::Result;
use fetch::Work;
use flights::Flights;
use store::Store;
use tracking::Tracking;

/// Handle of a client that answers reads from a cache: see [`Client::cached`]. Cheap to clone; all
/// clones share the cache.
///
/// It has all command methods. Which of them are answered from the cache, and how old a value may
/// be, is described in [the guide](crate::guide::caching).
#[derive(Clone)]
pub struct Cached(Arc<Inner>);

struct Inner {
    client: Client,
    store: Arc<Store>,
    tracking: Arc<Tracking>,
    flights: Flights<Work>,
}

impl Client {
    /// Creates a handle that answers reads from a cache in memory. The server announces changes, so
    /// that a value is used only until a change of its key has been received.
    ///
    /// The cache leases one [dedicated](crate::ClientOptions::max_dedicated_connections) connection
    /// until the last clone of the handle is dropped. While that connection is lost, nothing is
    /// cached: the handle then works as the client does.
    ///
    /// # Errors
    ///
    /// - Kind [`Config`](crate::ErrorKind::Config) if an option is invalid, the transport or the
    ///   protocol cannot carry announcements (HTTP, RESP2), or the server announces no changes.
    /// - Otherwise, the errors of [`exclusive`](Self::exclusive).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connection closes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_keydb::{CacheOptions, Client};
    /// # use swarm_keydb::{ClientOptions, ProtocolVersion};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let url = ClientOptions::new(gateway.ws_url()).protocol(ProtocolVersion::Resp3);
    /// let client = Client::connect(url).await?;
    /// let options = CacheOptions::new().max_age(Duration::from_secs(10));
    /// let cached = client.cached(options).await?;
    ///
    /// client.set("greeting", "hello").await?;
    /// cached.get("greeting").await?; // Asks the server.
    /// cached.get("greeting").await?; // Does not.
    /// assert_eq!(cached.stats().hits, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cached(&self, options: CacheOptions) -> Result<Cached> {
        options.validate()?;
        let factory = &self.shared.factory;
        let hasher = RandomState::new();
        let store = Arc::new(Store::new(options.max_bytes, options.max_age, hasher));
        let tracking = Arc::new(Tracking::new(
            Arc::clone(&self.shared.leases),
            self.shared.connection.clone(),
            Arc::clone(&store),
            options,
            factory.options.request_timeout,
        ));
        let state = tracking.start(tracking.establish().await?);
        let keep = tracking::keep(Arc::downgrade(&tracking), state, factory.reconnect());
        self.tasks().spawn(keep);
        Ok(Cached(Arc::new(Inner {
            client: self.clone(),
            store,
            tracking,
            flights: Flights::default(),
        })))
    }
}

impl Cached {
    /// Returns the client that the handle belongs to, for everything that is not a command.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Drops all cached values. Reads in flight are given to their callers, and not cached.
    pub fn clear(&self) {
        self.0.store.flush();
    }

    /// Returns the metrics of the cache, of all clones together.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            is_tracking: self.0.tracking.connection(false).is_some(),
            ..self.0.store.stats()
        }
    }
}

impl Executor for Cached {
    /// A future that resolves to the reply. The cache is asked when the future is first polled.
    type Output<R> = CachedReply<R>;

    fn execute<R>(&self, command: Command<R>) -> CachedReply<R> {
        CachedReply::new(Arc::clone(&self.0), command)
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("client", &self.0.client)
            .field("stats", &self.stats())
            .finish()
    }
}
