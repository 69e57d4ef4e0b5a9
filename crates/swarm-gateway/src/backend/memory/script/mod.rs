//! EVAL and related commands. With the feature `lua`, scripts run; without it, an error names it.

mod busy;
mod commands;
mod functions;
#[cfg(feature = "lua")]
mod lua;
mod prepare;
#[cfg(feature = "lua")]
mod running;
#[cfg(not(feature = "lua"))]
#[path = "without_lua.rs"]
mod running;
mod shebang;

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::RespVersion;

use super::call::Reply;

pub(super) use busy::{Busy, script_kill};
pub(super) use commands::{
    Ran, eval, eval_interleaved, eval_whole, script_exists, script_flush, script_load,
};
pub(super) use functions::{COMMANDS as FUNCTIONS, Functions};
use running::Script;
pub(super) use running::Threads;

/// What scripts differ in from server to server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Profile {
    /// Scripts have the functions of SwarmKeyDb only, and status replies are plain text.
    swarm: bool,
    /// Errors and status replies keep their line breaks.
    line_breaks: bool,
}

/// What a text in Lua is run for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// It is a script.
    Script,
    /// It is a library, which registers its functions.
    Load,
    /// It is a library, of which a function is called.
    Call { library: LibraryId, function: Bytes },
}

impl Purpose {
    /// Name of the text in error texts.
    #[cfg(feature = "lua")]
    const fn chunk(&self) -> &'static str {
        match self {
            Self::Script => "user_script",
            Self::Load | Self::Call { .. } => "user_function",
        }
    }
}

/// Identity of a library that has been loaded.
#[derive(Debug, Clone, Default)]
struct LibraryId(Arc<()>);

impl LibraryId {
    /// Whether there is another copy. Without one, the library has been deleted or replaced.
    #[cfg(feature = "lua")]
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl PartialEq for LibraryId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LibraryId {}

/// A function that a library has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Registered {
    name: Bytes,
    description: Option<Bytes>,
    flags: Vec<&'static str>,
}

impl Registered {
    /// Names of functions have no case.
    fn is_called(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Flags of scripts and functions.
const FLAGS: [&str; 5] = [
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
];

/// A script to run.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "lua"),
    expect(dead_code, reason = "only an interpreter reads it")
)]
struct Source {
    text: Bytes,
    purpose: Purpose,
    /// SHA-1 of the script, or the name of the function, for error texts.
    label: Bytes,
    keys: Vec<Bytes>,
    args: Vec<Bytes>,
    profile: Profile,
}

/// Where a running script stops.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "lua"),
    expect(dead_code, reason = "only an interpreter stops")
)]
enum Stop {
    /// It calls a command, and goes on with the reply.
    Call {
        args: Vec<Bytes>,
        /// The version of RESP in which it wants the reply.
        protocol: RespVersion,
        /// Whether it only asks if the user may run the command; the reply is 1 or 0.
        only_checks: bool,
    },
    /// It has registered these functions.
    Loaded(Vec<Registered>),
    /// It has ended.
    Done(Reply),
}
