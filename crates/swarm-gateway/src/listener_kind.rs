//! Kinds of listeners, and the quirks that apply to each.

use crate::dialect::{Dialect, Quirk};

/// Kind of listener that accepted a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    /// Only AUTH, PING, and QUIT are allowed before authentication, and AUTH takes only the
    /// password.
    Ws,
    /// As in Redis: `AUTH [user] password`, and HELLO may authenticate too.
    Tcp,
    /// Authenticated before the session starts; a session lasts for one command.
    Http,
}

impl ListenerKind {
    /// Returns the quirks that apply to this kind of listener. Quirks of the WebSocket gateway
    /// apply only there.
    pub(crate) fn dialect(self, dialect: Dialect) -> Dialect {
        const WS: [Quirk; 7] = [
            Quirk::ArrayErrors,
            Quirk::CloseDrops,
            Quirk::CrLf,
            Quirk::HelloGarbage,
            Quirk::LateReplies,
            Quirk::Overtaking,
            Quirk::SimpleAsBulk,
        ];
        match self {
            Self::Ws => dialect.without(Quirk::NoTcpAuth),
            Self::Tcp | Self::Http => WS.into_iter().fold(dialect, Dialect::without),
        }
    }
}
