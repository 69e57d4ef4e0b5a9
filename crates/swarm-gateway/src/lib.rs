//! In-process SwarmKeyDb gateway for development and tests: WebSocket, HTTP, and RESP over TCP in
//! front of an embedded store or a real Redis.
//!
//! A single call starts a server on free ports, which stops when it is dropped:
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
//! The gateway is not a database: the embedded store loses all data when the gateway stops.
//! Sockets, protocols, and failure modes are those of a real server.
//!
//! # Fault injection
//!
//! [`Faults`] delays, replaces, or loses replies and messages, and freezes or disconnects a running
//! gateway at a chosen moment. [`Gateway::stop`] and [`Gateway::start`] simulate an outage, and
//! [`Gateway::executions`] reports which commands have run. Tests can await every fault, so they do
//! not need to sleep:
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
//! let mut transport = connector(&endpoint, &TransportOptions::new())?.connect().await?;
//!
//! let hold = gateway.faults().hold("PING"); // the command runs, but its reply is withheld
//! transport.start_send(Request::new("PING", ()).view())?;
//! poll_fn(|cx| transport.poll_flush(cx)).await?;
//! hold.reached(1).await;
//! assert_eq!(gateway.executions("PING"), 1);
//!
//! hold.release();
//! let reply = poll_fn(|cx| transport.poll_receive(cx)).await?;
//! assert_eq!(reply.as_str(), Some("PONG"));
//! # Ok(())
//! # }
//! ```
//!
//! # Configuration
//!
//! [`Gateway::builder`] returns a [`Builder`], which configures:
//!
//! * listeners and their addresses, a password, and allowed origins;
//! * a [`Dialect`]: [`Quirk`]s of deployed servers, individually or all those of the latest
//!   version;
//! * a [`Clock`] that tests advance manually, so keys expire without waiting;
//! * the server's timing: a [`WriteQueue`], the script time limit, and lost wake-ups of blocking
//!   reads;
//! * a real Redis, Valkey, or KeyDB behind the listeners, for commands that the embedded store
//!   lacks;
//! * scripts in the embedded store, with the feature `lua`, which requires a C compiler;
//! * a control door, with the feature `control`: faults, clock, counts and snapshots over HTTP, for
//!   tests in other languages;
//! * TLS on every listener, with the feature `tls`, which requires a C compiler.
//!
//! [`blocking`] offers the same for tests without an async runtime. The program `swarm-gateway`
//! starts a gateway on the default ports from the command line; see `swarm-gateway --help` for
//! examples.
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

mod accept;
mod backend;
pub mod blocking;
mod builder;
mod clock;
mod command_name;
#[cfg(feature = "control")]
mod control;
mod dialect;
mod distortion;
mod error;
mod event_loop;
mod fault;
mod fragments;
mod handle;
mod hello;
mod instance;
mod json;
mod listener;
mod listener_kind;
mod login;
mod origins;
mod outbox;
mod ports;
mod reader;
mod running;
mod session;
mod shutdown;
mod snapshot;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod write_queue;

pub use builder::{Builder, test};
pub use clock::Clock;
pub use dialect::{Dialect, ParseDialectError, Quirk};
pub use error::{StartError, StoreError};
pub use fault::{
    Connection, Faults, FreezeGuard, Hold, Listener, PlannedFault, PushGuard, RefuseGuard,
};
pub use handle::Gateway;
pub use snapshot::Snapshot;
pub use write_queue::WriteQueue;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
