//! Async client for SwarmKeyDb and other Redis-compatible servers.

mod client;
mod command;
mod commands;
mod driver;
mod engine;
mod error;
mod options;

pub mod prelude {
    //! The command families, to be imported as a whole.
    pub use crate::commands::{ConnectionCommands, KeyCommands, StringCommands};
}

pub use bytes::Bytes;
pub use client::{Client, Reply};
pub use command::{Command, Executor};
pub use commands::{ConnectionCommands, KeyCommands, ServerInfo, SetOptions, StringCommands, Ttl};
pub use error::{Error, ErrorKind, Outcome, Result};
pub use options::Options;
pub use swarm_resp::{Frame, FrameRef, FromFrame, ServerError, ToArg, ToArgs};
