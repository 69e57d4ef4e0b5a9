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
//! It is no database: the store in memory forgets everything when it stops. What is real are the doors: sockets, protocols, and
//! their faults.
//!
//! # Make things go wrong
//!
//! [`Faults`] make a running gateway late, mute or gone at the moment a test needs it, and [`Gateway::executions`] says what
//! really ran. All of it can be waited for, so that no test needs to sleep:
//!
//! ```
//! use std::future::poll_fn;
//! use swarm_transport::{TransportOptions, Endpoint, connector};
//! # use swarm_resp::Request;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let gateway = swarm_gateway::test().await?;
//! let endpoint = Endpoint::parse(gateway.ws_url())?;
//! let mut wire = connector(&endpoint, &TransportOptions::new())?.connect().await?;
//!
//! let hold = gateway.faults().hold("PING"); // it runs, and its reply is kept back
//! wire.start_send(Request::new("PING", ()).view())?;
//! poll_fn(|cx| wire.poll_flush(cx)).await?;
//! hold.reached(1).await;
//! assert_eq!(gateway.executions("PING"), 1);
//!
//! hold.release();
//! let reply = poll_fn(|cx| wire.poll_receive(cx)).await?;
//! assert_eq!(reply.as_str(), Some("PONG"));
//! # Ok(())
//! # }
//! ```
//!
//! # Set it up
//!
//! [`Gateway::builder`] gives a [`Builder`], which sets
//!
//! * doors and their addresses, a password, allowed origins;
//! * a [`Dialect`]: the [`Quirk`]s of deployed servers, one by one or all that the newest has;
//! * a [`Clock`] that a test moves by hand, so that a time to live is over at once;
//! * the server's timing: a [`WriteQueue`], the limit of scripts, lost wake-ups of blocking reads;
//! * a real Redis, Valkey or KeyDB behind the doors, which brings what the embedded store lacks: it has strings, streams,
//!   Pub/Sub, transactions, and scripts of a few simple forms;
//! * TLS on every door, by the feature `tls`, which needs a C compiler.
//!
//! [`blocking`] is the same for tests without an async runtime. The program `swarm-gateway` is the same on the command line, where clients
//! expect a server: `swarm-gateway --help` has examples.
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
mod error;
mod fault;
mod fragments;
mod gateway;
mod json;
mod listener;
mod outbox;
mod reader;
mod session;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod write_queue;

pub use builder::{Builder, test};
pub use clock::Clock;
pub use dialect::{Dialect, ParseDialectError, Quirk};
pub use error::StartError;
pub use fault::{Faults, Freeze, Hold, RefuseGuard};
pub use gateway::Gateway;
pub use write_queue::WriteQueue;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
