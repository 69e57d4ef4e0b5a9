//! Which nodes answer reads.

/// Which nodes answer commands that only read.
///
/// Reads from replicas are **stale**: a replica has not yet what its primary has acknowledged, by
/// milliseconds as a rule, and by any time if it is cut off. A read may miss a write of the same
/// task that has been acknowledged before, and two reads may go back in time, because each may go
/// to another node. While a slot is being moved, a replica may say that a key does not exist that
/// has moved already. Use replicas where an old answer is as good as a new one.
///
/// Only single commands go to replicas, and only those that name keys and never write: a command
/// that may write goes to the primary, and so do scripts, blocking commands, [pipelines], and
/// [transactions].
///
/// [pipelines]: super::Client::pipeline
/// [transactions]: super::Client::transaction
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    #[default]
    Primary,
    /// Any replica that is connected; the primary if none is.
    Replica,
    /// The primary or any replica that is connected, in turn.
    Any,
}
