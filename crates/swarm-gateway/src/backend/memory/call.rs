//! One execution of one command: its arguments and the data.

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};

use super::keyspace::Keyspace;
use super::number;
use super::reject::Reject;
use super::server::Server;
use crate::backend::Client;

/// What a command replies.
pub(super) type Reply = Result<Frame, Reject>;

/// What a command works on. The number of arguments was checked against the table.
pub(super) struct Call<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    pub(super) server: &'a mut Server,
    pub(super) client: &'a Client,
    pub(super) args: &'a [Bytes],
    /// Milliseconds since 1970; stands still while the command runs.
    pub(super) now: i64,
    pub(super) protocol: RespVersion,
    /// Whether the client listens to channels.
    pub(super) subscribed: bool,
    /// Whether the command waited, and a key that it waits for has changed.
    pub(super) again: bool,
    /// Set by a command that would rather wait than give the reply that it returns.
    pub(super) block: Option<Block>,
}

/// What a command waits for.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) keys: Vec<Bytes>,
    /// Milliseconds since 1970; `None` waits for ever.
    pub(super) deadline: Option<i64>,
    /// What is run when a key changed: the arguments, with what is relative to now made absolute.
    pub(super) args: Vec<Bytes>,
}

impl<'a> Call<'a> {
    /// The argument at an index; the command's name is at 0.
    pub(super) fn arg(&self, at: usize) -> &'a Bytes {
        static NONE: Bytes = Bytes::new();
        self.args.get(at).unwrap_or(&NONE)
    }

    /// The arguments from an index on.
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

/// A count as an integer reply.
pub(super) fn count(number: usize) -> Frame {
    Frame::integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A value as a reply, or null.
pub(super) fn bulk(value: Option<&Bytes>) -> Frame {
    value.cloned().map_or_else(Frame::null, Frame::bulk)
}
