//! Connections of a failover: their endpoints, and whether those are still in use.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Shared;
use super::candidate::Address;
use super::selector::{EndpointId, Loss, Sequence};
use crate::route::Routing;

/// A connection of a failover.
pub(super) struct Connection {
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

impl Connection {
    pub(super) fn new(
        shared: &Arc<Shared>,
        address: Address,
        endpoint: EndpointId,
        began: Sequence,
        key: u64,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            address,
            endpoint,
            began,
            opened: shared.clock.now(),
            established: AtomicBool::new(false),
            reported: AtomicBool::new(false),
            key,
        }
    }

    fn report(&self, loss: Loss) {
        if !self.reported.swap(true, Ordering::Relaxed) {
            let now = self.shared.clock.now();
            self.shared.change(|selector| {
                selector.lost(self.endpoint, self.began, self.opened, loss, now);
            });
        }
    }

    /// The connection is gone.
    pub(super) fn closed(&self) {
        self.shared.waiting.remove(self.key);
        self.shared.lock().selector.closed(self.endpoint);
    }
}

impl Routing for Connection {
    fn name(&self) -> &Arc<str> {
        &self.address.name
    }

    fn host_and_port(&self) -> Option<(&str, Option<u16>)> {
        let (host, port) = self.address.host.as_ref()?;
        Some((host, *port))
    }

    fn connector(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    fn endpoint(&self) -> u64 {
        self.endpoint
    }

    fn is_current(&self) -> bool {
        self.shared.waiting.current.load(Ordering::Acquire) == self.endpoint
    }

    fn poll_outdated(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_current() {
            self.shared.waiting.register(self.key, cx.waker());
        }
        match self.is_current() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn has_alternative(&self) -> bool {
        let now = self.shared.clock.now();
        let state = self.shared.lock();
        state.selector.has_alternative(self.endpoint, now)
    }

    fn patience(&self) -> Option<Duration> {
        self.has_alternative()
            .then_some(self.shared.options.slow_after)
    }

    fn established(&self) {
        if !self.established.swap(true, Ordering::Relaxed) {
            self.shared.lock().selector.established(self.endpoint);
        }
    }

    fn lost(&self) {
        self.report(match self.established.load(Ordering::Relaxed) {
            true => Loss::Lost,
            false => Loss::Handshake,
        });
    }

    fn unresponsive(&self) {
        self.report(Loss::Unresponsive);
    }

    fn retired(&self) {
        self.shared.retire(self.endpoint);
    }
}
