//! The command families: one trait each, served by every executor.

mod generated;
mod model;
mod raw;
#[cfg(test)]
mod recorder;

pub use generated::*;
pub use model::{KeyType, Resync, ScanOptions, ScanPage, ServerInfo, SetOptions, Ttl};
pub use raw::RawCommands;
