//! Error replies, without the parts that may repeat arguments of a command.

use swarm_resp::ServerError;

/// A reply that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErrorReply {
    /// An error of the server.
    Plain(ServerError),
    /// An error of a script, or an array that a script returned and that looks like one. They
    /// cannot be distinguished on this connection.
    Scripted(ServerError),
}

/// Parses an error without the arguments that Redis repeats for an unknown command: they may be
/// values, or a password.
pub(super) fn without_arguments(text: &[u8]) -> ServerError {
    const REPEATED: &[u8] = b", with args beginning with:";
    let at = text
        .windows(REPEATED.len())
        .position(|window| window == REPEATED);
    ServerError::parse(text.get(..at.unwrap_or(text.len())).unwrap_or(text))
}
