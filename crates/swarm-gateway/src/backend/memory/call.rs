//! Execution context of one command: arguments and data.

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::keyspace::Keyspace;
use super::number;
use super::reject::Reject;
use super::server::Server;
use crate::backend::Client;

/// Result of a command.
pub(super) type Reply = Result<Frame, Reject>;

/// Execution context of a command. The number of arguments has been checked against the command
/// table.
pub(super) struct Call<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    pub(super) server: &'a mut Server,
    pub(super) client: &'a Client,
    pub(super) args: &'a [Bytes],
    /// Milliseconds since the Unix epoch; constant while the command runs.
    pub(super) now: i64,
    pub(super) protocol: RespVersion,
    /// Whether a script runs the command.
    pub(super) in_script: bool,
    /// Whether the client is subscribed to channels or patterns.
    pub(super) subscribed: bool,
    /// Set if the command was blocked and one of its keys has changed.
    pub(super) again: bool,
    /// The key that has changed, if the command was blocked and commands are atomic.
    pub(super) ready: Option<Bytes>,
    /// Set by a command that prefers to block over its returned reply.
    pub(super) block: Option<Block>,
}

/// What a command is blocked on.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) keys: Vec<Bytes>,
    /// Milliseconds since the Unix epoch; `None` blocks indefinitely.
    pub(super) deadline: Option<i64>,
    /// Reply if nothing happens before the deadline.
    pub(super) otherwise: Frame,
    /// Arguments to run when a key has changed; relative ones have been made absolute.
    pub(super) args: Vec<Bytes>,
}

impl<'a> Call<'a> {
    /// Returns the argument at an index; index 0 is the command name.
    pub(super) fn arg(&self, at: usize) -> &'a Bytes {
        static NONE: Bytes = Bytes::new();
        self.args.get(at).unwrap_or(&NONE)
    }

    /// Returns the arguments from an index on.
    pub(super) fn rest(&self, from: usize) -> &'a [Bytes] {
        self.args.get(from..).unwrap_or_default()
    }

    pub(super) fn integer(&self, at: usize) -> Result<i64, Reject> {
        number::integer(self.arg(at))
    }
}

pub(super) fn ok() -> Frame {
    Frame::simple("OK")
}

/// Returns an integer reply.
pub(super) fn count(number: usize) -> Frame {
    Frame::integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns a bulk string reply, or null.
pub(super) fn bulk(value: Option<&Bytes>) -> Frame {
    value.cloned().map_or_else(Frame::null, Frame::bulk)
}
