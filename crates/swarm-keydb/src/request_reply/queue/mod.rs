//! Bounded queue between the handles of a client and the driver of its connection.
//!
//! The receiver takes all queued values at once, so it pays for the lock once per batch, and
//! senders wake the receiver only while it sleeps. One lock guards both the queue and its free
//! capacity, because a lock that many tasks share is the most expensive part of sending a command.
//! Tokio's `Semaphore` and `mpsc` channel take two such steps and cost more: see ARCHITECTURE.md.
//!
//! A [`Permit`] outlives the queue entry: its owner keeps it until the value no longer counts
//! against the capacity. The receiver's task owns all permits, so returning one takes no lock; the
//! receiver collects returned capacity before it sleeps, and a sender that finds too little
//! collects it itself.
//!
//! A *control* takes no capacity and can be sent to a closed queue. The receiver gets it together
//! with the values queued before it, however full the queue is.
//!
//! Senders wait in a semaphore, which owns all free capacity while any sender waits, so that they
//! cannot be overtaken. Only the first of them waits there; the others wait for their turn, which
//! ends when a value is queued. Two senders that had capacity at the same time could swap places.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Waker};

use tokio::sync::{Mutex as Turnstile, Semaphore};

use super::sync::{Arc, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};
use crate::runtime::unconstrained;

/// Creates a queue of a capacity in bytes, with values of type `T` and controls of type `C`.
pub(crate) fn queue<T, C>(capacity: usize) -> (Sender<T, C>, Receiver<T, C>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            entries: VecDeque::new(),
            controls: Vec::new(),
            open: true,
            ended: false,
            closed_unseen: false,
            sleeper: None,
            free: capacity,
            waiting: 0,
        }),
        returned: Arc::new(AtomicUsize::new(0)),
        turn: Turnstile::new(()),
        granted: Semaphore::new(0),
    });
    let taken = VecDeque::new();
    (Sender(Arc::clone(&shared)), Receiver { shared, taken })
}

/// Sending side of the queue. Dropping it closes the queue; queued values can still be received.
pub(crate) struct Sender<T, C>(Arc<Shared<T, C>>);

/// Receiving side of the queue. Dropping it closes the queue and drops all queued values.
pub(crate) struct Receiver<T, C> {
    shared: Arc<Shared<T, C>>,
    /// Empty between batches; keeps the allocation.
    taken: VecDeque<Entry<T>>,
}

/// Capacity that a received value takes, until the permit is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    size: usize,
    returned: Arc<AtomicUsize>,
}

/// Why a value was not queued.
pub(crate) enum TrySendError<T> {
    /// There is not enough free capacity, or other senders are waiting for it.
    Full(T),
    /// The queue is closed.
    Closed,
}

/// The queue is closed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// What the receiver has taken besides values.
#[must_use]
pub(crate) struct Taken<C> {
    /// Whether the queue is open.
    pub(crate) open: bool,
    /// Controls, in order. They were sent after the values taken before.
    pub(crate) controls: Vec<C>,
}

struct Shared<T, C> {
    state: Mutex<State<T, C>>,
    /// Capacity that dropped permits have returned and that has not been collected yet.
    returned: Arc<AtomicUsize>,
    /// Held by the first waiting sender until its value is queued.
    turn: Turnstile<()>,
    /// Capacity granted to waiting senders. Empty while none waits.
    granted: Semaphore,
}

struct State<T, C> {
    entries: VecDeque<Entry<T>>,
    /// Seldom more than one.
    controls: Vec<C>,
    /// Whether values are accepted.
    open: bool,
    /// Whether controls are refused, too.
    ended: bool,
    /// Whether the queue was closed since the receiver last looked.
    closed_unseen: bool,
    /// The receiver, while it sleeps.
    sleeper: Option<Waker>,
    /// Capacity that a sender may take at once.
    free: usize,
    /// Number of waiting senders.
    waiting: usize,
}

struct Entry<T> {
    value: T,
    size: usize,
}

impl<T, C> Shared<T, C> {
    fn lock(&self) -> MutexGuard<'_, State<T, C>> {
        // No code panics while it holds the lock, so a poisoned state is intact.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Collects returned capacity. While senders wait, all free capacity is theirs: the caller must
    /// grant the result to them after releasing the lock, because granting wakes tasks.
    #[must_use]
    fn collect(&self, state: &mut State<T, C>) -> usize {
        state.free = state
            .free
            .saturating_add(self.returned.swap(0, Ordering::Acquire));
        if state.waiting > 0 {
            return std::mem::take(&mut state.free);
        }
        self.reclaim(state);
        0
    }

    /// Takes back granted capacity that was not used, if no sender waits.
    fn reclaim(&self, state: &mut State<T, C>) {
        if state.waiting == 0 {
            let unused = self.granted.forget_permits(Semaphore::MAX_PERMITS);
            state.free = state.free.saturating_add(unused);
        }
    }

    fn grant(&self, capacity: usize) {
        if capacity > 0 {
            self.granted.add_permits(capacity);
        }
    }

    fn free(&self) -> usize {
        let state = self.lock();
        let elsewhere = (self.granted.available_permits())
            .saturating_add(self.returned.load(Ordering::Relaxed));
        state.free.saturating_add(elsewhere)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed_unseen |= state.open;
        state.open = false;
        let sleeper = state.sleeper.take();
        drop(state);
        self.granted.close();
        wake(sleeper);
    }
}

impl<T, C> Sender<T, C> {
    /// Appends a value if there is enough free capacity and no sender waits.
    #[inline]
    pub(crate) fn try_send(&self, value: T, size: u32) -> Result<(), TrySendError<T>> {
        let size = widen(size);
        let mut state = self.0.lock();
        if !state.open {
            return Err(TrySendError::Closed);
        }
        if state.waiting > 0 || size > state.free {
            return self.try_send_collected(state, value, size);
        }
        state.free -= size;
        push(state, value, size);
        Ok(())
    }

    /// Appends a value that takes no capacity, because it has taken some elsewhere.
    ///
    /// # Errors
    ///
    /// Returns the value if the queue is closed.
    pub(crate) fn send_free(&self, value: T) -> Result<(), T> {
        let state = self.0.lock();
        if !state.open {
            return Err(value);
        }
        push(state, value, 0);
        Ok(())
    }

    /// Sends a control, whether the queue is open or not.
    ///
    /// # Errors
    ///
    /// Returns the control if the receiver has ended.
    pub(crate) fn send_control(&self, control: C) -> Result<(), C> {
        let mut state = self.0.lock();
        if state.ended {
            return Err(control);
        }
        state.controls.push(control);
        let sleeper = state.sleeper.take();
        drop(state);
        wake(sleeper);
        Ok(())
    }

    #[cold]
    fn try_send_collected(
        &self,
        mut state: MutexGuard<'_, State<T, C>>,
        value: T,
        size: usize,
    ) -> Result<(), TrySendError<T>> {
        let granted = self.0.collect(&mut state);
        if state.waiting > 0 || size > state.free {
            drop(state);
            self.0.grant(granted);
            return Err(TrySendError::Full(value));
        }
        state.free -= size;
        push(state, value, size);
        Ok(())
    }

    /// Waits for capacity and appends a value. Senders that wait are served in the order in which
    /// they were first polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the value and returns the capacity.
    pub(crate) async fn send(&self, value: T, size: u32) -> Result<(), Closed> {
        let _waiting = Waiting::new(&self.0)?;
        // A task whose cooperative budget is spent would otherwise not get in line when polled.
        let _turn = unconstrained(self.0.turn.lock()).await;
        let permit = unconstrained(self.0.granted.acquire_many(size)).await;
        let permit = permit.map_err(|_closed| Closed)?;
        let state = self.0.lock();
        if !state.open {
            return Err(Closed);
        }
        permit.forget();
        push(state, value, widen(size));
        Ok(())
    }

    /// Returns the free capacity.
    pub(crate) fn free(&self) -> usize {
        self.0.free()
    }

    /// Whether the queue takes values.
    pub(crate) fn is_open(&self) -> bool {
        self.0.lock().open
    }

    /// Closes the queue. Queued values can still be received.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl<T, C> Drop for Sender<T, C> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T, C> Receiver<T, C> {
    /// Takes all queued values and controls, in order.
    pub(crate) fn take(&mut self, mut each: impl FnMut(T, Permit)) -> Taken<C> {
        let mut state = self.shared.lock();
        state.closed_unseen = false;
        let open = state.open;
        std::mem::swap(&mut self.taken, &mut state.entries);
        let controls = std::mem::take(&mut state.controls);
        drop(state);
        for Entry { value, size } in self.taken.drain(..) {
            let returned = Arc::clone(&self.shared.returned);
            each(value, Permit { size, returned });
        }
        Taken { open, controls }
    }

    /// Registers the task to be woken by the next change, and returns true. Returns false if there
    /// has been a change since the last call to `take`. Also grants capacity to waiting senders, so
    /// the task must call this method before it sleeps.
    pub(crate) fn sleep(&self, cx: &Context<'_>) -> bool {
        let mut state = self.shared.lock();
        let sleeps = state.entries.is_empty() && state.controls.is_empty() && !state.closed_unseen;
        if sleeps && !(state.sleeper.as_ref()).is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.sleeper = Some(cx.waker().clone());
        }
        let granted = match state.waiting {
            0 => 0,
            _ => self.shared.collect(&mut state),
        };
        drop(state);
        self.shared.grant(granted);
        sleeps
    }

    /// Closes the queue. Queued values can still be received.
    pub(crate) fn close(&self) {
        self.shared.close();
    }

    /// Closes the queue for controls, too, and drops all queued values and controls.
    pub(crate) fn end(&mut self) {
        self.shared.lock().ended = true;
        self.shared.close();
        drop(self.take(|value, _permit| drop(value)));
    }
}

impl<T, C> Drop for Receiver<T, C> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.returned.fetch_add(self.size, Ordering::Release);
    }
}

/// Counts a sender as waiting.
struct Waiting<'a, T, C>(&'a Shared<T, C>);

impl<'a, T, C> Waiting<'a, T, C> {
    fn new(shared: &'a Shared<T, C>) -> Result<Self, Closed> {
        let mut state = shared.lock();
        if !state.open {
            return Err(Closed);
        }
        state.waiting += 1;
        // A sleeping receiver would not collect the capacity returned since.
        let granted = shared.collect(&mut state);
        drop(state);
        shared.grant(granted);
        Ok(Self(shared))
    }
}

impl<T, C> Drop for Waiting<'_, T, C> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting -= 1;
        self.0.reclaim(&mut state);
    }
}

impl<T, C> fmt::Debug for Sender<T, C> {
    /// Shows the free capacity and no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f.debug_struct("Sender").field("free", &self.free())).finish_non_exhaustive()
    }
}

#[inline]
fn push<T, C>(mut state: MutexGuard<'_, State<T, C>>, value: T, size: usize) {
    state.entries.push_back(Entry { value, size });
    let sleeper = state.sleeper.take();
    drop(state);
    wake(sleeper);
}

fn wake(sleeper: Option<Waker>) {
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}

/// The sizes of entries are 32 bits wide, as in tokio's semaphore. The capacity is not.
const fn widen(size: u32) -> usize {
    size as usize
}
