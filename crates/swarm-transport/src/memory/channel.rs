//! A bounded queue between two tasks, polled from both ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::TransportError;

/// One sender and one receiver share a channel; either may end it.
pub(super) struct Channel<T>(Arc<Mutex<Queue<T>>>);

struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// Set when the channel has ended; the sender may say why.
    ended: Option<Option<TransportError>>,
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

/// The other side has ended the channel.
#[derive(Debug)]
pub(super) struct Ended(pub(super) Option<TransportError>);

impl<T> Channel<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue {
            items: VecDeque::new(),
            capacity,
            ended: None,
            sender: None,
            receiver: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // No code that may panic runs while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when there is room for one item.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut queue = self.lock();
        if queue.ended.is_some() {
            return Poll::Ready(Err(Ended(None)));
        }
        if queue.items.len() < queue.capacity {
            return Poll::Ready(Ok(()));
        }
        queue.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn send(&self, item: T) -> Result<(), Ended> {
        let mut queue = self.lock();
        if queue.ended.is_some() {
            return Err(Ended(None));
        }
        queue.items.push_back(item);
        wake(queue.receiver.take(), queue);
        Ok(())
    }

    /// The next item; what was sent before the end comes before the end.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<T, Ended>> {
        let mut queue = self.lock();
        if let Some(item) = queue.items.pop_front() {
            wake(queue.sender.take(), queue);
            return Poll::Ready(Ok(item));
        }
        if let Some(why) = &mut queue.ended {
            return Poll::Ready(Err(Ended(why.take())));
        }
        queue.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends the channel. The first end counts.
    pub(super) fn end(&self, why: Option<TransportError>) {
        let mut queue = self.lock();
        queue.ended.get_or_insert(why);
        let wakers = (queue.sender.take(), queue.receiver.take());
        drop(queue);
        if let Some(waker) = wakers.0 {
            waker.wake();
        }
        if let Some(waker) = wakers.1 {
            waker.wake();
        }
    }
}

/// Wakes outside the lock, for a waker may run anything.
fn wake<T>(waker: Option<Waker>, queue: MutexGuard<'_, Queue<T>>) {
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
