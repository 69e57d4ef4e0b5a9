//! Guards of faults that last until they are dropped.

use std::sync::Arc;

use tokio::sync::watch;

use super::connections::Connections;
use super::pushes::PushFault;

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

    /// Waits until `count` replies have been withheld: the commands have run, and their callers are
    /// waiting.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        // An error means that a newer hold replaced this one; it will withhold nothing more.
        let _ = self
            .reached
            .clone()
            .wait_for(|withheld| *withheld >= count)
            .await;
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

    /// Waits until `count` pushes have been withheld or lost. A message to several subscribed
    /// connections counts once for each of them.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        self.fault.reached(count).await;
    }
}

impl Drop for PushGuard {
    fn drop(&mut self) {
        self.connections.end_push_fault(&self.fault);
    }
}
