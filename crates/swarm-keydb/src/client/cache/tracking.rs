//! The tracked connection: all cached reads are sent over it, and the server announces changes on it.
//!
//! The connection is a lease that the cache holds. When it is lost, the cache is flushed, and a
//! background task leases another; until then, reads use the shared connections and are not cached.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use swarm_resp::Request;
use tokio::time::Instant;

use super::invalidation::Invalidations;
use super::options::CacheOptions;
use super::store::Store;
use crate::client::lease::{Lease, Leases};
use crate::connection::Reconnect;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{ConnectionHandle, Requests, Retry, Timing};
use crate::status::State;

/// The tracked connection of a cache, while there is one.
#[derive(Debug)]
pub(super) struct Tracking {
    leases: Arc<Leases>,
    store: Arc<Store>,
    options: CacheOptions,
    timeout: Duration,
    lease: RwLock<Option<Arc<Lease>>>,
}

/// A connection on which the server announces changes.
pub(super) struct Tracked(Lease);

impl Tracking {
    pub(super) const fn new(
        leases: Arc<Leases>,
        store: Arc<Store>,
        options: CacheOptions,
        timeout: Duration,
    ) -> Self {
        Self {
            leases,
            store,
            options,
            timeout,
            lease: RwLock::new(None),
        }
    }

    /// Whether the server announces changes of a key.
    pub(super) fn covers(&self, key: &[u8]) -> bool {
        self.options.covers(key)
    }

    /// Returns the connection for cached reads. Call it after the stamp of the value was taken: a
    /// stamp that was taken before a connection was lost is never valid again.
    pub(super) fn connection(&self) -> Option<ConnectionHandle> {
        let lease = self.lease.read().unwrap_or_else(PoisonError::into_inner);
        lease.as_ref().map(|lease| lease.connection.clone())
    }

    /// Leases a connection and makes the server announce changes on it.
    ///
    /// # Errors
    ///
    /// If there is no connection within the timeout, or the server cannot announce changes.
    pub(super) async fn establish(&self) -> Result<Tracked> {
        let deadline = Instant::now() + self.timeout;
        let lease = self.leases.acquire(deadline).await?;
        if !lease.connection.status().uses_resp3() {
            return Err(no_pushes());
        }
        lease.session.alter();
        (lease.connection).listen(Arc::new(Invalidations(Arc::clone(&self.store))));
        let timing = Timing {
            timeout: deadline.saturating_duration_since(Instant::now()),
            grows: false,
            blocks: false,
        };
        let answers = (lease.connection)
            .call_batch(self.request(), timing, Retry::Never)
            .await;
        let announces_all = !answers.server.lost_invalidations;
        match (answers.replies.into_iter().next()).unwrap_or(Err(Failure::runtime_gone(true))) {
            Ok(_) => {}
            Err(Failure::Server(error)) => {
                return Err(Error::config(format!(
                    "the server does not announce changes, so nothing can be cached: {error}"
                )));
            }
            Err(failure) => return Err(Error::connect(failure)),
        }
        if !announces_all && self.options.max_age.is_none() {
            return Err(Error::config(
                "the server is not known to announce every change, so a cached value could be used \
                 forever; set CacheOptions::max_age",
            ));
        }
        Ok(Tracked(lease))
    }

    fn request(&self) -> Requests {
        let mut request = Request::builder("CLIENT TRACKING");
        request.arg("ON");
        if let Some(prefixes) = &self.options.prefixes {
            request.arg("BCAST");
            for prefix in prefixes {
                request.arg("PREFIX").arg(prefix);
            }
        }
        Requests::batch([request.build()].into_iter().collect(), Vec::new())
    }

    /// Uses a connection, until it is lost.
    fn set(&self, lease: Option<Arc<Lease>>) {
        // An earlier lease is dropped outside of the lock.
        let mut current = self.lease.write().unwrap_or_else(PoisonError::into_inner);
        let earlier = std::mem::replace(&mut *current, lease);
        drop(current);
        drop(earlier);
    }
}

/// Keeps a cache connected, until the cache is dropped or the client is closed.
pub(super) async fn keep(tracking: Weak<Tracking>, first: Tracked, mut reconnect: Reconnect) {
    let mut tracked = Some(first);
    loop {
        if let Some(Tracked(lease)) = tracked.take() {
            let mut state = lease.connection.status().watch();
            match tracking.upgrade() {
                Some(tracking) => tracking.set(Some(Arc::new(lease))),
                None => return,
            }
            state.reached(State::Closed).await;
            reconnect.succeeded();
        }
        let Some(cache) = tracking.upgrade() else {
            return;
        };
        cache.set(None);
        let established = cache.establish().await;
        drop(cache);
        match established {
            Ok(again) => tracked = Some(again),
            Err(error) if error.is_closed() => return,
            Err(error) => {
                tracing::debug!(%error, "nothing is cached until changes are announced again");
                tokio::time::sleep(reconnect.retry_delay(None, Instant::now())).await;
            }
        }
    }
}

fn no_pushes() -> Error {
    Error::config(
        "the connection does not use RESP3, without which the server cannot announce changes; use a \
         ws:// or redis:// URL, leave ClientOptions::protocol as it is, or do without a cache",
    )
}
