//! How a server spells its errors.

use swarm_resp::{FrameRef, Kind, RequestRef, ServerError};

use super::Failure;
use super::text::check_text;
use super::words::{Meaning, may_be_words, words_error, words_failure};
use crate::profile::ServerKind;

/// How a connection spells errors, found out once during the handshake.
///
/// Some SwarmKeyDb gateways pass errors through an internal reader that does not know the `-` type: `-ERR unknown
/// command 'X'` arrives as the array `["-ERR", "unknown", "command", "'X'"]`. Whether a connection does so is found
/// out by provoking one harmless error, and not guessed from each reply: on a sound server, a list that begins with
/// `-ERR` is just a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dialect {
    pub(crate) errors: ErrorShape,
    /// What the server of this connection is.
    pub(crate) server: ServerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ErrorShape {
    /// Errors are errors.
    #[default]
    Real,
    /// Errors from behind the gateway are arrays of words.
    Words,
}

impl Dialect {
    /// Whether an error text with a line break in it may shift the replies behind it. Only servers that are known to escape
    /// line breaks do without fences.
    pub(crate) const fn needs_fences(self) -> bool {
        !matches!(self.server, ServerKind::Redis)
    }

    /// Whether the server may answer PING with an error, as Redis does while it loads data or runs a script for long.
    pub(crate) const fn may_refuse_ping(self) -> bool {
        !matches!(self.server, ServerKind::SwarmKeyDb)
    }

    /// Fails if the server of this connection would change an argument. A server whose name is unknown is taken to keep every
    /// byte, as Redis does.
    #[inline]
    pub(crate) fn check(self, request: RequestRef<'_>) -> Result<(), Failure> {
        match self.server {
            ServerKind::SwarmKeyDb => check_text(request),
            ServerKind::Redis | ServerKind::Unknown => Ok(()),
        }
    }

    /// The failure that a reply stands for, if it does. `meaning` says what a list that begins with a dash means.
    #[inline]
    pub(crate) fn failure_of(
        self,
        frame: FrameRef<'_>,
        meaning: impl FnOnce() -> Meaning,
    ) -> Option<Failure> {
        match frame.kind() {
            Kind::SimpleError | Kind::BulkError => real_error(frame).map(Failure::Server),
            Kind::Array if self.errors == ErrorShape::Words && may_be_words(frame) => {
                words_failure(frame, &meaning())
            }
            _ => None,
        }
    }

    /// The error that a reply is whose command is never answered by a list of texts.
    pub(crate) fn error_of(self, frame: FrameRef<'_>) -> Option<ServerError> {
        match frame.kind() {
            Kind::SimpleError | Kind::BulkError => real_error(frame),
            Kind::Array if self.errors == ErrorShape::Words => words_error(frame),
            _ => None,
        }
    }
}

/// The error that a reply is on a sound server.
pub(crate) fn real_error(frame: FrameRef<'_>) -> Option<ServerError> {
    frame.error_bytes().map(without_arguments)
}

/// An error without the arguments that Redis repeats when it does not know a command: they may be values, or a
/// password.
pub(super) fn without_arguments(text: &[u8]) -> ServerError {
    const REPEATED: &[u8] = b", with args beginning with:";
    let at = text
        .windows(REPEATED.len())
        .position(|window| window == REPEATED);
    ServerError::parse(text.get(..at.unwrap_or(text.len())).unwrap_or(text))
}
