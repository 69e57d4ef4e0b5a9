//! SwarmKeyDb's front doors for development and tests, over an embedded store or a real Redis.
//!
//! One line gives a test a server of its own, on a free port, that stops when it is dropped:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), swarm_gateway::StartError> {
//! let gateway = swarm_gateway::test().await?;
//! assert!(gateway.ws_url().starts_with("ws://127.0.0.1:"));
//! # Ok(())
//! # }
//! ```
//!
//! A [`Builder`] sets addresses, a password and a [`Dialect`]; [`Faults`] make a running gateway late, mute or gone at
//! the moment a test needs it. The program `swarm-gateway` is the same on the command line.
//!
//! With the feature `tls` the doors speak `wss://`, `https://` and `rediss://`, by a certificate given to
//! `Builder::tls`. It is off by default, as it needs a C compiler.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
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

mod backend;
pub mod blocking;
mod builder;
mod clock;
mod dialect;
mod door;
mod error;
mod fault;
mod gateway;
mod json;
mod outbox;
mod session;
mod stream;
#[cfg(feature = "tls")]
mod tls;

pub use builder::{Builder, test};
pub use clock::Clock;
pub use dialect::{Dialect, ParseDialectError, Quirk};
pub use error::StartError;
pub use fault::{Faults, Hold, Mute, Refusal};
pub use gateway::Gateway;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
