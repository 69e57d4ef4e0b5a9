//! The command families: one trait each, served by every executor.

mod connection;
mod keys;
mod model;
mod strings;

pub use connection::ConnectionCommands;
pub use keys::KeyCommands;
pub use model::{ServerInfo, SetOptions, Ttl};
pub use strings::StringCommands;
