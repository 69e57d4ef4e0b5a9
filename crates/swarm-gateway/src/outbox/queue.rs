//! What is in an outbox, and the order in which replies leave it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use swarm_resp::{Frame, FrameRef, RespVersion, encode_frame};

use super::{Form, Item};
use crate::distortion::{as_push, is_message};
use crate::fault::{PushFault, ReplyFault};
use crate::fragments::{self, Style};
use crate::reader::Reader;

/// Initial capacity for encoded frames.
const ENCODED: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    /// Frames are encoded at once, because the connection is a stream of bytes.
    pub(super) encodes: bool,
    /// Wakes the connection. Absent during its turn, in which it takes the items anyway.
    pub(super) waker: Option<Waker>,
    /// Pushes have been lost because the client does not read them.
    pub(super) overflowed: bool,
    /// Answers that overtake the items.
    pub(super) ahead: VecDeque<Item>,
    pub(super) weight: usize,
    /// Number of pushes among the items.
    pub(super) pushes: usize,
    /// The last EXEC or script that pushed, and its number of pushes.
    pub(super) burst: (Option<u64>, usize),
    pub(super) protocol: RespVersion,
    /// Messages are plain arrays in RESP3 too; only invalidations are pushes.
    pub(super) plain_messages: bool,
    /// Name of the answered command if it arrived as JSON.
    pub(super) json: Option<Arc<str>>,
    /// Frames held back because an earlier reply is still waiting for a command to answer.
    pub(super) late: VecDeque<Late>,
    /// Number of commands that have run but not been answered.
    pub(super) owed: usize,
    /// Parser of the command processor's output, and how that is encoded.
    pub(super) reader: Option<Reader>,
    pub(super) style: Style,
    /// Fault for pushes, and those that it withholds.
    pub(super) push_fault: Option<Arc<PushFault>>,
    pub(super) withheld: Vec<(Frame, Option<u64>)>,
}

/// A frame that is held back.
#[derive(Debug)]
pub(super) enum Late {
    /// Answers the oldest unanswered command, regardless of which command produced it.
    Reply(Frame),
    Push(Frame),
}

impl Queue {
    /// Counts a push and returns the number of pushes of its EXEC or script; 0 outside of one.
    pub(super) fn count_burst(&mut self, burst: Option<u64>) -> usize {
        let before = if self.burst.0 == burst {
            self.burst.1
        } else {
            0
        };
        let count = if burst.is_some() { before + 1 } else { 0 };
        self.burst = (burst, count);
        count
    }

    /// Returns whether a reply leaves at once, because nothing is held back.
    pub(super) fn passes_replies(&self) -> bool {
        self.late.is_empty() && self.owed == 0 && self.reader.is_none()
    }

    /// Holds back a reply.
    pub(super) fn keep(&mut self, frame: Frame) {
        if self.reader.is_some() {
            self.read(&frame);
        } else {
            self.late.push_back(Late::Reply(frame));
        }
    }

    /// Passes a frame through the reader and holds back what comes out.
    pub(super) fn read(&mut self, frame: &Frame) {
        let protocol = self.protocol;
        if let Some(reader) = &mut self.reader {
            reader.feed(&fragments::encoded(frame, protocol, self.style));
            let frames = std::iter::from_fn(|| reader.next());
            // A reply that looks like a push is sent as one; its slot stays unused.
            self.late.extend(frames.map(|frame| match as_push(&frame) {
                Some(push) => Late::Push(push),
                None => Late::Reply(frame),
            }));
        }
    }

    /// Sends held-back replies, one per unanswered command. Only `part` bytes of the first frame
    /// are sent.
    pub(super) fn send_late(&mut self, mut part: Option<usize>) {
        loop {
            match self.late.pop_front() {
                Some(Late::Push(frame)) => self.put_frame(frame, self.form(true), None),
                Some(Late::Reply(frame)) if self.owed > 0 => {
                    self.owed -= 1;
                    self.put_frame(frame, self.form(false), part.take());
                }
                Some(late) => return self.late.push_front(late),
                None => return,
            }
        }
    }

    /// Queues the faults that precede a reply. Returns how many bytes of the reply the caller may
    /// send.
    pub(super) fn put_fault(&mut self, fault: ReplyFault) -> Option<usize> {
        self.items.extend(fault.wait.map(Item::Wait));
        if fault.cut {
            self.items.push_back(Item::Cut);
        }
        fault.part
    }

    pub(super) fn put_frame(&mut self, frame: Frame, form: Form, part: Option<usize>) {
        if self.encodes && part.is_none() {
            return self.put_encoded(&frame);
        }
        self.weight = self.weight.saturating_add(weight(frame.view()));
        let plain = self.plain_messages && is_message(&frame);
        let form = Form {
            protocol: if plain {
                RespVersion::Resp2
            } else {
                form.protocol
            },
            ..form
        };
        self.items.push_back(match part {
            Some(bytes) => Item::Part(frame, form, bytes),
            None => Item::Frame(frame, form),
        });
    }

    pub(super) fn put_encoded(&mut self, frame: &Frame) {
        let protocol = self.protocol;
        let added = match self.items.back_mut() {
            Some(Item::Bytes(bytes)) => {
                let before = bytes.len();
                encode_frame(bytes, frame, protocol);
                bytes.len() - before
            }
            _ => {
                let mut bytes = BytesMut::with_capacity(ENCODED);
                encode_frame(&mut bytes, frame, protocol);
                let added = bytes.len();
                self.items.push_back(Item::Bytes(bytes));
                added
            }
        };
        self.weight = self.weight.saturating_add(added);
    }

    pub(super) fn form(&self, is_push: bool) -> Form {
        Form {
            protocol: self.protocol,
            json: self.json.clone(),
            is_push,
        }
    }
}

/// Returns the approximate size of a frame in bytes.
pub(super) fn weight(frame: FrameRef<'_>) -> usize {
    let inside: usize = (frame.items().into_iter().flatten()).map(weight).sum();
    32 + inside + frame.as_bytes().map_or(0, <[u8]>::len)
}
