//! What the deployed WebSocket gateway makes of the command processor's replies.

use swarm_resp::{Frame, FrameRef, Kind};

/// Returns whether a frame is a push other than an invalidation.
pub(crate) fn is_message(frame: &Frame) -> bool {
    let first = || frame.items()?.next()?.to_bytes();
    frame.is_push() && first().is_some_and(|first| first != "invalidate")
}

/// Returns the push that the deployed gateway takes a reply for, by its first word.
pub(crate) fn as_push(frame: &Frame) -> Option<Frame> {
    if frame.kind() != Kind::Array {
        return None;
    }
    let first = frame.items()?.next()?.as_bytes()?;
    matches!(first, b"message" | b"pmessage" | b"invalidate").then(|| {
        Frame::build(|push| {
            push.push_message(|push| {
                (frame.items().into_iter().flatten()).for_each(|item| push.frame(item));
            });
        })
    })
}

/// Returns a reply with errors as lists of words and simple strings as bulk strings.
pub(crate) fn distort(frame: FrameRef<'_>, errors: bool, simple: bool) -> Frame {
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
