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
    /// overwrite a value that another client wrote in between. A client of several servers retries
    /// reads only, because one server may run the write after another has run its retry.
    Idempotent,
}

impl RetryPolicy {
    /// The policy if the next connection may lead to another server: a write that one of them may
    /// have run, or may still run, is not sent to another.
    pub(crate) const fn within_one_server(self) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::ReadOnly | Self::Idempotent => Self::ReadOnly,
        }
    }
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

/// Which commands of a client stay in order when it has several shared connections.
///
/// The client has several only where [`max_connections`](crate::ClientOptions::max_connections)
/// permits it and the server runs the commands of one connection one after another. With a single
/// connection, all commands stay in order.
///
/// In every variant, a command begins after all commands that you awaited before it, on any
/// connection. All clones of a client are one client. The guide describes [the order of
/// commands](crate::guide::connections) with examples.
///
/// Blocking commands and [`exclusive`](crate::Client::exclusive) handles, which have a dedicated
/// connection, are outside of this order: they begin after the commands that you awaited before,
/// and other commands of the client can overtake them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CommandOrder {
    /// Of two commands that name a common key, the one whose future was polled first reaches the
    /// server first. The same applies to streams, and to `PUBLISH` on a common channel.
    ///
    /// - Commands without a common key are in no order.
    /// - A command that may concern any key waits for all earlier commands, and all later ones wait
    ///   for it: `FLUSHALL`, `CONFIG SET`, `SCRIPT LOAD`, scripts without keys, commands that the
    ///   client does not know. The
    ///   [list of commands](crate::guide::commands#order) names them.
    /// - A command that reads no particular key (`PING`, `SCAN`, `DBSIZE`) is in no order, except
    ///   with those.
    /// - A pipeline or a transaction runs on one connection, and counts as one command that names
    ///   all of its keys.
    /// - While [`transact`](crate::Client::transact) watches keys of a server that does not isolate
    ///   transactions, the client's other writes of these keys wait.
    /// - A script, or a `SORT` with patterns, is in order by the keys that it names, not by others
    ///   that it reads.
    /// - If a command fails and may have run, the server may still run it after later commands.
    #[default]
    PerKey,
    /// All commands reach the server in the order in which their futures were first polled. The
    /// client has one shared connection, regardless of
    /// [`max_connections`](crate::ClientOptions::max_connections). Writes that wait for
    /// [`transact`](crate::Client::transact) on a server that does not isolate transactions hold
    /// back only later commands that name one of their keys. If a command fails and may have run,
    /// the server may still run it after later commands.
    All,
    /// Commands are in no order, not even those of a common key. For loading independent keys, each
    /// written once. The commands of one pipeline or transaction stay in order, but
    /// [`transact`](crate::Client::transact) holds no writes back.
    None,
}
