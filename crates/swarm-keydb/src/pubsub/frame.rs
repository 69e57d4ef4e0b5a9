//! Parsing of frames on a subscribed connection.
//!
//! The client sends nothing but subscription commands and PING on such a connection, so the first
//! element of a frame names its kind. Frames are pushes or, in RESP2 and from some gateways in
//! RESP3 too, arrays.

use swarm_resp::{Frame, FrameRef, Kind as FrameKind, ServerError};

use super::name::Kind;
use crate::server::ServerProfile;

/// A frame on a subscribed connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PubSubFrame<'a> {
    /// The server subscribed or unsubscribed a name.
    Acknowledged {
        kind: Kind,
        subscribed: bool,
        name: &'a [u8],
    },
    /// A published message.
    Message {
        kind: Kind,
        /// The pattern that matched, or the channel.
        name: &'a [u8],
        channel: &'a [u8],
        payload: &'a [u8],
    },
    /// The reply to PING, which echoes its argument.
    Pong(&'a [u8]),
    /// An error, which answers the oldest request without a reply.
    Error(ServerError),
    /// A push of an unknown kind.
    Unknown,
    /// A frame that such a connection cannot carry.
    Unexpected,
}

impl<'a> PubSubFrame<'a> {
    pub(super) fn parse(frame: &'a Frame, server: ServerProfile) -> Self {
        if let Some(error) = server.error_of(frame.view()) {
            return Self::Error(error);
        }
        match frame.kind() {
            FrameKind::Push | FrameKind::Array => {
                Self::parse_elements(frame).unwrap_or(Self::Unknown)
            }
            _ => frame.as_bytes().map_or(Self::Unexpected, Self::Pong),
        }
    }

    fn parse_elements(frame: &'a Frame) -> Option<Self> {
        let mut elements = frame.items()?;
        let count = elements.len();
        let kind = elements.next().and_then(FrameRef::as_bytes)?;
        let mut element = || elements.next().and_then(FrameRef::as_bytes);
        let acknowledged = |kind, subscribed, name| Self::Acknowledged {
            kind,
            subscribed,
            name,
        };
        Some(match (kind, count) {
            (b"message", 3) => Self::message(Kind::Channel, element()?, element()?),
            (b"smessage", 3) => Self::message(Kind::Shard, element()?, element()?),
            (b"pmessage", 4) => Self::Message {
                kind: Kind::Pattern,
                name: element()?,
                channel: element()?,
                payload: element()?,
            },
            (b"subscribe", 3) => acknowledged(Kind::Channel, true, element()?),
            (b"psubscribe", 3) => acknowledged(Kind::Pattern, true, element()?),
            (b"ssubscribe", 3) => acknowledged(Kind::Shard, true, element()?),
            (b"unsubscribe", 3) => acknowledged(Kind::Channel, false, element()?),
            (b"punsubscribe", 3) => acknowledged(Kind::Pattern, false, element()?),
            (b"sunsubscribe", 3) => acknowledged(Kind::Shard, false, element()?),
            (b"pong", 2) => Self::Pong(element()?),
            _ => return None,
        })
    }

    const fn message(kind: Kind, channel: &'a [u8], payload: &'a [u8]) -> Self {
        Self::Message {
            kind,
            name: channel,
            channel,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array_errors() -> ServerProfile {
        ServerProfile {
            array_errors: true,
            ..ServerProfile::default()
        }
    }

    fn elements(elements: &[&str]) -> Frame {
        Frame::build(|reply| {
            reply.array(|array| {
                for element in elements {
                    array.bulk(element.as_bytes());
                }
            });
        })
    }

    #[test]
    fn only_the_first_element_determines_the_kind() {
        for odd in ["subscribe", "message", "pong", "-ERR", ""] {
            for server in [ServerProfile::default(), array_errors()] {
                for (word, kind) in [("message", Kind::Channel), ("smessage", Kind::Shard)] {
                    let message = elements(&[word, odd, odd]);
                    let expected = PubSubFrame::message(kind, odd.as_bytes(), odd.as_bytes());
                    assert_eq!(PubSubFrame::parse(&message, server), expected);
                }
            }
        }
    }

    #[test]
    fn error_frames_and_array_errors_are_errors() {
        let array = elements(&["-NOPERM", "no", "channel"]);
        let error = ServerError::parse(b"NOPERM no channel");
        let real = Frame::error("NOPERM no channel");
        assert_eq!(
            PubSubFrame::parse(&array, array_errors()),
            PubSubFrame::Error(error.clone())
        );
        assert_eq!(
            PubSubFrame::parse(&real, array_errors()),
            PubSubFrame::Error(error)
        );
        assert_eq!(
            PubSubFrame::parse(&array, ServerProfile::default()),
            PubSubFrame::Unknown
        );
    }

    #[test]
    fn unknown_pushes_differ_from_unexpected_frames() {
        for odd in [
            elements(&["invalidate", "k"]),
            elements(&["smessage", "a"]),
            elements(&["message", "a"]),
            elements(&["message", "a", "b", "c"]),
            elements(&[]),
            Frame::array(&[
                Frame::simple("unsubscribe"),
                Frame::null(),
                Frame::integer(0),
            ]),
        ] {
            assert_eq!(
                PubSubFrame::parse(&odd, ServerProfile::default()),
                PubSubFrame::Unknown,
                "{odd}"
            );
        }
        for odd in [Frame::integer(1), Frame::null()] {
            assert_eq!(
                PubSubFrame::parse(&odd, ServerProfile::default()),
                PubSubFrame::Unexpected,
                "{odd}"
            );
        }
        for pong in [
            Frame::simple("x"),
            Frame::bulk("x"),
            elements(&["pong", "x"]),
        ] {
            assert_eq!(
                PubSubFrame::parse(&pong, ServerProfile::default()),
                PubSubFrame::Pong(b"x")
            );
        }
    }
}
