//! One transport trait for SwarmKeyDb and Redis-compatible servers, and the wires behind it.
//!
//! A [`Transport`] is an ordered sink of [`Request`](swarm_resp::Request)s and stream of
//! [`Frame`](swarm_resp::Frame)s. A [`Connect`] makes one at every dial. Nothing above this crate knows which wire
//! carries its commands; a wire of one's own takes a few lines: see the [`Transport`] contract.

mod capabilities;
mod connect;
mod error;
mod transport;

pub use capabilities::{Capabilities, Refusal};
pub use connect::{BoxFuture, Connect};
pub use error::{TransportError, TransportErrorKind};
pub use transport::{BoxTransport, Transport};
