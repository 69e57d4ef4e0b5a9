//! A connection as one of several that could have been opened: its endpoint, and whether that is
//! still in use.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Shared;
use super::candidate::Address;
use super::selector::{EndpointId, Loss, Sequence};

/// The endpoint that a connection leads to, and what its owner reports about the connection.
///
/// Returned by [`Transport::route`](crate::Transport::route) for connections of a
/// [`Failover`](super::Failover). Clones belong to the same connection.
#[derive(Clone)]
pub struct Route(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    address: Address,
    endpoint: EndpointId,
    began: Sequence,
    opened: Duration,
    /// Whether the connection has completed its handshake.
    established: AtomicBool,
    /// Whether its failure was reported.
    reported: AtomicBool,
    key: u64,
}

/// The tasks that wait until the endpoint in use changes.
#[derive(Default)]
pub(super) struct Waiting {
    /// The endpoint in use, or zero.
    current: AtomicU64,
    tasks: Mutex<Vec<(u64, Waker)>>,
}

impl Waiting {
    /// Sets the endpoint in use. Returns the tasks to wake.
    pub(super) fn set_current(&self, endpoint: Option<EndpointId>) -> Vec<(u64, Waker)> {
        let endpoint = endpoint.unwrap_or_default();
        if self.current.swap(endpoint, Ordering::AcqRel) == endpoint {
            return Vec::new();
        }
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Waker)>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, key: u64, waker: &Waker) {
        let mut tasks = self.lock();
        match tasks.iter_mut().find(|(other, _)| *other == key) {
            Some((_, known)) => known.clone_from(waker),
            None => tasks.push((key, waker.clone())),
        }
    }

    pub(super) fn remove(&self, key: u64) {
        self.lock().retain(|(other, _)| *other != key);
    }
}

impl Route {
    pub(super) fn new(
        shared: &Arc<Shared>,
        address: Address,
        endpoint: EndpointId,
        began: Sequence,
        key: u64,
    ) -> Self {
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            address,
            endpoint,
            began,
            opened: shared.clock.now(),
            established: AtomicBool::new(false),
            reported: AtomicBool::new(false),
            key,
        }))
    }

    /// Returns the name of the endpoint: its address without secrets, or the name that the program
    /// gave it.
    pub fn name(&self) -> &Arc<str> {
        &self.0.address.name
    }

    /// Returns host and port of the endpoint, if they are known.
    pub fn host_and_port(&self) -> Option<(&str, Option<u16>)> {
        let (host, port) = self.0.address.host.as_ref()?;
        Some((host, *port))
    }

    /// Whether another connection leads to the same endpoint.
    pub fn is_same_endpoint(&self, other: &Self) -> bool {
        self.0.endpoint == other.0.endpoint && Arc::ptr_eq(&self.0.shared, &other.0.shared)
    }

    /// Returns a number that identifies the endpoint among those of its failover.
    pub fn endpoint_id(&self) -> u64 {
        self.0.endpoint
    }

    /// Whether new connections lead to the same endpoint. If not, let the replies in flight arrive,
    /// send nothing more over this connection, and open another.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.0.shared.waiting.current.load(Ordering::Acquire) == self.0.endpoint
    }

    /// Ready when the connection is [no longer current](Self::is_current). Only the latest task
    /// that polled a connection is woken.
    pub fn poll_outdated(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_current() {
            self.0.shared.waiting.register(self.0.key, cx.waker());
        }
        match self.is_current() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// Whether there is another endpoint that has not failed recently.
    pub fn has_alternative(&self) -> bool {
        let shared = &self.0.shared;
        let now = shared.clock.now();
        shared.lock().selector.has_alternative(self.0.endpoint, now)
    }

    /// Returns how long the handshake may take while there is
    /// [an alternative](Self::has_alternative).
    pub fn patience(&self) -> Option<Duration> {
        self.has_alternative()
            .then_some(self.0.shared.options.slow_after)
    }

    /// Reports that the handshake is complete.
    /// [`peer_identified`](crate::Transport::peer_identified) reports that, too.
    pub fn established(&self) {
        if !self.0.established.swap(true, Ordering::Relaxed) {
            self.0.shared.lock().selector.established(self.0.endpoint);
        }
    }

    /// Reports that the connection was lost, or that its handshake has failed. A transport reports
    /// its own errors.
    pub fn lost(&self) {
        self.report(match self.0.established.load(Ordering::Relaxed) {
            true => Loss::Lost,
            false => Loss::Handshake,
        });
    }

    /// Reports that the server does not answer any more.
    pub fn unresponsive(&self) {
        self.report(Loss::Unresponsive);
    }

    fn report(&self, loss: Loss) {
        let Inner {
            shared,
            endpoint,
            began,
            opened,
            ..
        } = &*self.0;
        if !self.0.reported.swap(true, Ordering::Relaxed) {
            let now = shared.clock.now();
            shared.change(|selector| selector.lost(*endpoint, *began, *opened, loss, now));
        }
    }

    /// The connection is gone.
    pub(super) fn closed(&self) {
        self.0.shared.waiting.remove(self.0.key);
        self.0.shared.lock().selector.closed(self.0.endpoint);
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("name", self.name())
            .field("is_current", &self.is_current())
            .finish_non_exhaustive()
    }
}
