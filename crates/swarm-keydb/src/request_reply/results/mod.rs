//! Results of the commands of a bulk: calls of their own that one task awaits together.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use swarm_resp::Frame;

use super::reply_channel::Wake;
use crate::failure::Failure;

/// Maximum number of commands of one bulk that are queued and not sent. Commands of other tasks
/// wait behind no more than these.
const UNSENT: usize = 128;

/// The task adds commands when no more than this many are left, so that it is woken once per batch.
const REFILL: usize = UNSENT / 2;

/// Results by position. Dropping it withdraws the calls that have not been sent.
pub(super) struct Results(Arc<Shared>);

/// Receives the result of one command.
#[derive(Debug)]
pub(crate) struct ResultSender {
    results: Weak<Shared>,
    position: usize,
    /// Capacity that the command takes until it has its result.
    size: usize,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    entries: Vec<Entry>,
    /// Number of commands that are queued and not sent.
    unsent: usize,
    /// Number of commands without a result that are queued or in flight.
    pending: usize,
    /// Capacity that those commands take.
    taken: usize,
    /// Maximum of `taken`, unless one command alone takes more.
    limit: usize,
    /// Number of commands that were sent.
    sent: usize,
    /// The task, and what it waits for.
    waiting: Option<(Until, Waker)>,
}

#[derive(Debug)]
enum Entry {
    /// Not queued yet.
    Held,
    /// Queued.
    Unsent,
    Sent,
    Done(Result<Frame, Failure>),
}

/// What the task waits for.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// A command of this size may be queued.
    Capacity(usize),
    /// No command is queued or in flight.
    Settled,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so a poisoned state is intact.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_capacity(&self, size: usize) -> bool {
        self.pending == 0 || self.taken.saturating_add(size) <= self.limit
    }

    /// Returns the task to wake, if it can go on.
    fn awakened(&mut self) -> Option<Waker> {
        let goes_on = match self.waiting.as_ref()?.0 {
            Until::Capacity(size) => self.unsent <= REFILL && self.has_capacity(size),
            Until::Settled => self.pending == 0,
        };
        if goes_on {
            Some(self.waiting.take()?.1)
        } else {
            None
        }
    }

    /// Whether the command was sent. `None` if it has a result or does not exist.
    fn is_sent(&self, position: usize) -> Option<bool> {
        match self.entries.get(position)? {
            Entry::Held | Entry::Unsent => Some(false),
            Entry::Sent => Some(true),
            Entry::Done(_) => None,
        }
    }
}

impl Results {
    /// Creates the results of a number of commands, which may take this much capacity at a time.
    pub(super) fn new(commands: usize, limit: usize) -> Self {
        Self(Arc::new(Shared(Mutex::new(State {
            entries: (0..commands).map(|_| Entry::Held).collect(),
            unsent: 0,
            pending: 0,
            taken: 0,
            limit,
            sent: 0,
            waiting: None,
        }))))
    }

    /// Waits until a command of this size may be queued.
    pub(super) fn poll_capacity(&self, size: usize, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.unsent < UNSENT && state.has_capacity(size) {
            return Poll::Ready(());
        }
        state.waiting = Some((Until::Capacity(size), cx.waker().clone()));
        Poll::Pending
    }

    /// Waits until no command is queued or in flight.
    pub(super) fn poll_settled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.pending == 0 {
            return Poll::Ready(());
        }
        state.waiting = Some((Until::Settled, cx.waker().clone()));
        Poll::Pending
    }

    /// Creates the sender of a command that is about to be queued.
    pub(super) fn sender(&self, position: usize, size: usize) -> ResultSender {
        let mut state = self.0.lock();
        state.unsent = state.unsent.saturating_add(1);
        state.pending = state.pending.saturating_add(1);
        state.taken = state.taken.saturating_add(size);
        if let Some(entry) = state.entries.get_mut(position) {
            *entry = Entry::Unsent;
        }
        ResultSender {
            results: Arc::downgrade(&self.0),
            position,
            size,
        }
    }

    /// Sets the result of a command that was not queued, whatever its sender has reported.
    pub(super) fn fail(&self, position: usize, failure: Failure) {
        if let Some(entry) = self.0.lock().entries.get_mut(position) {
            *entry = Entry::Done(Err(failure));
        }
    }

    /// Withdraws all commands that have not been sent.
    pub(super) fn withdraw(&self, failure: &Failure) {
        let mut state = self.0.lock();
        for entry in &mut state.entries {
            if matches!(entry, Entry::Held | Entry::Unsent) {
                *entry = Entry::Done(Err(failure.clone()));
            }
        }
        // Their senders still exist, and count off what they take when they are dropped.
        state.pending = state.pending.saturating_sub(state.unsent);
        state.unsent = 0;
    }

    /// Returns how many commands have been sent.
    pub(super) fn sent(&self) -> usize {
        self.0.lock().sent
    }

    /// Returns all results. A command without one was not sent.
    pub(super) fn into_vec(self) -> Vec<Result<Frame, Failure>> {
        let entries = std::mem::take(&mut self.0.lock().entries);
        let results = entries.into_iter().map(|entry| match entry {
            Entry::Done(result) => result,
            Entry::Held | Entry::Unsent | Entry::Sent => Err(Failure::Withheld),
        });
        results.collect()
    }
}

impl ResultSender {
    /// Whether nobody waits for the result.
    pub(crate) fn is_closed(&self) -> bool {
        let results = self.results.upgrade();
        results.is_none_or(|results| results.lock().is_sent(self.position).is_none())
    }

    /// The command is about to be sent. Returns false if it was withdrawn.
    pub(crate) fn start(&self) -> bool {
        let Some(results) = self.results.upgrade() else {
            return false;
        };
        let mut state = results.lock();
        match state.entries.get_mut(self.position) {
            Some(entry @ Entry::Unsent) => *entry = Entry::Sent,
            Some(Entry::Sent) => return true,
            _ => return false,
        }
        state.unsent = state.unsent.saturating_sub(1);
        state.sent = state.sent.saturating_add(1);
        let awakened = state.awakened();
        drop(state);
        drop(Wake::of(awakened));
        true
    }

    /// Sets the result.
    pub(crate) fn send(mut self, result: Result<Frame, Failure>) -> Wake {
        self.settle(|_| result)
    }

    fn settle(&mut self, result: impl FnOnce(bool) -> Result<Frame, Failure>) -> Wake {
        let results = std::mem::take(&mut self.results);
        let Some(results) = results.upgrade() else {
            return Wake::default();
        };
        let mut state = results.lock();
        if let Some(sent) = state.is_sent(self.position) {
            state.unsent = state.unsent.saturating_sub(usize::from(!sent));
            state.pending = state.pending.saturating_sub(1);
            if let Some(entry) = state.entries.get_mut(self.position) {
                *entry = Entry::Done(result(sent));
            }
        }
        state.taken = state.taken.saturating_sub(self.size);
        Wake::of(state.awakened())
    }
}

impl Drop for ResultSender {
    /// The task of the connection was dropped with its runtime.
    fn drop(&mut self) {
        drop(self.settle(|sent| Err(Failure::runtime_gone(sent))));
    }
}
