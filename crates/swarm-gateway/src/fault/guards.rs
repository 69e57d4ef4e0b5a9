//! Handles of faults: guards of those that last until they are dropped, and planned ones.

use std::sync::Arc;

use tokio::sync::watch;

use super::connections::Connections;
use super::pushes::PushFault;
use super::uses::Uses;

/// A fault that was planned for upcoming commands, such as by
/// [`Faults::cut_after`](super::Faults::cut_after).
///
/// Dropping it changes nothing: the fault stays planned.
#[derive(Debug)]
pub struct PlannedFault {
    pub(super) uses: Uses,
}

impl PlannedFault {
    /// Cancels the fault. Commands that it has not applied to run as usual.
    pub fn cancel(self) {
        self.uses.cancel();
    }

    /// Returns how often the fault has applied.
    pub fn applied(&self) -> usize {
        self.uses.applied()
    }

    /// Returns how often the fault will still apply, or `None` if it applies until it is canceled.
    pub fn remaining(&self) -> Option<u32> {
        self.uses.left()
    }

    /// Waits until the fault has applied `count` times.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        self.when_applied(count).await;
    }

    /// Waits like [`reached`](Self::reached), without borrowing the fault.
    pub(crate) fn when_applied(&self, count: usize) -> impl Future<Output = ()> + Send + use<> {
        let uses = self.uses.clone();
        async move { uses.reached(count).await }
    }
}

/// Guard that withholds replies; see [`Faults::hold`](super::Faults::hold).
#[derive(Debug)]
pub struct Hold {
    pub(super) open: watch::Sender<usize>,
    pub(super) reached: watch::Receiver<usize>,
}

impl Hold {
    /// Releases the withheld replies and stops withholding.
    pub fn release(self) {
        self.open.send_replace(0);
    }

    /// Returns how many replies have been withheld, including those that were released since.
    pub fn applied(&self) -> usize {
        *self.reached.borrow()
    }

    /// Waits until `count` replies have been withheld: the commands have run, and their callers are
    /// waiting.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        self.when_applied(count).await;
    }

    /// Waits like [`reached`](Self::reached), without borrowing the hold.
    pub(crate) fn when_applied(&self, count: usize) -> impl Future<Output = ()> + Send + use<> {
        let mut reached = self.reached.clone();
        async move {
            // An error means that a newer hold replaced this one; it will withhold nothing more.
            let _ = reached.wait_for(|withheld| *withheld >= count).await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.open.send_replace(0);
    }
}

/// Number of guards that keep a fault active.
#[derive(Debug)]
pub(super) struct Active(watch::Sender<usize>);

impl Active {
    pub(super) fn new() -> Self {
        Self(watch::channel(0).0)
    }

    pub(super) fn is_active(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until the fault is not active.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut guards = self.0.subscribe();
        async move {
            // The gateway itself has ended if its sender has been dropped.
            let _ = guards.wait_for(|guards| *guards == 0).await;
        }
    }

    fn guard(&self) -> Guard {
        self.0.send_modify(|guards| *guards += 1);
        Guard(self.0.clone())
    }

    pub(super) fn freeze(&self) -> FreezeGuard {
        FreezeGuard {
            _guard: self.guard(),
        }
    }

    pub(super) fn refuse(&self) -> RefuseGuard {
        RefuseGuard {
            _guard: self.guard(),
        }
    }
}

/// Keeps a fault active until it is dropped.
#[derive(Debug)]
struct Guard(watch::Sender<usize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0
            .send_modify(|guards| *guards = guards.saturating_sub(1));
    }
}

/// Guard that keeps the gateway frozen; see [`Faults::freeze`](super::Faults::freeze).
#[derive(Debug)]
pub struct FreezeGuard {
    _guard: Guard,
}

/// Guard that makes the gateway close new connections; see
/// [`Faults::refuse`](super::Faults::refuse).
#[derive(Debug)]
pub struct RefuseGuard {
    _guard: Guard,
}

/// Guard that withholds or loses pushes; see [`Faults::hold_pushes`](super::Faults::hold_pushes)
/// and [`Faults::lose_pushes`](super::Faults::lose_pushes).
#[derive(Debug)]
pub struct PushGuard {
    connections: Arc<Connections>,
    fault: Arc<PushFault>,
}

impl PushGuard {
    pub(super) fn start(connections: &Arc<Connections>, withholds: bool) -> Self {
        let fault = Arc::new(PushFault::new(withholds));
        connections.start_push_fault(fault.clone());
        Self {
            connections: connections.clone(),
            fault,
        }
    }

    /// Ends the fault. Withheld pushes are sent in their order.
    pub fn release(self) {}

    /// Returns how many pushes have been withheld or lost.
    pub fn applied(&self) -> usize {
        self.fault.count()
    }

    /// Waits until `count` pushes have been withheld or lost. A message to several subscribed
    /// connections counts once for each of them.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        self.when_applied(count).await;
    }

    /// Waits like [`reached`](Self::reached), without borrowing the guard.
    pub(crate) fn when_applied(&self, count: usize) -> impl Future<Output = ()> + Send + use<> {
        let fault = self.fault.clone();
        async move { fault.reached(count).await }
    }
}

impl Drop for PushGuard {
    fn drop(&mut self) {
        self.connections.end_push_fault(&self.fault);
    }
}
