//! A bounded single-producer, single-consumer queue with poll methods.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::TransportError;

/// One end of a channel. Either end may close it.
pub(super) struct Channel<T>(Arc<Mutex<Queue<T>>>);

struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// Set once the channel is closed, with the error that closed it, if any.
    closed: Option<Option<TransportError>>,
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

/// The channel is closed.
#[derive(Debug)]
pub(super) struct ChannelClosed(pub(super) Option<TransportError>);

impl<T> Channel<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue {
            items: VecDeque::new(),
            capacity,
            closed: None,
            sender: None,
            receiver: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // The lock is never held across code that may panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the queue has capacity for one item.
    pub(super) fn poll_capacity(&self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelClosed>> {
        let mut queue = self.lock();
        if queue.closed.is_some() {
            return Poll::Ready(Err(ChannelClosed(None)));
        }
        if queue.items.len() < queue.capacity {
            return Poll::Ready(Ok(()));
        }
        queue.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn send(&self, item: T) -> Result<(), ChannelClosed> {
        let mut queue = self.lock();
        if queue.closed.is_some() {
            return Err(ChannelClosed(None));
        }
        queue.items.push_back(item);
        wake(queue.receiver.take(), queue);
        Ok(())
    }

    /// Receives the next item. Items sent before the channel was closed are still received.
    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Result<T, ChannelClosed>> {
        let mut queue = self.lock();
        if let Some(item) = queue.items.pop_front() {
            wake(queue.sender.take(), queue);
            return Poll::Ready(Ok(item));
        }
        if let Some(reason) = &mut queue.closed {
            return Poll::Ready(Err(ChannelClosed(reason.take())));
        }
        queue.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Closes the channel. Only the first call has an effect.
    pub(super) fn close(&self, reason: Option<TransportError>) {
        let mut queue = self.lock();
        queue.closed.get_or_insert(reason);
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

/// Wakes a task after releasing the lock, because a waker may run arbitrary code.
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
