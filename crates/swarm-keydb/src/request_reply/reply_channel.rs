//! Channel for one reply, from the driver to the waiting task.
//!
//! Tokio's `oneshot` does the same. This channel knows the waker of its receiver when it is
//! created, hands the wake-up out instead of performing it, so that the driver can wake the tasks
//! of a batch together, and reads the reply without a lock once the sender is gone: see
//! ARCHITECTURE.md for what that saves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sends the value. Dropping the sender resolves the receiver to `None`.
#[derive(Debug)]
pub(crate) struct Sender<T>(Option<Arc<Cell<T>>>);

/// Resolves to the value, or to `None` if the sender was dropped.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Option<Arc<Cell<T>>>);

/// Wakes a task when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    /// Creates the wake-up of a task, if there is one to wake.
    pub(super) const fn of(waker: Option<Waker>) -> Self {
        Self(waker)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

#[derive(Debug)]
struct Cell<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    Pending(Option<Waker>),
    Sent(T),
    /// The sender is gone, or the value was received.
    Empty,
}

/// Creates a channel. `waker` is that of the task that awaits the receiver, if it is known.
pub(crate) fn channel<T>(waker: Option<Waker>) -> (Sender<T>, Receiver<T>) {
    let cell = Arc::new(Cell(Mutex::new(State::Pending(waker))));
    (Sender(Some(Arc::clone(&cell))), Receiver(Some(cell)))
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code panics while it holds the lock, so a poisoned state is intact.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_state(self) -> State<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, state: State<T>) -> Wake {
        match std::mem::replace(&mut *self.lock(), state) {
            State::Pending(waker) => Wake(waker),
            _ => Wake(None),
        }
    }
}

impl<T> Sender<T> {
    /// Whether the receiver was dropped.
    pub(crate) fn is_closed(&self) -> bool {
        (self.0.as_ref()).is_none_or(|cell| Arc::strong_count(cell) == 1)
    }

    pub(crate) fn send(mut self, value: T) -> Wake {
        match self.0.take() {
            Some(cell) => cell.end(State::Sent(value)),
            None => Wake(None),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            drop(cell.end(State::Empty));
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Once the sender is gone, this is the only reference, so no lock is needed.
        if let Some(cell) = self.0.take_if(|cell| Arc::strong_count(cell) == 1) {
            return Poll::Ready(match Arc::try_unwrap(cell).ok().map(Cell::into_state) {
                Some(State::Sent(value)) => Some(value),
                _ => None,
            });
        }
        let Some(cell) = &self.0 else {
            return Poll::Ready(None);
        };
        let mut state = cell.lock();
        if let State::Pending(waker) = &mut *state {
            if !waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                *waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Empty) {
            State::Sent(value) => Poll::Ready(Some(value)),
            _ => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(receiver: &mut Receiver<T>) -> Poll<Option<T>> {
        Pin::new(receiver).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn sending_wakes_the_receiver() {
        let (sender, receiver) = channel(None);
        let receiver = tokio::spawn(receiver);
        tokio::task::yield_now().await;
        drop(sender.send(1));
        assert_eq!(receiver.await.unwrap(), Some(1));
    }

    #[test]
    fn a_receiver_resolves_to_the_value_or_to_none_without_a_sender() {
        let (sender, mut receiver) = channel(None);
        assert_eq!(poll(&mut receiver), Poll::Pending);
        drop(sender.send(1));
        assert_eq!(poll(&mut receiver), Poll::Ready(Some(1)));

        let (sender, mut receiver) = channel::<u8>(None);
        drop(sender);
        assert_eq!(poll(&mut receiver), Poll::Ready(None));
    }

    #[test]
    fn a_channel_is_closed_once_the_receiver_is_dropped() {
        let (sender, receiver) = channel::<u8>(None);
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }
}
