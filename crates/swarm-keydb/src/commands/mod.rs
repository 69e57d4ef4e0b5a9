//! The command families: one trait each, served by every executor.

mod generated;
mod model;
mod raw;
#[cfg(test)]
mod recorder;
mod session;

pub use generated::*;
pub(crate) use model::ok;
pub use model::{KeyType, Resync, ScanOptions, ScanPage, ServerInfo, SetOptions, Ttl};
pub use raw::RawCommands;
pub(crate) use session::{exclusive_command, hello_command};
