//! EVAL and related commands. With the feature `lua`, scripts run; without it, an error names it.

mod commands;
#[cfg(feature = "lua")]
mod lua;
#[cfg(feature = "lua")]
mod running;
#[cfg(not(feature = "lua"))]
#[path = "without_lua.rs"]
mod running;
mod shebang;

use bytes::Bytes;
use swarm_resp::RespVersion;

use super::call::Reply;
#[cfg(feature = "lua")]
use super::reject::Reject;

pub(super) use commands::{
    Busy, eval_in_transaction, eval_interleaved, eval_whole, script_exists, script_flush,
    script_kill, script_load,
};
use running::Script;

/// Name of a script in its error texts.
const NAME: &str = "user_script";

/// What scripts differ in from server to server.
#[derive(Debug, Clone, Copy)]
struct Profile {
    /// Scripts have the functions of SwarmKeyDb only, and status replies are plain text.
    swarm: bool,
    /// Errors and status replies keep their line breaks.
    line_breaks: bool,
}

/// A script to run.
#[derive(Debug)]
struct Source {
    text: Bytes,
    /// SHA-1 of the text, for error texts.
    digest: Bytes,
    keys: Vec<Bytes>,
    args: Vec<Bytes>,
    profile: Profile,
}

/// Where a running script stops.
#[derive(Debug)]
enum Stop {
    /// It calls a command, and goes on with the reply.
    Call {
        args: Vec<Bytes>,
        /// The version of RESP in which it wants the reply.
        protocol: RespVersion,
    },
    /// It has ended.
    Done(Reply),
}
