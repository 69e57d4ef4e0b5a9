//! From commands and frames to bytes.

mod command;
mod frame;
mod inline;

pub use command::encode_command;
pub(crate) use command::{Measure, Writer, append, write_name};
pub use frame::encode_frame;
pub(crate) use inline::Inline;

/// The version of the protocol that a frame is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RespVersion {
    /// RESP2: what every connection starts in.
    #[default]
    Resp2,
    /// RESP3: after `HELLO 3`.
    Resp3,
}
