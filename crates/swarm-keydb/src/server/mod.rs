//! The server behind a connection: what is known about it, how that is detected, and what it cannot be sent.
//!
//! * [`profile`] lists the facts in which servers differ. [`swarmkeydb`] and [`redis`] state them for one kind of server
//!   each; a new dialect is one more file beside them and a row in [`detect`].
//! * [`detect`] chooses the profile of a connection: from the handshake, the transport, and the option that pins it.
//! * [`check`] rejects what the server cannot take, right before it would be sent, by the [`marks`] that building a command left.
//! * [`errors`] reads the errors of a server, also those that arrive as [arrays of words](array_errors).
//! * [`learned`] remembers what connections have found out, for the next handshakes and deadlines of the same client.

mod array_errors;
mod check;
mod detect;
mod error_reply;
mod errors;
mod learned;
mod marks;
mod profile;
mod redis;
mod swarmkeydb;
mod write_cost;

pub(crate) use array_errors::{Meaning, array_error, is_about_the_server};
pub(crate) use check::Unsupported;
pub use detect::ServerKind;
pub(crate) use detect::{Detection, Identity};
pub(crate) use error_reply::ErrorReply;
pub(crate) use errors::plain_error;
pub(crate) use learned::{HelloLimit, Learned};
pub(crate) use marks::{Marks, has_line_break};
pub(crate) use profile::ServerProfile;
