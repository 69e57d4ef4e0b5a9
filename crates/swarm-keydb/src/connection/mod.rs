//! Connections: what every protocol over a connection to the server has in common.

mod handshake;
mod nonce;
mod session;

pub(crate) use handshake::HandshakeError;
pub(crate) use nonce::Nonce;
pub(crate) use session::{Session, Settings, Violation};
