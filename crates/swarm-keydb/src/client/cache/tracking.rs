//! The tracked connection: all cached reads are sent over it, and the server announces changes on
//! it.
//!
//! The connection is a lease that the cache holds. When it is lost, the cache is flushed, and a
//! background task leases another; until then, reads use the shared connections and are not cached.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use swarm_resp::Request;
use tokio::sync::Notify;

use super::invalidation::Invalidations;
use super::options::CacheOptions;
use super::store::Store;
use crate::client::lease::{Lease, Leases};
use crate::connection::Reconnect;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{ConnectionHandle, Requests, Retry, Timing};
use crate::runtime::{Instant, sleep, timeout_at};
use crate::server::ServerProfile;
use crate::status::{State, StateWatch};

/// How long the check waits for the announcement of a write that the server has acknowledged.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// The tracked connection of a cache, while there is one.
#[derive(Debug)]
pub(super) struct Tracking {
    leases: Arc<Leases>,
    /// The shared connections of the client.
    shared: ConnectionHandle,
    store: Arc<Store>,
    options: CacheOptions,
    timeout: Duration,
    tracked: RwLock<Option<Arc<Tracked>>>,
}

/// A connection on which the server announces changes.
#[derive(Debug)]
pub(super) struct Tracked {
    lease: Lease,
    /// Whether announcements arrive as arrays, so that no reply on the connection may be a list.
    as_arrays: bool,
}

impl Tracking {
    pub(super) const fn new(
        leases: Arc<Leases>,
        shared: ConnectionHandle,
        store: Arc<Store>,
        options: CacheOptions,
        timeout: Duration,
    ) -> Self {
        Self {
            leases,
            shared,
            store,
            options,
            timeout,
            tracked: RwLock::new(None),
        }
    }

    /// Whether the server announces changes of a key.
    #[inline]
    pub(super) fn covers<'a>(&self, key: impl FnOnce() -> &'a [u8]) -> bool {
        self.options.covers(key)
    }

    /// Returns the connection for reads whose reply may be a list, or is none. Call it after the
    /// stamp of the value was taken: a stamp that was taken before a connection was lost is never
    /// valid again.
    pub(super) fn connection(&self, may_be_list: bool) -> Option<ConnectionHandle> {
        let tracked = self.tracked.read().unwrap_or_else(PoisonError::into_inner);
        let tracked = tracked.as_ref()?;
        (!(may_be_list && tracked.as_arrays)).then(|| tracked.lease.connection.clone())
    }

    /// Leases a connection and makes the server announce changes on it.
    ///
    /// # Errors
    ///
    /// If there is no connection within the timeout, or the server cannot announce changes.
    pub(super) async fn establish(&self) -> Result<Tracked> {
        let deadline = Instant::now() + self.timeout;
        let lease = self.leases.acquire(deadline).await?;
        let connection = &lease.connection;
        let resp3 = connection.status().uses_resp3();
        let heard = Arc::<Notify>::default();
        lease.session.alter();
        connection.listen(Arc::new(Invalidations {
            store: Arc::clone(&self.store),
            as_arrays: !resp3,
            heard: Arc::clone(&heard),
        }));
        let server = self.call(connection, self.request(), deadline).await?;
        if !resp3 {
            if !server.tracking_everything {
                return Err(no_pushes());
            }
            self.check(&heard, deadline).await?;
        }
        if server.lost_invalidations && self.options.max_age.is_none() {
            return Err(Error::config(
                "the server is not known to announce every change, so a cached value could be used \
                 forever; set CacheOptions::max_age",
            ));
        }
        Ok(Tracked {
            lease,
            as_arrays: !resp3,
        })
    }

    /// Sends a request, and returns the profile of the connection's server.
    async fn call(
        &self,
        connection: &ConnectionHandle,
        request: Request,
        deadline: Instant,
    ) -> Result<ServerProfile> {
        let timing = Timing {
            timeout: deadline.saturating_duration_since(Instant::now()),
            grows: true,
            blocks: false,
        };
        let requests = Requests::batch([request].into_iter().collect(), Vec::new());
        let answers = connection.call_batch(requests, timing, Retry::Never).await;
        match answers.replies.into_iter().next() {
            Some(Ok(_)) => Ok(answers.server),
            Some(Err(Failure::Server(error))) => Err(Error::config(format!(
                "the server does not announce changes, so nothing can be cached: {error}"
            ))),
            Some(Err(failure)) => Err(Error::connect(failure)),
            None => Err(Error::connect(Failure::runtime_gone(true))),
        }
    }

    /// Checks that an announcement arrives. SwarmKeyDb announces a DEL of a key that does not
    /// exist; other servers accept CLIENT TRACKING over RESP2 and announce nothing.
    async fn check(&self, heard: &Notify, deadline: Instant) -> Result<()> {
        let key = format!("swarm-keydb:{:032x}", fastrand::u128(..));
        let written = self.call(&self.shared, Request::new("DEL", key), deadline);
        written.await?;
        let in_time = {
            let _context = self.shared.timers();
            timeout_at(deadline.min(Instant::now() + CHECK_TIME), heard.notified())
        };
        in_time.await.map_err(|_| no_pushes())
    }

    fn request(&self) -> Request {
        let mut request = Request::builder("CLIENT TRACKING");
        request.arg("ON");
        if let Some(prefixes) = &self.options.prefixes {
            request.arg("BCAST");
            for prefix in prefixes {
                request.arg("PREFIX").arg(prefix);
            }
        }
        request.build()
    }

    /// Uses a connection. Returns its state.
    pub(super) fn start(&self, tracked: Tracked) -> StateWatch {
        let state = tracked.lease.connection.status().watch();
        self.replace(Some(Arc::new(tracked)));
        state
    }

    fn replace(&self, tracked: Option<Arc<Tracked>>) {
        let mut current = self.tracked.write().unwrap_or_else(PoisonError::into_inner);
        let earlier = std::mem::replace(&mut *current, tracked);
        drop(current);
        // Outside of the lock.
        drop(earlier);
    }
}

/// Leases another connection whenever the current one, which has this state, is lost, until the
/// cache is dropped or the client is closed.
pub(super) async fn keep(
    tracking: Weak<Tracking>,
    mut state: StateWatch,
    mut reconnect: Reconnect,
) {
    loop {
        state.reached(State::Closed).await;
        reconnect.succeeded();
        state = loop {
            let Some(cache) = tracking.upgrade() else {
                return;
            };
            cache.replace(None);
            match cache.establish().await {
                Ok(again) => break cache.start(again),
                Err(error) if error.is_closed() => return,
                Err(error) => {
                    drop(cache);
                    tracing::debug!(%error, "nothing is cached until changes are announced again");
                    sleep(reconnect.retry_delay(None, Instant::now())).await;
                }
            }
        };
    }
}

fn no_pushes() -> Error {
    Error::config(
        "the server does not announce changes on this connection, which does not use RESP3, so \
         nothing can be cached; use a redis:// URL, or ClientOptions::protocol(Resp3) if the gateway \
         supports it",
    )
}
