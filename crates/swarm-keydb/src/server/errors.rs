//! Parsing of a server's errors, according to its profile.

use swarm_resp::{FrameRef, Kind, ServerError};

use super::array_errors::{Meaning, array_error, array_failure, may_be_array_error};
use super::error_reply::{ErrorReply, without_arguments};
use super::profile::ServerProfile;

impl ServerProfile {
    /// Returns the error in a reply, if it is one. `meaning` is the meaning of an array that begins
    /// with a dash.
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

    /// Returns the error in a reply, for a command that never replies with an array of strings.
    pub(crate) fn error_of(self, frame: FrameRef<'_>) -> Option<ServerError> {
        match frame.kind() {
            Kind::SimpleError | Kind::BulkError => plain_error(frame),
            Kind::Array if self.array_errors => array_error(frame),
            _ => None,
        }
    }
}

/// Returns the error in a reply of an error type.
pub(crate) fn plain_error(frame: FrameRef<'_>) -> Option<ServerError> {
    frame.error_bytes().map(without_arguments)
}
