//! Limits on received commands.

/// Limits on the commands that a [`CommandDecoder`](super::CommandDecoder) accepts.
///
/// The decoder never reserves memory for an announced length or count, so a peer must actually send
/// what these limits allow.
///
/// # Examples
///
/// ```
/// use swarm_resp::{CommandDecoder, CommandLimits};
///
/// let decoder = CommandDecoder::with_limits(CommandLimits::new().with_max_arg(1 << 20));
/// # drop(decoder);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandLimits {
    /// Maximum number of arguments, the name included. Default 1,048,576.
    pub max_args: usize,
    /// Maximum size of an argument, in bytes. Default 512 MiB, as in Redis.
    pub max_arg: usize,
    /// Maximum length of an inline command and of a header line, in bytes. Default 64 KiB, as in
    /// Redis.
    pub max_inline: usize,
    /// Maximum encoded size of a command, in bytes. Default 1 GiB, as in Redis.
    pub max_command: usize,
}

impl CommandLimits {
    /// Creates the default limits.
    pub const fn new() -> Self {
        Self {
            max_args: 1 << 20,
            max_arg: 512 << 20,
            max_inline: 64 << 10,
            max_command: 1 << 30,
        }
    }

    /// Sets [`max_args`](Self::max_args).
    #[must_use]
    pub const fn with_max_args(mut self, args: usize) -> Self {
        self.max_args = args;
        self
    }

    /// Sets [`max_arg`](Self::max_arg), in bytes.
    #[must_use]
    pub const fn with_max_arg(mut self, bytes: usize) -> Self {
        self.max_arg = bytes;
        self
    }

    /// Sets [`max_inline`](Self::max_inline), in bytes.
    #[must_use]
    pub const fn with_max_inline(mut self, bytes: usize) -> Self {
        self.max_inline = bytes;
        self
    }

    /// Sets [`max_command`](Self::max_command), in bytes.
    #[must_use]
    pub const fn with_max_command(mut self, bytes: usize) -> Self {
        self.max_command = bytes;
        self
    }
}

impl Default for CommandLimits {
    fn default() -> Self {
        Self::new()
    }
}
