//! Meaning of a frame on a subscribed connection.
//!
//! Only subscriptions and PINGs are sent on such a connection, so the first word of a frame tells what it is. Frames
//! are pushes or, in RESP2 and from some gateways in RESP3 too, arrays.

use swarm_resp::{Frame, FrameRef, Kind as FrameKind, ServerError};

use super::name::Kind;
use crate::server::ServerProfile;

/// A frame on a subscribed connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PubSubFrame<'a> {
    /// A name was subscribed or unsubscribed.
    Acknowledged {
        kind: Kind,
        subscribed: bool,
        name: &'a [u8],
    },
    Message {
        /// The pattern that matched, for a subscription by pattern.
        pattern: Option<&'a [u8]>,
        channel: &'a [u8],
        payload: &'a [u8],
    },
    /// The reply to PING, which echoes its argument.
    Pong(&'a [u8]),
    /// An error, which answers the oldest request without a reply.
    Refused(ServerError),
    /// A push of an unknown kind.
    Unknown,
    /// A frame that is impossible on such a connection.
    Nonsense,
}

impl<'a> PubSubFrame<'a> {
    pub(super) fn of(frame: &'a Frame, server: ServerProfile) -> Self {
        if let Some(error) = server.error_of(frame.view()) {
            return Self::Refused(error);
        }
        match frame.kind() {
            FrameKind::Push | FrameKind::Array => Self::of_words(frame).unwrap_or(Self::Unknown),
            _ => frame.as_bytes().map_or(Self::Nonsense, Self::Pong),
        }
    }

    fn of_words(frame: &'a Frame) -> Option<Self> {
        let mut words = frame.items()?;
        let count = words.len();
        let kind = words.next().and_then(FrameRef::as_bytes)?;
        let mut word = || words.next().and_then(FrameRef::as_bytes);
        let acknowledged = |kind, subscribed, name| Self::Acknowledged {
            kind,
            subscribed,
            name,
        };
        Some(match (kind, count) {
            (b"message", 3) => Self::Message {
                pattern: None,
                channel: word()?,
                payload: word()?,
            },
            (b"pmessage", 4) => Self::Message {
                pattern: Some(word()?),
                channel: word()?,
                payload: word()?,
            },
            (b"subscribe", 3) => acknowledged(Kind::Channel, true, word()?),
            (b"psubscribe", 3) => acknowledged(Kind::Pattern, true, word()?),
            (b"unsubscribe", 3) => acknowledged(Kind::Channel, false, word()?),
            (b"punsubscribe", 3) => acknowledged(Kind::Pattern, false, word()?),
            (b"pong", 2) => Self::Pong(word()?),
            _ => return None,
        })
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

    fn words(words: &[&str]) -> Frame {
        Frame::build(|reply| {
            reply.array(|array| words.iter().for_each(|word| array.bulk(word.as_bytes())));
        })
    }

    #[test]
    fn names_and_payloads_say_nothing_about_the_kind() {
        for odd in ["subscribe", "message", "pong", "-ERR", ""] {
            for server in [ServerProfile::default(), array_errors()] {
                let message = words(&["message", odd, odd]);
                let expected = PubSubFrame::Message {
                    pattern: None,
                    channel: odd.as_bytes(),
                    payload: odd.as_bytes(),
                };
                assert_eq!(PubSubFrame::of(&message, server), expected);
            }
        }
    }

    #[test]
    fn both_spellings_of_an_error_are_refusals() {
        let spelled = words(&["-NOPERM", "no", "channel"]);
        let error = ServerError::parse(b"NOPERM no channel");
        let real = Frame::error("NOPERM no channel");
        assert_eq!(
            PubSubFrame::of(&spelled, array_errors()),
            PubSubFrame::Refused(error.clone())
        );
        assert_eq!(
            PubSubFrame::of(&real, array_errors()),
            PubSubFrame::Refused(error)
        );
        assert_eq!(
            PubSubFrame::of(&spelled, ServerProfile::default()),
            PubSubFrame::Unknown
        );
    }

    #[test]
    fn what_is_not_understood_is_unknown_and_what_cannot_be_is_nonsense() {
        for odd in [
            words(&["invalidate", "k"]),
            words(&["smessage", "a", "b"]),
            words(&["message", "a"]),
            words(&["message", "a", "b", "c"]),
            words(&[]),
            Frame::array(&[
                Frame::simple("unsubscribe"),
                Frame::null(),
                Frame::integer(0),
            ]),
        ] {
            assert_eq!(
                PubSubFrame::of(&odd, ServerProfile::default()),
                PubSubFrame::Unknown,
                "{odd}"
            );
        }
        for odd in [Frame::integer(1), Frame::null()] {
            assert_eq!(
                PubSubFrame::of(&odd, ServerProfile::default()),
                PubSubFrame::Nonsense,
                "{odd}"
            );
        }
        for pong in [Frame::simple("x"), Frame::bulk("x"), words(&["pong", "x"])] {
            assert_eq!(
                PubSubFrame::of(&pong, ServerProfile::default()),
                PubSubFrame::Pong(b"x")
            );
        }
    }
}
