//! Encoding of commands and frames.

mod command;
mod frame;
mod inline;

pub use command::encode_command;
pub(crate) use command::{Measure, Writer, append, write_name};
pub use frame::encode_frame;
pub(crate) use inline::Inline;

/// The RESP version in which a frame is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RespVersion {
    /// RESP2: the initial protocol of every connection.
    #[default]
    Resp2,
    /// RESP3, which a client selects with `HELLO 3`.
    Resp3,
}
