//! What a connection still has to send: replies and pushes in the one order that is true.
//!
//! A command that runs puts its reply here before the store is unlocked. Pushes that the store makes later come behind
//! it, whatever the speed of the writer, so that an invalidation never overtakes the reply that it invalidates.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use swarm_resp::{Frame, FrameRef, RespVersion};
use tokio::sync::Notify;

use crate::dialect::{Dialect, Quirk};
use crate::fault::{ReplyFault, Wait};
use crate::fragments::unescaped;
use crate::reader::Reader;

/// How much may be waiting before the next command is left unread, in bytes and so that small replies count too.
const HIGH_WATER: usize = 1 << 20;

/// How many pushes a deployed server keeps for a connection.
const PUSH_BUFFER: usize = 256;

/// How much may be waiting before a client that is pushed to counts as one that does not read.
const PUSH_LIMIT: usize = 8 << 20;

/// How a frame is written.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Resp(RespVersion),
    /// JSON, and the command that is answered.
    Json(RespVersion, Arc<str>),
}

/// What is sent next.
#[derive(Debug)]
pub(crate) enum Item {
    Frame(Frame, Form),
    /// A fault: nothing behind it is sent before it is over.
    Wait(Wait),
    /// A fault: so many bytes of a frame are sent, and the connection ends.
    Part(Frame, Form, usize),
    /// A fault: the connection ends without a goodbye.
    Cut,
    /// The connection ends in order.
    End(Ending),
}

/// Why a connection ends in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client asked for it.
    Quit,
    /// The client is gone or closing.
    Gone,
    /// The gateway stops.
    Shutdown,
    /// The server behind the gateway is gone; whether the last command ran is not known.
    Lost,
}

/// The queue between a session and the task that writes.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    dialect: Dialect,
    filled: Notify,
    drained: Notify,
    spilled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    weight: usize,
    /// How many pushes are among the items.
    pushes: usize,
    /// The last EXEC or script that pushed, and how often.
    burst: (Option<u64>, usize),
    protocol: RespVersion,
    /// The command that is answered, when it came as JSON.
    json: Option<Arc<str>>,
    /// What is not sent yet, because a reply before it waits for a command to answer.
    late: VecDeque<Late>,
    /// How many commands have run whose answer is not sent yet.
    owed: usize,
    /// What takes the processor's bytes apart.
    reader: Option<Reader>,
}

/// What waits until it is its turn.
#[derive(Debug)]
enum Late {
    /// Answers the oldest command that is owed an answer, whichever it was made for.
    Reply(Frame),
    Push(Frame),
}

impl Queue {
    /// Counts a push, and returns how many its EXEC or script has made; 0 outside of one.
    fn count_burst(&mut self, burst: Option<u64>) -> usize {
        let before = if self.burst.0 == burst {
            self.burst.1
        } else {
            0
        };
        let count = if burst.is_some() { before + 1 } else { 0 };
        self.burst = (burst, count);
        count
    }

    /// Keeps a reply until it is its turn.
    fn keep(&mut self, frame: Frame) {
        if self.reader.is_some() {
            self.read(&frame);
        } else {
            self.late.push_back(Late::Reply(frame));
        }
    }

    /// Passes a frame through the reader, and keeps what comes out.
    fn read(&mut self, frame: &Frame) {
        let protocol = self.protocol;
        if let Some(reader) = &mut self.reader {
            reader.feed(&unescaped(frame, protocol));
            let replies = std::iter::from_fn(|| reader.next());
            self.late.extend(replies.map(Late::Reply));
        }
    }

    /// Sends what is late as far as commands are owed answers; of the first frame only so many bytes.
    fn send_late(&mut self, mut part: Option<usize>) {
        loop {
            match self.late.pop_front() {
                Some(Late::Push(frame)) => self.put_frame(frame, None),
                Some(Late::Reply(frame)) if self.owed > 0 => {
                    self.owed -= 1;
                    self.put_frame(frame, part.take());
                }
                Some(late) => return self.late.push_front(late),
                None => return,
            }
        }
    }

    /// Puts what stands before a reply; how much of the reply is sent is for the caller.
    fn put_fault(&mut self, fault: ReplyFault) -> Option<usize> {
        self.items.extend(fault.wait.map(Item::Wait));
        if fault.cut {
            self.items.push_back(Item::Cut);
        }
        fault.part
    }

    fn put_frame(&mut self, frame: Frame, part: Option<usize>) {
        self.weight = self.weight.saturating_add(weight(frame.view()));
        let form = self.form();
        self.items.push_back(match part {
            Some(bytes) => Item::Part(frame, form, bytes),
            None => Item::Frame(frame, form),
        });
    }

    fn form(&self) -> Form {
        match &self.json {
            Some(command) => Form::Json(self.protocol, command.clone()),
            None => Form::Resp(self.protocol),
        }
    }
}

impl Outbox {
    pub(crate) fn new(dialect: Dialect) -> Self {
        let reader = (dialect.has(Quirk::CrLf)).then(|| Reader::new(dialect));
        Self {
            queue: Mutex::new(Queue {
                reader,
                ..Queue::default()
            }),
            dialect,
            filled: Notify::new(),
            drained: Notify::new(),
            spilled: Notify::new(),
        }
    }

    /// A reply of a command.
    pub(crate) fn reply(&self, frame: Frame, fault: ReplyFault) {
        self.put(self.distorted(frame), fault);
    }

    /// A reply that the gateway itself makes, about the connection: no quirk touches it.
    pub(crate) fn answer(&self, frame: Frame, fault: ReplyFault) {
        let mut queue = self.lock();
        if self.dialect.has(Quirk::Overtaking) {
            let form = queue.form();
            queue.items.push_front(Item::Frame(frame, form));
        } else {
            // What is late is late behind it.
            let part = queue.put_fault(fault);
            queue.put_frame(frame, part);
        }
        self.filled.notify_one();
    }

    /// The replies of a command that has any number of them.
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

    /// A push: what no command asked for. A client that does not read its pushes is cut off, as Redis does.
    ///
    /// `burst` is the number of the EXEC or script that makes it.
    pub(crate) fn push(&self, frame: Frame, burst: Option<u64>) {
        let mut queue = self.lock();
        if queue.weight > PUSH_LIMIT {
            queue.items.clear();
            self.spilled.notify_one();
            return;
        }
        let between = (queue.reader.as_ref()).is_none_or(Reader::is_between);
        if !between {
            // It is read as a part of the reply that has begun, or not at all.
            queue.read(&frame);
            queue.send_late(None);
            self.filled.notify_one();
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
        self.filled.notify_one();
    }

    /// The end: nothing that is put behind it is sent.
    pub(crate) fn end(&self, ending: Ending) {
        self.lock().items.push_back(Item::End(ending));
        self.filled.notify_one();
    }

    /// The protocol that frames put from now on are written in.
    pub(crate) fn set_protocol(&self, protocol: RespVersion) {
        self.lock().protocol = protocol;
    }

    /// How the replies to the next command are written, and pushes until then: as JSON when it came as JSON.
    pub(crate) fn set_json(&self, command: Option<&str>) {
        self.lock().json = command.map(Arc::from);
    }

    pub(crate) fn protocol(&self) -> RespVersion {
        self.lock().protocol
    }

    /// Makes each command from now on be answered by the oldest of `leftovers`, its own reply queued behind them.
    pub(crate) fn garble(&self, leftovers: impl IntoIterator<Item = Frame>) {
        let late = leftovers.into_iter().map(Late::Reply);
        self.lock().late.extend(late);
    }

    /// Returns once there is room for the replies of another command.
    pub(crate) async fn capacity(&self) {
        while self.lock().weight > HIGH_WATER {
            self.drained.notified().await;
        }
    }

    /// Returns once pushes were lost, because the client does not read them.
    pub(crate) async fn overflowed(&self) {
        self.spilled.notified().await;
    }

    /// Takes what is to be sent next, and waits for it when there is nothing.
    pub(crate) async fn take(&self) -> Item {
        loop {
            if let Some(item) = self.try_take() {
                return item;
            }
            self.filled.notified().await;
        }
    }

    /// Takes what is to be sent next, if anything.
    pub(crate) fn try_take(&self) -> Option<Item> {
        let mut queue = self.lock();
        let item = queue.items.pop_front()?;
        if let Item::Frame(frame, _) = &item {
            queue.weight = queue.weight.saturating_sub(weight(frame.view()));
            queue.pushes = queue.pushes.saturating_sub(usize::from(frame.is_push()));
            if queue.weight <= HIGH_WATER {
                self.drained.notify_one();
            }
        }
        Some(item)
    }

    fn put(&self, frame: Frame, fault: ReplyFault) {
        let mut queue = self.lock();
        let ReplyFault {
            surplus, missing, ..
        } = fault;
        let part = queue.put_fault(fault);
        if missing {
            self.filled.notify_one();
            return;
        }
        queue.owed += 1;
        if surplus {
            queue.keep(frame.clone());
        }
        queue.keep(frame);
        queue.send_late(part);
        self.filled.notify_one();
    }

    /// The reply as the dialect's internal reader passes it on.
    fn distorted(&self, frame: Frame) -> Frame {
        let errors = self.dialect.has(Quirk::ArrayErrors);
        let simple = self.dialect.has(Quirk::SimpleAsBulk);
        if self.dialect.has(Quirk::CrLf) {
            // The reader distorts what it reads.
            frame
        } else if errors || simple {
            distort(frame.view(), errors, simple)
        } else {
            frame
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn distort(frame: FrameRef<'_>, errors: bool, simple: bool) -> Frame {
    use swarm_resp::Kind;
    match frame.kind() {
        Kind::SimpleError if errors => {
            let text = [b"-", frame.error_bytes().unwrap_or_default()].concat();
            let words = text.split(|byte| *byte == b' ');
            Frame::build(|reply| {
                reply.array(|array| {
                    words
                        .filter(|word| !word.is_empty())
                        .for_each(|word| array.bulk(word));
                });
            })
        }
        Kind::SimpleString if simple => frame
            .to_bytes()
            .map_or_else(|| frame.to_frame(), Frame::bulk),
        Kind::Array => {
            let items: Vec<_> = (frame.items().into_iter().flatten())
                .map(|item| distort(item, errors, simple))
                .collect();
            Frame::array(&items)
        }
        _ => frame.to_frame(),
    }
}

/// About how many bytes a frame takes.
fn weight(frame: FrameRef<'_>) -> usize {
    let inside: usize = (frame.items().into_iter().flatten()).map(weight).sum();
    32 + inside + frame.as_bytes().map_or(0, <[u8]>::len)
}
