//! Events between the connection that hears them and the subscription that takes them, within bounds.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::{Event, Message};
use super::options::{Overflow, SubscribeOptions};
use crate::error::{Error, Result};
use crate::failure::Failure;

/// One task puts events in, another takes them out.
#[derive(Debug, Clone)]
pub(super) struct Buffer {
    options: SubscribeOptions,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Messages, and what is to be told between them. Two of those never stand together, so messages bound them.
    items: VecDeque<Item>,
    /// Messages among them, and what they weigh.
    messages: usize,
    bytes: usize,
    /// Messages that were thrown away ahead of all that.
    dropped: u64,
    /// Set when nothing more comes.
    end: Option<End>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
enum Item {
    Message(Message),
    /// Messages were thrown away here, the connection was made anew here, or both.
    Break {
        dropped: u64,
        reconnected: bool,
    },
}

#[derive(Debug)]
enum End {
    /// In good order.
    Closed,
    Failed(Failure),
    Overflowed,
}

impl Buffer {
    pub(super) fn new(options: SubscribeOptions) -> Self {
        Self {
            options,
            queue: Arc::default(),
        }
    }

    /// Puts a message in. False when nothing more is taken.
    pub(super) fn put(&self, message: Message) -> bool {
        let mut queue = self.lock();
        let kept = queue.put(message, &self.options);
        wake_reader(queue);
        kept
    }

    /// Tells that the connection was made anew.
    pub(super) fn put_reconnected(&self) {
        let mut queue = self.lock();
        queue.put_break(0, true);
        wake_reader(queue);
    }

    /// Nothing more comes. The first reason stands; what is in the buffer can still be taken.
    pub(super) fn end(&self, failure: Failure) {
        let mut queue = self.lock();
        queue.end.get_or_insert(match failure {
            Failure::Closed { .. } => End::Closed,
            failure => End::Failed(failure),
        });
        wake_reader(queue);
    }

    /// Ready when a message may be put in.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.has_room_for(0, &self.options) {
            return Poll::Ready(());
        }
        queue.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next event. An error is the last.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Result<Event>>> {
        let mut queue = self.lock();
        if let Some(event) = queue.take() {
            // Not at once, so that the writer does not wake for each message.
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
        // No code of others runs while the lock is held; wakers, too, are called behind it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of the queue, then wakes who waits for something in it.
fn wake_reader(mut queue: MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Queue {
    fn put(&mut self, message: Message, options: &SubscribeOptions) -> bool {
        if self.end.is_some() {
            return false;
        }
        let weight = message.weight();
        while !self.has_room_for(weight, options) {
            match options.overflow {
                Overflow::DropOldest => self.drop_oldest(),
                Overflow::DropNewest => {
                    self.put_break(1, false);
                    return true;
                }
                Overflow::Close => {
                    self.end = Some(End::Overflowed);
                    return false;
                }
                // Whoever puts it in waits for room before. What has come nevertheless is kept.
                Overflow::Backpressure => break,
            }
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(weight);
        self.items.push_back(Item::Message(message));
        true
    }

    /// Whether a message of a weight has room. A single one always has.
    fn has_room_for(&self, weight: usize, options: &SubscribeOptions) -> bool {
        let bytes = self.bytes.saturating_add(weight.max(1));
        self.messages == 0 || self.messages < options.buffer && bytes <= options.buffer_bytes
    }

    fn take(&mut self) -> Option<Event> {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            return Some(Event::Lagged(dropped));
        }
        match self.items.front_mut()? {
            Item::Break {
                dropped,
                reconnected: true,
            } if *dropped > 0 => Some(Event::Lagged(std::mem::take(dropped))),
            _ => match self.items.pop_front()? {
                Item::Break { dropped: 0, .. } => Some(Event::Reconnected { gap: true }),
                Item::Break { dropped, .. } => Some(Event::Lagged(dropped)),
                Item::Message(message) => {
                    self.forget(&message);
                    Some(Event::Message(message))
                }
            },
        }
    }

    /// Throws the oldest message away. What was to be told before it is kept.
    fn drop_oldest(&mut self) {
        let mut reconnected = false;
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Break {
                    dropped,
                    reconnected: anew,
                } => {
                    self.dropped = self.dropped.saturating_add(dropped);
                    reconnected |= anew;
                }
                Item::Message(message) => {
                    self.forget(&message);
                    self.dropped = self.dropped.saturating_add(1);
                    break;
                }
            }
        }
        if reconnected {
            match self.items.front_mut() {
                Some(Item::Break { reconnected, .. }) => *reconnected = true,
                _ => self.items.push_front(Item::Break {
                    dropped: 0,
                    reconnected: true,
                }),
            }
        }
    }

    fn put_break(&mut self, more: u64, anew: bool) {
        if self.end.is_some() {
            return;
        }
        if let Some(Item::Break {
            dropped,
            reconnected,
        }) = self.items.back_mut()
        {
            *dropped = dropped.saturating_add(more);
            *reconnected |= anew;
        } else {
            self.items.push_back(Item::Break {
                dropped: more,
                reconnected: anew,
            });
        }
    }

    fn forget(&mut self, message: &Message) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(message.weight());
    }
}
