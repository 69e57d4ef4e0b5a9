//! One transport trait for SwarmKeyDb and Redis-compatible servers, and the wires behind it.
//!
//! A [`Transport`] is an ordered sink of [`Request`](swarm_resp::Request)s and stream of
//! [`Frame`](swarm_resp::Frame)s. A [`Connect`] makes one at every dial. Nothing above this crate knows which wire
//! carries its commands; a wire of one's own takes a few lines: see the [`Transport`] contract.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg_attr(
    not(any(feature = "ws", feature = "tcp", feature = "http")),
    allow(dead_code, reason = "what the wires share has no user without a wire")
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test says what it expects by failing"
    )
)]

mod capabilities;
mod connect;
mod connector;
#[cfg(feature = "net")]
mod dial;
mod endpoint;
mod error;
#[cfg(feature = "ws")]
mod heartbeat;
#[cfg(feature = "http")]
pub mod http;
pub mod memory;
mod options;
#[cfg(any(feature = "ws", feature = "http"))]
mod status;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
#[cfg(feature = "ws")]
pub mod ws;

pub use capabilities::{Capabilities, Refusal};
pub use connect::{BoxFuture, Connect};
pub use connector::connector;
pub use endpoint::{Endpoint, Scheme};
pub use error::{TransportError, TransportErrorKind};
pub use options::DialOptions;
pub use transport::{BoxTransport, Transport};
