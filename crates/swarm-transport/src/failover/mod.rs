//! Failover: one connector over the connectors of several servers.
//!
//! A client asks its connector for each connection. A [`Failover`] is a connector that decides to
//! which of several endpoints that connection leads, for every transport, custom ones included. All
//! connections of a client ask the same value, so they share what it knows:
//!
//! - **One endpoint at a time.** All connections lead to the endpoint in use, which stays in use
//!   while it works.
//! - **Circuit breakers.** An endpoint is left when it refuses connections, is much slower than
//!   another one, or fails several times ([`FailoverOptions::failures`]). It is then not used for
//!   a while ([`FailoverOptions::open_for`]), unless no other is left.
//! - **Failback** is optional: [`FailoverOptions::failback_after`].
//! - **Draining.** When the endpoint in use changes, connections to the previous one learn it from
//!   their [`Route`](crate::Route). Clients let the replies in flight arrive, and send nothing more over them.
//!
//! Which endpoints there are is a fixed list, or the result of a [discovery](Discover).
//!
//! # Examples
//!
//! ```
//! use swarm_transport::failover::{Candidate, Failover, FailoverOptions};
//! use swarm_transport::{Connect, Endpoint, TransportOptions};
//! # #[cfg(feature = "ws")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), swarm_transport::TransportError> {
//! # use std::time::Duration;
//! let options = TransportOptions::new();
//! let at = |address: &str| Candidate::at(&Endpoint::parse(address)?, &options);
//! let failover = Failover::new([at("ws://127.0.0.1:1")?, at("ws://127.0.0.1:2")?])
//!     .with_options(FailoverOptions::new().failback_after(Duration::from_secs(60)));
//! let error = failover.connect().await.err().unwrap();
//! assert!(error.to_string().contains("none of the 2 endpoints"), "{error}");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "ws"))] fn main() {}
//! ```

mod attempts;
mod candidate;
mod clock;
mod dial;
mod discover;
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod dns;
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod file;
mod options;
mod probe;
mod route;
mod routed;
mod selector;
#[cfg(all(test, feature = "net"))]
mod tests;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::{pending, poll_fn};
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

pub use candidate::Candidate;
pub use clock::Clock;
pub use discover::Discover;
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use dns::Dns;
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use file::FileList;
pub use options::FailoverOptions;

use crate::{BoxFuture, BoxTransport, Connect, TransportError, TransportErrorKind};
use candidate::Address;
use discover::Fixed;
use route::Waiting;
use selector::{EndpointId, Selector};

/// A connector over the connectors of several endpoints. Clones share what they know.
///
/// See [the module](self) for what it does. A client of `swarm-keydb` gets one from several URLs, or
/// by `Client::connect_with`.
///
/// Without a transport feature there is no clock; then call [`with_clock`](Self::with_clock) before
/// the first connection.
#[derive(Clone)]
pub struct Failover {
    discovery: Arc<dyn Discover>,
    options: FailoverOptions,
    clock: Arc<dyn Clock>,
    /// Created with the first use, so that the methods that configure can still change the parts.
    shared: Arc<std::sync::OnceLock<Arc<Shared>>>,
}

/// What all clones and connections share.
struct Shared {
    discovery: Arc<dyn Discover>,
    options: FailoverOptions,
    clock: Arc<dyn Clock>,
    /// Randomizes the order of weighted endpoints.
    seed: RandomState,
    state: Mutex<State>,
    waiting: Waiting,
}

struct State {
    selector: Selector,
    /// The candidates of the selector's endpoints.
    candidates: Vec<(EndpointId, Address, Candidate)>,
    /// Number of connections that were opened, as keys.
    opened: u64,
}

impl Failover {
    /// Creates a connector over a fixed list of endpoints, most preferred first.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<Candidate>>) -> Self {
        Self::discovered(Fixed(endpoints.into_iter().map(Into::into).collect()))
    }

    /// Creates a connector over the endpoints of a discovery.
    pub fn discovered(discovery: impl Discover) -> Self {
        Self {
            discovery: Arc::new(discovery),
            options: FailoverOptions::new(),
            clock: default_clock(),
            shared: Arc::default(),
        }
    }

    /// Sets the options. Has no effect after the first connection.
    pub fn with_options(mut self, options: FailoverOptions) -> Self {
        self.options = options;
        self.shared = Arc::default();
        self
    }

    /// Sets the clock, for runtimes other than tokio. Has no effect after the first connection.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self.shared = Arc::default();
        self
    }

    /// Returns a connector over the [fallbacks](Candidate::fallback) of the endpoints, which tries
    /// them in the order that this failover would try the endpoints.
    pub fn fallback(&self) -> impl Connect + use<> {
        let shared = Arc::clone(self.shared());
        move || {
            let shared = Arc::clone(&shared);
            async move { shared.connect_fallback().await }
        }
    }

    /// Returns how often the endpoint in use has changed.
    pub fn moves(&self) -> u64 {
        self.shared().lock().selector.moves()
    }

    /// Returns the name of the endpoint in use.
    pub fn endpoint(&self) -> Option<Arc<str>> {
        let state = self.shared().lock();
        let active = state.selector.active()?;
        Some(Arc::clone(&state.find(active)?.1.name))
    }

    fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_init(|| {
            Arc::new(Shared {
                discovery: Arc::clone(&self.discovery),
                options: self.options.clone(),
                clock: Arc::clone(&self.clock),
                seed: RandomState::new(),
                state: Mutex::new(State {
                    selector: Selector::new(self.options.clone()),
                    candidates: Vec::new(),
                    opened: 0,
                }),
                waiting: Waiting::default(),
            })
        })
    }
}

#[cfg(feature = "net")]
fn default_clock() -> Arc<dyn Clock> {
    Arc::new(clock::DefaultClock::new())
}

/// Without a clock, no time passes: nothing is slow, and breakers stay open while there is another
/// endpoint.
#[cfg(not(feature = "net"))]
fn default_clock() -> Arc<dyn Clock> {
    struct Stopped;
    impl Clock for Stopped {
        fn now(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }

        fn sleep(&self, _: std::time::Duration) -> BoxFuture<'static, ()> {
            Box::pin(pending())
        }
    }
    Arc::new(Stopped)
}

impl Connect for Failover {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        let shared = Arc::clone(self.shared());
        Box::pin(async move { shared.connect().await })
    }

    fn upkeep(&self) -> Option<BoxFuture<'static, ()>> {
        let shared = Arc::clone(self.shared());
        Some(Box::pin(async move { shared.upkeep().await }))
    }
}

impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("endpoint", &self.endpoint())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl State {
    fn find(&self, id: EndpointId) -> Option<&(EndpointId, Address, Candidate)> {
        self.candidates.iter().find(|(known, ..)| *known == id)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known about the endpoints, and wakes the connections that are no longer
    /// current.
    fn change<T>(&self, change: impl FnOnce(&mut Selector) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state.selector);
        let tasks = self.waiting.set_current(state.selector.active());
        drop(state);
        tasks.into_iter().for_each(|(_, waker)| waker.wake());
        result
    }

    /// Asks the discovery. Keeps what is known if that fails or takes too long.
    async fn discover(&self) -> Result<(), TransportError> {
        let is_known = {
            let state = self.lock();
            let is_lenient = self.discovery.keeps_known() || state.selector.is_connected();
            is_lenient && !state.candidates.is_empty()
        };
        let mut found = self.discovery.endpoints();
        let mut slow = is_known.then(|| self.clock.sleep(self.options.slow_after));
        let found = poll_fn(|cx| {
            if let Poll::Ready(found) = found.as_mut().poll(cx) {
                return Poll::Ready(Some(found));
            }
            match &mut slow {
                Some(slow) => slow.as_mut().poll(cx).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await;
        match found {
            Some(Ok(candidates)) if !candidates.is_empty() => self.set_candidates(candidates),
            Some(Err(error)) if !is_known => return Err(error),
            Some(Ok(_)) if !is_known => {
                return Err(TransportError::new(
                    TransportErrorKind::Resolve,
                    "there is no endpoint to connect to; check the list or the discovery",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets an endpoint until the discovery returns it again, as another one: connections to it
    /// are no longer current.
    fn retire(&self, id: EndpointId) {
        let mut state = self.lock();
        state.selector.retire(id);
        state.candidates.retain(|(known, ..)| *known != id);
        let tasks = self.waiting.set_current(state.selector.active());
        drop(state);
        tasks.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn set_candidates(&self, mut candidates: Vec<Candidate>) {
        if self.options.is_weighted {
            self.shuffle(&mut candidates);
        }
        let mut named: Vec<(Address, Candidate)> = Vec::new();
        for (at, candidate) in candidates.into_iter().enumerate() {
            let unnamed = || Address {
                name: format!("endpoint {}", at + 1).into(),
                host: None,
            };
            let address = candidate.address.clone().unwrap_or_else(unnamed);
            if named.iter().all(|(known, _)| known.name != address.name) {
                named.push((address, candidate));
            }
        }
        let names: Vec<_> = named
            .iter()
            .map(|(address, _)| Arc::clone(&address.name))
            .collect();
        let mut state = self.lock();
        let ids = state.selector.set_endpoints(&names);
        state.candidates = (ids.into_iter().zip(named))
            .map(|(id, (address, candidate))| (id, address, candidate))
            .collect();
        let tasks = self.waiting.set_current(state.selector.active());
        drop(state);
        tasks.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Orders candidates at random, in proportion to their weights. The order of the same names
    /// stays the same.
    fn shuffle(&self, candidates: &mut [Candidate]) {
        let key = |candidate: &Candidate| {
            let name = candidate.address.as_ref().map(|address| &address.name);
            // Uniform in (0, 1], so that the exponential variate is finite.
            #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
            let uniform = ((self.seed.hash_one(name) >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            -uniform.ln() / f64::from(candidate.weight)
        };
        candidates.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }

    /// Probes preferred endpoints, and asks the discovery when it has changed.
    async fn upkeep(self: &Arc<Self>) {
        let discovery = Arc::clone(&self.discovery);
        let discover = async {
            loop {
                discovery.changed().await;
                let _known_remain = self.discover().await;
            }
        };
        let probe = async {
            match self.options.failback_after {
                Some(after) => self.keep_probing(after).await,
                None => pending().await,
            }
        };
        let (mut discover, mut probe) = (pin!(discover), pin!(probe));
        poll_fn(|cx| {
            let _: Poll<std::convert::Infallible> = discover.as_mut().poll(cx);
            let _: Poll<std::convert::Infallible> = probe.as_mut().poll(cx);
            Poll::<()>::Pending
        })
        .await;
    }
}
