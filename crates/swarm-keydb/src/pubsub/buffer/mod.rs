//! Bounded buffer of events between a connection and a subscription.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::{Event, Message};
use super::options::{Overflow, SubscribeOptions};
use crate::error::{Error, Result};
use crate::failure::Failure;

/// Buffer with one producer, the connection's task, and one consumer, the subscription.
#[derive(Debug, Clone)]
pub(super) struct Buffer {
    options: SubscribeOptions,
    queue: Arc<Mutex<Queue>>,
    /// Number of messages that all buffers of the client have dropped.
    lost: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Messages and the gaps between them. Two gaps are never adjacent, so the bound on messages
    /// bounds the gaps too.
    items: VecDeque<Item>,
    /// Number of messages in `items`.
    messages: usize,
    /// Total size of these messages.
    bytes: usize,
    /// Number of messages dropped from the front of `items`.
    dropped: u64,
    /// Number of messages dropped by the current push.
    lost: u64,
    /// Set when no more events follow.
    end: Option<End>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
enum Item {
    Message(Message),
    /// Messages were dropped here, the client reconnected here, or both.
    Gap {
        dropped: u64,
        reconnected: bool,
    },
}

#[derive(Debug)]
enum End {
    /// The client was closed.
    Closed,
    Failed(Failure),
    /// The buffer was full under [`Overflow::Close`].
    Overflowed,
}

impl Buffer {
    pub(super) fn new(options: SubscribeOptions) -> Self {
        Self {
            options,
            queue: Arc::default(),
            lost: Arc::default(),
        }
    }

    /// Sets the counter of dropped messages.
    pub(super) fn counting(mut self, lost: &Arc<AtomicU64>) -> Self {
        self.lost = Arc::clone(lost);
        self
    }

    /// Adds a message, and applies the overflow policy if the buffer is full. Returns false once
    /// the buffer is closed.
    pub(super) fn push(&self, message: Message) -> bool {
        let mut queue = self.lock();
        let open = queue.push(message, &self.options);
        let lost = std::mem::take(&mut queue.lost);
        if lost > 0 {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
        wake_reader(queue);
        open
    }

    /// Adds the event that the client has reconnected.
    pub(super) fn push_reconnected(&self) {
        let mut queue = self.lock();
        queue.push_gap(0, true);
        wake_reader(queue);
    }

    /// Closes the buffer. Buffered events can still be read. If the buffer is closed twice, the
    /// first reason counts.
    pub(super) fn end(&self, failure: Failure) {
        let mut queue = self.lock();
        queue.end.get_or_insert(match failure {
            Failure::Closed { .. } => End::Closed,
            failure => End::Failed(failure),
        });
        wake_reader(queue);
    }

    /// Whether no more events follow.
    #[cfg(feature = "cluster")]
    pub(super) fn is_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Returns what happens when the buffer is full.
    pub(super) const fn overflow(&self) -> Overflow {
        self.options.overflow
    }

    /// Ready when the buffer has capacity for a message.
    pub(super) fn poll_capacity(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.has_capacity_for(0, &self.options) {
            return Poll::Ready(());
        }
        queue.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Returns the next event. An error is the last item.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Result<Event>>> {
        let mut queue = self.lock();
        if let Some(event) = queue.pop() {
            // Only once the buffer is half empty, so that the producer does not wake for each
            // message.
            let half_empty = queue.messages <= self.options.buffer / 2
                && queue.bytes <= self.options.buffer_bytes / 2;
            let writer = queue.writer.take_if(|_| half_empty);
            drop(queue);
            if let Some(writer) = writer {
                writer.wake();
            }
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(end) = queue.end.take() else {
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        queue.end = Some(End::Closed);
        Poll::Ready(match end {
            End::Closed => None,
            End::Failed(failure) => Some(Err(failure.into())),
            End::Overflowed => Some(Err(Error::lagged())),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A poisoned lock is fine: no foreign code runs while the lock is held, and wakers are
        // called after its release.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases the lock, then wakes the consumer.
fn wake_reader(mut queue: MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Queue {
    fn push(&mut self, message: Message, options: &SubscribeOptions) -> bool {
        if self.end.is_some() {
            return false;
        }
        let size = message.size();
        while !self.has_capacity_for(size, options) {
            match options.overflow {
                Overflow::DropOldest => self.drop_oldest(),
                Overflow::DropNewest => {
                    self.lost += 1;
                    self.push_gap(1, false);
                    return true;
                }
                Overflow::Close => {
                    self.lost += 1;
                    self.end = Some(End::Overflowed);
                    return false;
                }
                // The producer waits for capacity before it receives. A message that has arrived
                // regardless is kept.
                Overflow::Backpressure => break,
            }
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.items.push_back(Item::Message(message));
        true
    }

    /// Whether a message of this size fits. An empty buffer takes a message of any size.
    fn has_capacity_for(&self, size: usize, options: &SubscribeOptions) -> bool {
        let bytes = self.bytes.saturating_add(size.max(1));
        self.messages == 0 || self.messages < options.buffer && bytes <= options.buffer_bytes
    }

    fn pop(&mut self) -> Option<Event> {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            return Some(Event::Lagged(dropped));
        }
        match self.items.front_mut()? {
            Item::Gap {
                dropped,
                reconnected: true,
            } if *dropped > 0 => Some(Event::Lagged(std::mem::take(dropped))),
            _ => match self.items.pop_front()? {
                Item::Gap { dropped: 0, .. } => Some(Event::Reconnected { gap: true }),
                Item::Gap { dropped, .. } => Some(Event::Lagged(dropped)),
                Item::Message(message) => {
                    self.release(&message);
                    Some(Event::Message(message))
                }
            },
        }
    }

    /// Drops the oldest message, and keeps the gaps before it.
    fn drop_oldest(&mut self) {
        let mut reconnected = false;
        while let Some(item) = self.items.pop_front() {
            match item {
                // Only dropping the newest messages counts them in a gap.
                Item::Gap {
                    reconnected: after_reconnect,
                    ..
                } => reconnected |= after_reconnect,
                Item::Message(message) => {
                    self.release(&message);
                    self.dropped = self.dropped.saturating_add(1);
                    self.lost += 1;
                    break;
                }
            }
        }
        if reconnected {
            match self.items.front_mut() {
                Some(Item::Gap { reconnected, .. }) => *reconnected = true,
                _ => self.items.push_front(Item::Gap {
                    dropped: 0,
                    reconnected: true,
                }),
            }
        }
    }

    fn push_gap(&mut self, count: u64, after_reconnect: bool) {
        if self.end.is_some() {
            return;
        }
        if let Some(Item::Gap {
            dropped,
            reconnected,
        }) = self.items.back_mut()
        {
            *dropped = dropped.saturating_add(count);
            *reconnected |= after_reconnect;
        } else {
            self.items.push_back(Item::Gap {
                dropped: count,
                reconnected: after_reconnect,
            });
        }
    }

    fn release(&mut self, message: &Message) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(message.size());
    }
}
