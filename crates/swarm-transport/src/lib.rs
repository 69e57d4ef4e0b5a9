//! Transports for SwarmKeyDb and Redis-compatible servers: WebSocket, HTTP, RESP over TCP,
//! in-process.
//!
//! A [`Transport`] is one connection: a sink of [`Request`](swarm_resp::Request)s and an ordered
//! stream of [`Frame`](swarm_resp::Frame)s. A [`Connect`] value opens one. The layers above depend
//! only on these two traits, so a client runs over any transport without changes.
//!
//! Most applications use the client, `swarm-keydb`, which re-exports the items that its own API
//! needs. Depend on this crate to implement a custom transport or another client.
//!
//! | transport | created by | carries |
//! |---|---|---|
//! | WebSocket, one command per message | [`connector`], for `ws://`, `wss://` | everything; non-UTF-8 arguments only with [`binary_safe`](TransportOptions::binary_safe) |
//! | RESP over TCP, TLS, Unix sockets | [`connector`], for `redis://`, `rediss://`, `redis+unix://` | everything |
//! | HTTP, one request per command | [`connector`], for `http://`, `https://` | UTF-8 arguments, no sessions, no pushes |
//! | RESP over any byte stream | [`RespTransport`] | everything |
//! | in-process | [`memory::pair`] | everything |
//!
//! In a browser (`wasm32-unknown-unknown`), WebSocket and HTTP use the page's own. The other
//! transports over sockets do not exist there.
//!
//! # Connecting
//!
//! [`connector`] selects the transport by the scheme of an [`Endpoint`]. [`TransportOptions`] holds
//! timeouts, limits, headers and TLS options. Both are validated before anything is dialed.
//! Connecting requires a tokio runtime with I/O and time enabled, except in a browser.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), swarm_transport::TransportError> {
//! # #[cfg(feature = "tcp")] {
//! use std::time::Duration;
//! use swarm_transport::{TransportOptions, Endpoint, connector};
//!
//! let endpoint = Endpoint::parse("redis://127.0.0.1:1")?;
//! let options = TransportOptions::new().dial_timeout(Duration::from_secs(3));
//! match connector(&endpoint, &options)?.connect().await {
//!     Ok(transport) => println!("connected: {:?}", transport.capabilities()),
//!     Err(error) if error.is_refused() => println!("{error}"),
//!     Err(error) => return Err(error),
//! }
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! A [`failover`] is a connector over the connectors of several servers.
//!
//! # Implementing a transport
//!
//! Often there is nothing to implement: [`RespTransport`] speaks RESP over any byte stream, and a
//! [`Wrapper`] overrides single methods of another transport, to record or change what passes.
//!
//! A transport implements five methods and reports its capabilities, under the contract documented
//! at [`Transport`]. One task owns and polls a transport, so its methods take `&mut self` and need
//! no locks. The following transport answers every command with the command's name:
//!
//! ```
//! use std::collections::VecDeque;
//! use std::task::{Context, Poll, Waker};
//! use swarm_resp::{Frame, Request, RequestRef};
//! use swarm_transport::{Capabilities, Transport, TransportError};
//!
//! /// Answers each command with its name.
//! #[derive(Default)]
//! struct Mirror {
//!     replies: VecDeque<Frame>,
//!     /// Tasks that wait in `poll_ready` and in `poll_receive`.
//!     sender: Option<Waker>,
//!     receiver: Option<Waker>,
//! }
//!
//! impl Transport for Mirror {
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::FULL.with_push(false).with_max_request(1 << 20)
//!     }
//!
//!     /// Applies backpressure: pending while the queue is full. `poll_receive` frees capacity, so
//!     /// it wakes the sender.
//!     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
//!         if self.replies.len() < 100 {
//!             return Poll::Ready(Ok(()));
//!         }
//!         self.sender = Some(cx.waker().clone());
//!         Poll::Pending
//!     }
//!
//!     /// Makes a frame available, so it wakes the receiver.
//!     fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
//!         self.replies.push_back(Frame::bulk(request.name().to_vec()));
//!         self.receiver.take().map(Waker::wake);
//!         Ok(())
//!     }
//!
//!     /// Requests are not buffered, so there is nothing to flush.
//!     fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
//!         Poll::Ready(Ok(()))
//!     }
//!
//!     fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
//!         match self.replies.pop_front() {
//!             Some(frame) => {
//!                 self.sender.take().map(Waker::wake);
//!                 Poll::Ready(Ok(frame))
//!             }
//!             None => {
//!                 self.receiver = Some(cx.waker().clone());
//!                 Poll::Pending
//!             }
//!         }
//!     }
//!
//!     fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
//!         Poll::Ready(Ok(()))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), TransportError> {
//! use swarm_transport::{BoxTransport, Connect};
//!
//! // A closure that returns a transport implements `Connect`, for the client's `connect_with`.
//! let connector = || async { Ok(Box::new(Mirror::default()) as BoxTransport) };
//! let mut transport = connector.connect().await?;
//! transport.start_send(Request::new("PING", ()).view())?;
//! let reply = std::future::poll_fn(|cx| transport.poll_receive(cx)).await?;
//! assert_eq!(reply.as_str(), Some("PING"));
//! # Ok(())
//! # }
//! ```
//!
//! A transport that lacks a feature reports so in its [`Capabilities`], or rejects individual
//! requests in [`check`](Transport::check); the client consults both before it sends. Errors are
//! [`TransportError`]s with a [`TransportErrorKind`], and the cause in the source chain. Neither
//! credentials nor values appear in their text.
//!
//! # Features
//!
//! `ws` and `tcp` are enabled by default. `http` adds the HTTP transport, and `tls` adds `wss://`,
//! `rediss://` and `https://` for the transports that are enabled. `web` stands for `ws` and `http`,
//! the transports that a browser has too, with TLS of its own. The features are additive. If an
//! endpoint needs a disabled feature, the error names that feature. In a browser, `tcp` and `tls`
//! do not compile.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg_attr(
    not(any(feature = "ws", feature = "tcp", feature = "http")),
    allow(dead_code, reason = "shared code is unused if no transport is enabled")
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod capabilities;
mod connect;
mod connector;
#[cfg(all(
    feature = "net",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod dial;
mod endpoint;
mod error;
pub mod facts;
pub mod failover;
#[cfg(all(
    feature = "ws",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod heartbeat;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(
    feature = "http",
    all(
        feature = "ws",
        not(all(target_family = "wasm", target_os = "unknown"))
    )
))]
mod http_status;
mod identity;
pub mod memory;
mod options;
#[cfg(any(
    feature = "http",
    all(
        feature = "ws",
        not(all(target_family = "wasm", target_os = "unknown"))
    )
))]
mod retry_after;
mod route;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
#[cfg(all(target_family = "wasm", target_os = "unknown", feature = "net"))]
mod web;
mod wrapper;
#[cfg(feature = "ws")]
pub mod ws;

pub use capabilities::{Capabilities, RequestRejection};
pub use connect::{BoxFuture, Connect};
pub use connector::connector;
pub use endpoint::{Endpoint, Scheme};
pub use error::{TransportError, TransportErrorKind};
pub use identity::PeerIdentity;
pub use options::{QuickAck, TransportOptions};
pub use route::Route;
pub use swarm_resp::Printable;
#[cfg(feature = "tcp")]
pub use tcp::RespTransport;
pub use transport::{BoxTransport, Transport};
pub use wrapper::{Intercept, Wrapper};

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
