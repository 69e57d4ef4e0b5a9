//! Reads the errors that a server sends, as its profile says.

use swarm_resp::{FrameRef, Kind, ServerError};

use super::array_errors::{Meaning, array_error, array_failure, may_be_array_error};
use super::profile::ServerProfile;

/// A reply that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorReply {
    /// An error, as the server means it.
    Plain(ServerError),
    /// An error of a script, or an array that the script returned and that looks like one. The connection does not tell
    /// them apart.
    Scripted(ServerError),
}

impl ServerProfile {
    /// The error that a reply is, if it is one. `meaning` says what an array that begins with a dash means.
    #[inline]
    pub(crate) fn failure_of(
        self,
        frame: FrameRef<'_>,
        meaning: impl FnOnce() -> Meaning,
    ) -> Option<ErrorReply> {
        match frame.kind() {
            Kind::SimpleError | Kind::BulkError => plain_error(frame).map(ErrorReply::Plain),
            Kind::Array if self.array_errors && may_be_array_error(frame) => {
                array_failure(frame, &meaning())
            }
            _ => None,
        }
    }

    /// The error that a reply is, for a command that is never answered by an array of strings.
    pub(crate) fn error_of(self, frame: FrameRef<'_>) -> Option<ServerError> {
        match frame.kind() {
            Kind::SimpleError | Kind::BulkError => plain_error(frame),
            Kind::Array if self.array_errors => array_error(frame),
            _ => None,
        }
    }
}

/// The error of a reply of an error type.
pub(crate) fn plain_error(frame: FrameRef<'_>) -> Option<ServerError> {
    frame.error_bytes().map(without_arguments)
}

/// Parses an error without the arguments that Redis repeats when it does not know a command: they may be values, or a
/// password.
pub(super) fn without_arguments(text: &[u8]) -> ServerError {
    const REPEATED: &[u8] = b", with args beginning with:";
    let at = text
        .windows(REPEATED.len())
        .position(|window| window == REPEATED);
    ServerError::parse(text.get(..at.unwrap_or(text.len())).unwrap_or(text))
}
