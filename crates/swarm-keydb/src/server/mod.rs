//! The server of a connection: its profile, how the client detects it, and what it cannot be sent.
//!
//! * [`profile`] lists the properties in which servers differ. [`swarmkeydb`] and [`redis`] state
//!   them for one kind of server each; a new dialect is one more file beside them and a row in
//!   [`detect`].
//! * [`detect`] chooses the profile of a connection: from the handshake, the transport, and the
//!   option that pins it.
//! * [`check`] rejects requests that the server cannot take, directly before they would be sent, by
//!   the [`marks`] set when the command was built.
//! * [`errors`] parses the errors of a server, including [array errors](array_errors).
//! * [`learned`] keeps what connections have learned, for later handshakes and deadlines of the
//!   same client.

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
pub(crate) use learned::{Digests, HelloLimit, Learned};
pub(crate) use marks::{Marks, has_line_break};
pub(crate) use profile::ServerProfile;
