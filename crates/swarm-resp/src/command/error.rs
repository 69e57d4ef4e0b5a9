//! Errors of malformed commands.

use std::ascii::escape_default;

use crate::Frame;

/// The error of input that is not a command or exceeds a limit. The rest of the stream cannot be
/// decoded: send [`reply`](Self::reply) and close the connection, as Redis does.
///
/// The texts are those of Redis, except for [`UnterminatedBulk`](Self::UnterminatedBulk), which
/// Redis does not notice, [`TooLarge`](Self::TooLarge), where Redis closes the connection without a
/// reply, and the errors of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An inline command is longer than [`max_inline`](super::CommandLimits::max_inline).
    #[error("too big inline request")]
    InlineTooBig,
    /// An inline command has a quote without its counterpart, or text right after a closing quote.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// The line with the number of arguments does not end.
    #[error("too big mbulk count string")]
    CountTooBig,
    /// The number of arguments is malformed, or larger than
    /// [`max_args`](super::CommandLimits::max_args).
    #[error("invalid multibulk length")]
    InvalidCount,
    /// The line with the length of an argument does not end.
    #[error("too big bulk count string")]
    LengthTooBig,
    /// An argument is not a bulk string, but begins with this byte.
    #[error("expected '$', got '{}'", escape_default(*.0))]
    ExpectedBulk(u8),
    /// The length of an argument is malformed, negative, or larger than
    /// [`max_arg`](super::CommandLimits::max_arg).
    #[error("invalid bulk length")]
    InvalidLength,
    /// An argument is not followed by CRLF, so its length is wrong.
    #[error("bulk string not terminated by CRLF")]
    UnterminatedBulk,
    /// The command is larger than [`max_command`](super::CommandLimits::max_command).
    #[error("command exceeds the size limit")]
    TooLarge,
    /// A message ends in the middle of a command.
    #[error("message ends in the middle of a command")]
    Truncated,
    /// A message has data after its command.
    #[error("message has data after its command")]
    TrailingBytes,
}

impl ProtocolError {
    /// Returns the error reply, such as `ERR Protocol error: invalid bulk length`.
    pub fn reply(self) -> Frame {
        Frame::error(format!("ERR Protocol error: {self}"))
    }
}
