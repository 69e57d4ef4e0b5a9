//! Arguments and replies of commands, where a plain type would not say enough.

mod keys;
mod server;
mod set;
mod ttl;

use swarm_resp::{ConvertError, Frame};

pub use keys::{KeyType, ScanOptions, ScanPage};
pub(super) use keys::{key_type, scan_page};
pub(super) use server::server_info;
pub use server::{Resync, ServerInfo};
pub use set::SetOptions;
pub(super) use set::was_set;
pub use ttl::Ttl;
pub(super) use ttl::{ttl_milliseconds, ttl_seconds};

pub(crate) fn ok(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"OK") => Ok(()),
        _ => Err(ConvertError::new("OK", reply.view())),
    }
}

pub(super) fn pong(reply: &Frame) -> Result<(), ConvertError> {
    match reply.as_bytes() {
        Some(b"PONG") => Ok(()),
        _ => Err(ConvertError::new("PONG", reply.view())),
    }
}
