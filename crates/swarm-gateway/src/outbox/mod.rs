//! Outgoing queue of a connection: replies and pushes in their single correct order.
//!
//! A running command enqueues its reply before the store is unlocked. Pushes that the store creates
//! later are queued behind it, however slow the writer is, so an invalidation never overtakes the
//! reply that it invalidates.

mod queue;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::BytesMut;
use swarm_resp::{Frame, Kind, RespVersion};

use crate::dialect::{Dialect, Quirk};
use crate::distortion::distort;
use crate::fault::{PushFault, ReplyFault, Wait};
use crate::fragments::Style;
use crate::reader::Reader;
use queue::{Late, Queue, weight};

/// Pending bytes above which no further command is read. Each item has a minimum weight, so small
/// replies count too.
const HIGH_WATER: usize = 1 << 20;

/// Number of pushes that a deployed server buffers per connection.
const PUSH_BUFFER: usize = 256;

/// Pending bytes above which a client with pushes counts as not reading.
const PUSH_LIMIT: usize = 8 << 20;

/// Encoding of a frame.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) protocol: RespVersion,
    /// Name of the last command if it arrived as JSON; the frame is then sent as JSON.
    pub(crate) json: Option<Arc<str>>,
    /// Whether the frame answers no command. Acknowledgments of SUBSCRIBE are pushes in RESP3 only.
    pub(crate) is_push: bool,
}

/// An item to send.
#[derive(Debug)]
pub(crate) enum Item {
    Frame(Frame, Form),
    /// Encoded frames.
    Bytes(BytesMut),
    /// Fault: nothing behind this item is sent before the pause is over.
    Wait(Wait),
    /// Fault: send this many bytes of the frame, then end the connection.
    Part(Frame, Form, usize),
    /// Fault: end the connection without a close handshake.
    Cut,
    /// End the connection cleanly.
    End(Ending),
}

/// Reason for a clean end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client requested it.
    Quit,
    /// The client has disconnected or is closing.
    Gone,
    /// Another client has killed it.
    Killed,
    /// The gateway is shutting down.
    Shutdown,
    /// The server behind the gateway is gone; it is unknown whether the last command ran.
    Lost,
}

/// What has happened to an outbox since its connection last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Items,
    /// Pushes have been lost because the client does not read them.
    Overflowed,
}

/// Whether replies are left out, as CLIENT REPLY says. Pushes are always sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Muted {
    No,
    Yes,
    /// That to the next command.
    Next,
    /// That to this command.
    Once,
}

/// Queue of what a connection is to send.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    dialect: Dialect,
    /// Whether the connection has subscribed to a channel or pattern.
    subscriber: AtomicBool,
    /// The command processor has crashed; nothing but answers ahead is sent any more.
    crashed: AtomicBool,
    /// Copies of the queue's protocol and weight, for which commands need no lock.
    is_resp3: AtomicBool,
    weight: AtomicUsize,
    /// A [`Muted`].
    muted: AtomicU8,
}

impl Outbox {
    /// Creates the outbox of a connection. With `is_stream`, it hands out bytes instead of frames
    /// where possible.
    pub(crate) fn new(dialect: Dialect, is_stream: bool) -> Self {
        let encodes = is_stream && !dialect.has(Quirk::PlainMessages);
        let reader = (dialect.has(Quirk::CrLf)).then(|| Reader::new(dialect));
        Self {
            queue: Mutex::new(Queue {
                reader,
                style: Style::of(dialect),
                encodes,
                plain_messages: dialect.has(Quirk::PlainMessages),
                ..Queue::default()
            }),
            dialect,
            subscriber: AtomicBool::new(false),
            crashed: AtomicBool::new(false),
            is_resp3: AtomicBool::new(false),
            weight: AtomicUsize::new(0),
            muted: AtomicU8::new(Muted::No as u8),
        }
    }

    /// Enqueues the reply of a command.
    pub(crate) fn reply(&self, frame: Frame, fault: ReplyFault) {
        self.put(self.distorted(frame), fault);
    }

    /// Enqueues a reply that the gateway itself creates, about the connection. No quirk applies to
    /// it.
    pub(crate) fn answer(&self, frame: Frame, fault: ReplyFault) {
        if self.is_muted() {
            return;
        }
        let mut queue = self.lock();
        if self.dialect.has(Quirk::Overtaking) {
            let form = queue.form(false);
            queue.ahead.push_back(Item::Frame(frame, form));
        } else {
            // Held-back replies stay behind it.
            let part = queue.put_fault(fault);
            let form = queue.form(false);
            queue.put_frame(frame, form, part);
        }
        self.wake(queue);
    }

    /// Enqueues an answer ahead of all pending replies: as JSON if `json` is set, the name of the
    /// command.
    pub(crate) fn answer_ahead(&self, frame: Frame, json: Option<&str>, mut fault: ReplyFault) {
        let mut queue = self.lock();
        let form = Form {
            json: json.map(Arc::from),
            ..queue.form(false)
        };
        queue.ahead.extend(fault.wait.take().map(Item::Wait));
        if fault.cut {
            queue.ahead.push_back(Item::Cut);
        }
        if !fault.missing {
            queue.ahead.push_back(match fault.part {
                Some(bytes) => Item::Part(frame, form, bytes),
                None => Item::Frame(frame, form),
            });
        }
        self.wake(queue);
    }

    /// Discards all further replies and pushes.
    pub(crate) fn crash(&self) {
        self.crashed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    /// Enqueues the replies of a command with any number of them.
    pub(crate) fn replies(&self, frames: Vec<Frame>, mut fault: ReplyFault) {
        let mut frames = frames.into_iter();
        if self.dialect.has(Quirk::LateReplies) {
            let first = frames.next();
            let rest: Vec<_> = frames.map(|frame| self.distorted(frame)).collect();
            if let Some(frame) = first {
                self.reply(frame, fault);
            }
            self.garble(rest);
            return;
        }
        for frame in frames {
            self.reply(frame, std::mem::take(&mut fault));
        }
    }

    /// Enqueues a push. A client that does not read its pushes is disconnected, as in Redis.
    ///
    /// `burst` is the number of the EXEC or script that creates the push.
    pub(crate) fn push(&self, frame: Frame, burst: Option<u64>) {
        let mut queue = self.lock();
        if self.has_crashed() {
            return;
        }
        match &queue.push_fault {
            None => self.put_push(&mut queue, frame, burst),
            Some(fault) if fault.withholds() => queue.withheld.push((frame, burst)),
            Some(_) => return,
        }
        self.wake(queue);
    }

    /// Sets the fault for pushes, after enqueueing those that the previous one withheld.
    pub(crate) fn set_push_fault(&self, fault: Option<Arc<PushFault>>) {
        let mut queue = self.lock();
        for (frame, burst) in std::mem::take(&mut queue.withheld) {
            self.put_push(&mut queue, frame, burst);
        }
        queue.push_fault = fault;
        self.wake(queue);
    }

    fn put_push(&self, queue: &mut Queue, frame: Frame, burst: Option<u64>) {
        if queue.weight > PUSH_LIMIT {
            queue.items.clear();
            queue.overflowed = true;
            return;
        }
        let between = (queue.reader.as_ref()).is_none_or(Reader::is_between);
        if !between {
            // The reader treats the push as part of a partially read reply, or drops it.
            queue.read(&frame);
            queue.send_late(None);
            return;
        }
        if self.dialect.has(Quirk::PushBuffer) {
            let in_burst = queue.count_burst(burst);
            if queue.pushes >= PUSH_BUFFER || in_burst > PUSH_BUFFER {
                return;
            }
        }
        queue.pushes += 1;
        queue.late.push_back(Late::Push(frame));
        queue.send_late(None);
    }

    /// Sets whether replies are left out.
    pub(crate) fn set_muted(&self, muted: Muted) {
        self.muted.store(muted as u8, Ordering::Relaxed);
    }

    /// Returns whether no command has a reply.
    pub(crate) fn is_silent(&self) -> bool {
        self.muted.load(Ordering::Relaxed) == Muted::Yes as u8
    }

    /// Returns whether the reply to the current command is left out.
    fn is_muted(&self) -> bool {
        let muted = self.muted.load(Ordering::Relaxed);
        muted == Muted::Yes as u8 || muted == Muted::Once as u8
    }

    /// Begins a command of the connection.
    pub(crate) fn begin_command(&self) {
        let muted = self.muted.load(Ordering::Relaxed);
        if muted == Muted::Next as u8 {
            self.set_muted(Muted::Once);
        } else if muted == Muted::Once as u8 {
            self.set_muted(Muted::No);
        }
    }

    /// Enqueues the end of the connection; nothing behind it is sent.
    pub(crate) fn end(&self, ending: Ending) {
        let mut queue = self.lock();
        queue.items.push_back(Item::End(ending));
        self.wake(queue);
    }

    /// Records whether the connection has subscribed to a channel or pattern.
    pub(crate) fn set_subscriber(&self, subscriber: bool) {
        self.subscriber.store(subscriber, Ordering::Relaxed);
    }

    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriber.load(Ordering::Relaxed)
    }

    /// Sets the protocol of frames enqueued from now on.
    pub(crate) fn set_protocol(&self, protocol: RespVersion) {
        self.lock().protocol = protocol;
        let is_resp3 = protocol == RespVersion::Resp3;
        self.is_resp3.store(is_resp3, Ordering::Relaxed);
    }

    /// Sets the encoding of the next command's replies and of pushes until then: JSON if `command`
    /// is set.
    pub(crate) fn set_json(&self, command: Option<&str>) {
        self.lock().json = command.map(Arc::from);
    }

    pub(crate) fn protocol(&self) -> RespVersion {
        match self.is_resp3.load(Ordering::Relaxed) {
            true => RespVersion::Resp3,
            false => RespVersion::Resp2,
        }
    }

    /// Answers each command from now on with the oldest of `leftovers`, and queues its own reply
    /// behind them.
    pub(crate) fn garble(&self, leftovers: impl IntoIterator<Item = Frame>) {
        let late = leftovers.into_iter().map(Late::Reply);
        self.lock().late.extend(late);
    }

    /// Returns whether there is capacity for the replies of another command.
    pub(crate) fn has_capacity(&self) -> bool {
        self.weight.load(Ordering::Relaxed) <= HIGH_WATER
    }

    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.lock();
        queue.items.is_empty() && queue.ahead.is_empty()
    }

    /// Begins a turn of the connection, which is not woken until [`end_turn`](Self::end_turn).
    pub(crate) fn begin_turn(&self) {
        self.lock().waker = None;
    }

    /// Ends a turn of the connection, and wakes `waker` at the next change.
    pub(crate) fn end_turn(&self, waker: &Waker) -> Content {
        let mut queue = self.lock();
        queue.waker = Some(waker.clone());
        match queue.items.is_empty() && queue.ahead.is_empty() {
            _ if queue.overflowed => Content::Overflowed,
            true => Content::Empty,
            false => Content::Items,
        }
    }

    /// Takes the next item if there is one.
    pub(crate) fn try_take(&self) -> Option<Item> {
        let mut queue = self.lock();
        if let Some(item) = queue.ahead.pop_front() {
            return Some(item);
        }
        let item = queue.items.pop_front()?;
        match &item {
            Item::Frame(frame, form) => {
                queue.weight = queue.weight.saturating_sub(weight(frame.view()));
                queue.pushes = queue.pushes.saturating_sub(usize::from(form.is_push));
            }
            Item::Bytes(bytes) => queue.weight = queue.weight.saturating_sub(bytes.len()),
            _ => return Some(item),
        }
        self.weight.store(queue.weight, Ordering::Relaxed);
        Some(item)
    }

    fn put(&self, frame: Frame, fault: ReplyFault) {
        let mut queue = self.lock();
        if self.has_crashed() || self.is_muted() && frame.kind() != Kind::Push {
            return;
        }
        if fault.is_none() && queue.passes_replies() {
            if queue.encodes {
                queue.put_encoded(&frame);
            } else {
                let form = queue.form(false);
                queue.put_frame(frame, form, None);
            }
            return self.wake(queue);
        }
        let ReplyFault {
            surplus, missing, ..
        } = fault;
        let part = queue.put_fault(fault);
        if missing {
            return self.wake(queue);
        }
        queue.owed += 1;
        if surplus {
            queue.keep(frame.clone());
        }
        queue.keep(frame);
        queue.send_late(part);
        self.wake(queue);
    }

    /// Returns the reply as the dialect's internal reader passes it on.
    fn distorted(&self, frame: Frame) -> Frame {
        let errors = self.dialect.has(Quirk::ArrayErrors);
        let simple = self.dialect.has(Quirk::SimpleAsBulk);
        if self.dialect.has(Quirk::CrLf) {
            // The reader itself distorts what it reads.
            frame
        } else if errors || simple {
            distort(frame.view(), errors, simple)
        } else {
            frame
        }
    }

    /// Wakes the connection after a change.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        self.weight.store(queue.weight, Ordering::Relaxed);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
