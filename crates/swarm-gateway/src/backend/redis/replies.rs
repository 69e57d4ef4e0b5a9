//! Separates replies from pushes in the frames received from Redis.

use swarm_resp::{Frame, FrameRef, RespVersion};

/// Subscription state of a connection, as needed to classify its frames.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// Protocol in use on the upstream connection.
    pub(super) protocol: RespVersion,
    /// Number of subscribed channels and patterns.
    ordinary: i64,
    shards: i64,
}

/// A classified frame.
#[derive(Debug)]
pub(super) enum Sorted {
    Reply(Frame),
    /// Reply to a SUBSCRIBE-family command; one command may receive several.
    Acknowledgement(Frame),
    /// Frame that no command requested.
    Push(Frame),
}

impl Listening {
    /// Classifies a frame. `subscribing` is set while subscription acknowledgements are expected.
    ///
    /// RESP3 marks pushes. In RESP2 a push is a plain array, but a connection with subscriptions
    /// receives no other array that starts with a push keyword.
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

/// Converts to a push, which listeners encode for the client's protocol.
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
