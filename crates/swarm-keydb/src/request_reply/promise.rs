//! One answer on its way from the driver to the task that waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The end that gives the answer. Dropping it tells the other end that there will be none.
#[derive(Debug)]
pub(crate) struct Promise<T>(Option<Arc<Cell<T>>>);

/// The end that waits: `None` when there will be no answer. Dropping it tells the other end that nobody waits.
#[derive(Debug)]
pub(crate) struct Promised<T>(Option<Arc<Cell<T>>>);

/// Wakes a task when it is dropped: so whoever holds it chooses when, and forgets nobody.
#[derive(Debug, Default)]
pub(crate) struct Wake(Option<Waker>);

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// What both ends share. A channel of the runtime's would do as well; this one is told its waiter when it is made, and so
/// costs half.
#[derive(Debug)]
struct Cell<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    Waiting(Option<Waker>),
    Kept(T),
    Broken,
}

/// Both ends. `waiter` is who polls the second one first.
pub(crate) fn promise<T>(waiter: Option<Waker>) -> (Promise<T>, Promised<T>) {
    let cell = Arc::new(Cell(Mutex::new(State::Waiting(waiter))));
    (Promise(Some(Arc::clone(&cell))), Promised(Some(cell)))
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is locked, so what is there is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_state(self) -> State<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, state: State<T>) -> Wake {
        match std::mem::replace(&mut *self.lock(), state) {
            State::Waiting(waiter) => Wake(waiter),
            _ => Wake(None),
        }
    }
}

impl<T> Promise<T> {
    /// Whether nobody waits.
    pub(super) fn is_gone(&self) -> bool {
        (self.0.as_ref()).is_none_or(|cell| Arc::strong_count(cell) == 1)
    }

    pub(super) fn keep(mut self, answer: T) -> Wake {
        match self.0.take() {
            Some(cell) => cell.end(State::Kept(answer)),
            None => Wake(None),
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            drop(cell.end(State::Broken));
        }
    }
}

impl<T> Promised<T> {
    /// Whether the answer is there. Asked by who will not wait for it.
    pub(super) fn was_kept(self) -> bool {
        (self.0.as_ref()).is_some_and(|cell| matches!(&*cell.lock(), State::Kept(_)))
    }
}

impl<T> Future for Promised<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Once the other end has done its part and is gone, nobody else has the cell, and no lock is needed.
        if let Some(cell) = self.0.take_if(|cell| Arc::strong_count(cell) == 1) {
            return Poll::Ready(match Arc::into_inner(cell).map(Cell::into_state) {
                Some(State::Kept(answer)) => Some(answer),
                _ => None,
            });
        }
        let Some(cell) = &self.0 else {
            return Poll::Ready(None);
        };
        let mut state = cell.lock();
        if let State::Waiting(waiter) = &mut *state {
            if !waiter
                .as_ref()
                .is_some_and(|waiter| waiter.will_wake(cx.waker()))
            {
                *waiter = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Broken) {
            State::Kept(answer) => Poll::Ready(Some(answer)),
            _ => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn poll<T>(promised: &mut Promised<T>) -> Poll<Option<T>> {
        Pin::new(promised).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn an_answer_wakes_its_waiter() {
        let (promise, promised) = promise(None);
        let waiter = tokio::spawn(promised);
        tokio::task::yield_now().await;
        drop(promise.keep(1));
        assert_eq!(waiter.await.unwrap(), Some(1));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_answer_that_comes_while_it_is_asked_for_is_not_missed() {
        for n in 0..5000 {
            let (promise, promised) = promise(None);
            let waiter = tokio::spawn(promised);
            let keeper = tokio::spawn(async move { drop(promise.keep(n)) });
            let answer = tokio::time::timeout(Duration::from_secs(10), waiter).await;
            assert_eq!(answer.expect("it hangs").unwrap(), Some(n));
            keeper.await.unwrap();
        }
    }

    #[test]
    fn an_answer_may_come_first_and_none_may_come() {
        let (kept, mut promised) = promise(None);
        assert_eq!(poll(&mut promised), Poll::Pending);
        drop(kept.keep(1));
        assert_eq!(poll(&mut promised), Poll::Ready(Some(1)));

        let (broken, mut promised) = promise::<u8>(None);
        drop(broken);
        assert_eq!(poll(&mut promised), Poll::Ready(None));
    }

    #[test]
    fn nobody_waits_once_the_waiting_end_is_dropped() {
        let (promise, promised) = promise::<u8>(None);
        assert!(!promise.is_gone());
        drop(promised);
        assert!(promise.is_gone());
    }
}
