//! Option values that select a behavior: retries, protocol version, error encoding.

/// Selects the commands that the client retries when a connection breaks before their reply
/// arrives, although they may already have run.
///
/// A command is sent at most three times, all within its timeout.
/// [`Reply::retry_safe`](crate::Reply::retry_safe) and [`Reply::no_retry`](crate::Reply::no_retry)
/// override the policy for a single command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryPolicy {
    /// Retries no command that may have run.
    Never,
    /// Retries commands that only read.
    #[default]
    ReadOnly,
    /// Retries reads and idempotent writes, such as SET without conditions. A retried write can
    /// overwrite a value that another client wrote in between.
    Idempotent,
}

/// RESP version that the client negotiates on each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// RESP3 if the server supports it, otherwise RESP2. Over WebSocket, the client always uses
    /// RESP2 with SwarmKeyDb, because its gateways corrupt RESP3 replies.
    #[default]
    Auto,
    /// RESP2. The client still sends `HELLO 2`, whose reply names the server; the server may refuse
    /// it.
    Resp2,
    /// RESP3 only: connecting fails if the server does not support it.
    Resp3,
}

/// How the server encodes errors in its replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorEncoding {
    /// Detected on each connection by a harmless command that fails.
    #[default]
    Auto,
    /// As RESP errors. An array that starts with `-ERR` is an array.
    Standard,
    /// As arrays of words, the first of which is the error code: the gateways of some SwarmKeyDb
    /// versions.
    Array,
}
