//! Which of the frames that a Redis sends answer a command, and which nobody asked for.

use swarm_resp::{Frame, FrameRef, RespVersion};

/// What a connection listens to, as far as it is needed to read its frames.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// What the Redis speaks on this connection.
    pub(super) protocol: RespVersion,
    /// Channels and patterns.
    ordinary: i64,
    shards: i64,
}

/// A frame, and what it is.
#[derive(Debug)]
pub(super) enum Sorted {
    Reply(Frame),
    /// Of SUBSCRIBE or one of its kin: any number of them answer one command.
    Acknowledgement(Frame),
    /// Something that no command asked for.
    Push(Frame),
}

impl Listening {
    /// Sorts a frame; `subscribing` says that acknowledgements are due.
    ///
    /// RESP3 marks pushes. In RESP2 they are arrays like any other, but a connection that listens gets no other array
    /// whose first word is one of theirs.
    pub(super) fn sort(&mut self, frame: Frame, subscribing: bool) -> Sorted {
        let marked = self.protocol == RespVersion::Resp3;
        if frame.is_push() != marked || frame.items().is_none() {
            return Sorted::Reply(frame);
        }
        let kind = frame.items().into_iter().flatten().next();
        let kind = kind.and_then(FrameRef::as_bytes).unwrap_or_default();
        let listens = self.ordinary > 0 || self.shards > 0;
        match kind {
            b"subscribe" | b"unsubscribe" | b"psubscribe" | b"punsubscribe" | b"ssubscribe"
            | b"sunsubscribe"
                if marked || subscribing =>
            {
                let left = frame.items().into_iter().flatten().nth(2);
                let left = left.and_then(FrameRef::as_integer).unwrap_or_default();
                if matches!(kind, b"ssubscribe" | b"sunsubscribe") {
                    self.shards = left;
                } else {
                    self.ordinary = left;
                }
                Sorted::Acknowledgement(as_push(frame))
            }
            b"message" | b"pmessage" | b"smessage" if listens => Sorted::Push(as_push(frame)),
            _ if marked => Sorted::Push(frame),
            _ => Sorted::Reply(frame),
        }
    }
}

/// The doors write a push as the client's protocol has it.
fn as_push(frame: Frame) -> Frame {
    if frame.is_push() {
        return frame;
    }
    Frame::build(|build| {
        build.push_message(|push| {
            for item in frame.items().into_iter().flatten() {
                push.frame(item);
            }
        });
    })
}
