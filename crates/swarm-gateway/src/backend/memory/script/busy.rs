//! A script that runs for long: other commands are rejected until it has ended, or is killed.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, ok};
use super::super::reject::Reject;
use super::running::Kill;

const BUSY_SCRIPT: Reject = Reject::text(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
const BUSY_FUNCTION: Reject = Reject::text(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);
const NOT_BUSY: Reject = Reject::text("NOTBUSY No scripts in execution right now.");
const UNKILLABLE: Reject = Reject::text(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can \
     either wait the script termination or kill the server in a hard way using the SHUTDOWN \
     NOSAVE command.",
);

/// A script that has run for so long that other commands are rejected.
#[derive(Debug)]
pub(in super::super) struct Busy {
    pub(super) kill: Kill,
    pub(super) has_written: bool,
    /// The command that runs it, if that is FCALL.
    pub(super) function: Option<Vec<Bytes>>,
    /// Milliseconds since the Unix epoch.
    pub(super) started: i64,
}

impl Busy {
    /// What other commands are told.
    pub(in super::super) const fn reject(&self) -> Reject {
        match self.function {
            None => BUSY_SCRIPT,
            Some(_) => BUSY_FUNCTION,
        }
    }
}

/// Returns what FUNCTION STATS shows of the function that runs.
pub(super) fn running_function(call: &Call<'_>) -> Reply {
    let Some(busy) = &call.server.busy else {
        return Ok(Frame::null());
    };
    let Some(command) = &busy.function else {
        return Err(busy.reject());
    };
    Ok(Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"name");
            map.bulk(command.get(1).map_or(&[], Bytes::as_ref));
            map.bulk(b"command");
            map.array(|words| command.iter().for_each(|word| words.bulk(word)));
            map.bulk(b"duration_ms");
            map.integer(call.now - busy.started);
        });
    }))
}

pub(in super::super) fn script_kill(call: &mut Call<'_>) -> Reply {
    kill(call, false)
}

pub(super) fn function_kill(call: &mut Call<'_>) -> Reply {
    kill(call, true)
}

fn kill(call: &Call<'_>, is_function: bool) -> Reply {
    match &call.server.busy {
        None => Err(NOT_BUSY),
        Some(busy) if busy.has_written => Err(UNKILLABLE),
        Some(busy) if busy.function.is_some() != is_function => Err(busy.reject()),
        Some(busy) => {
            busy.kill.kill();
            Ok(ok())
        }
    }
}
