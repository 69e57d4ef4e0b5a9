//! One transport trait for SwarmKeyDb and Redis-compatible servers, and the wires behind it.
//!
//! A [`Transport`] is an ordered sink of [`Request`](swarm_resp::Request)s and stream of [`Frame`](swarm_resp::Frame)s. A
//! [`Connect`] makes one at every dial. Nothing above this crate knows which wire carries its commands.
//!
//! Applications want `swarm-keydb`, the client, and find this crate in it by the name `transport`. It is for those who bring a
//! wire of their own, or build another client.
//!
//! | wire | made by | carries |
//! |---|---|---|
//! | WebSocket, one command in a message | [`connector`], for `ws://`, `wss://` | everything, bytes that are not UTF-8 when the gateway is declared safe |
//! | RESP over TCP, TLS, Unix sockets | [`connector`], for `redis://`, `rediss://`, `redis+unix://` | everything |
//! | HTTP, one request for a command | [`connector`], for `http://`, `https://` | UTF-8, no sessions |
//! | within the process | [`memory::pair`] | everything |
//!
//! # Dial
//!
//! [`connector`] picks the wire by the scheme of an [`Endpoint`]; [`TransportOptions`] holds deadlines, limits, headers and TLS.
//! All that can be refused without a network is refused there. A tokio runtime with I/O and time must be running when the
//! connector is asked.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), swarm_transport::TransportError> {
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
//! # Write a wire
//!
//! Five polls and the capabilities, under the contract at [`Transport`]. Whoever owns the transport polls all of it from one
//! task, so no method needs a lock; each says by its return where it stands, so none keeps a future. This one goes round
//! in a circle:
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
//!     reader: Option<Waker>,
//! }
//!
//! impl Transport for Mirror {
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::FULL.with_push(false).with_max_request(1 << 20)
//!     }
//!
//!     /// Bounds the queue: pending while it is full.
//!     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
//!         if self.replies.len() < 100 { Poll::Ready(Ok(())) } else { Poll::Pending }
//!     }
//!
//!     /// May buffer.
//!     fn start_send(&mut self, request: RequestRef<'_>) -> Result<(), TransportError> {
//!         self.replies.push_back(Frame::bulk(request.name().to_vec()));
//!         self.reader.take().map(Waker::wake);
//!         Ok(())
//!     }
//!
//!     /// Nothing waits here: what was started is on its way.
//!     fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
//!         Poll::Ready(Ok(()))
//!     }
//!
//!     fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
//!         match self.replies.pop_front() {
//!             Some(frame) => Poll::Ready(Ok(frame)),
//!             None => {
//!                 self.reader = Some(cx.waker().clone());
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
//! // A closure that makes a transport is a connector, for the client's `connect_with`.
//! let connector = || async { Ok(Box::new(Mirror::default()) as BoxTransport) };
//! let mut transport = connector.connect().await?;
//! transport.start_send(Request::new("PING", ()).view())?;
//! let reply = std::future::poll_fn(|cx| transport.poll_receive(cx)).await?;
//! assert_eq!(reply.as_str(), Some("PING"));
//! # Ok(())
//! # }
//! ```
//!
//! A wire that lacks something says so in its [`Capabilities`], or refuses single requests in
//! [`check`](Transport::check); the layer above asks before it sends. Errors are a [`TransportError`] of a
//! [`TransportErrorKind`], with the cause in its source chain and neither credentials nor values in its words.
//!
//! # Features
//!
//! `ws` and `tcp` (default), `http`, and `tls` for whichever of them are on. They add and change nothing else. An address
//! whose wire is left out is refused with the name of the feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
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
#[cfg(any(feature = "ws", feature = "http"))]
mod http_status;
mod identity;
pub mod memory;
mod options;
#[cfg(any(feature = "ws", feature = "http"))]
mod retry_after;
#[cfg(feature = "tcp")]
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
#[cfg(feature = "ws")]
pub mod ws;

pub use capabilities::{Capabilities, RequestRejection};
pub use connect::{BoxFuture, Connect};
pub use connector::connector;
pub use endpoint::{Endpoint, Scheme};
pub use error::{TransportError, TransportErrorKind};
pub use identity::PeerIdentity;
pub use options::{QuickAck, TransportOptions};
pub use swarm_resp::Printable;
pub use transport::{BoxTransport, Transport};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
