//! One execution of one command: its arguments and the data.

use bytes::Bytes;
use swarm_resp::Frame;

use super::keyspace::Keyspace;
use super::number;
use super::reject::Reject;

/// What a command replies.
pub(super) type Reply = Result<Frame, Reject>;

/// What a command works on. The number of arguments was checked against the table.
pub(super) struct Call<'a> {
    pub(super) keyspace: &'a mut Keyspace,
    pub(super) args: &'a [Bytes],
    /// Milliseconds since 1970; stands still while the command runs.
    pub(super) now: i64,
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
