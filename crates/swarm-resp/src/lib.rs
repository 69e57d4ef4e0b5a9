//! Zero-copy, resumable RESP2 and RESP3 codec.
//!
//! A reply is one [`Frame`]: the bytes it arrived in, shared and never copied, and a flat index of
//! what lies where in them. A [`FrameRef`] is a borrowed view of a frame or of any part of one.
//! Commands travel the other way as [`Request`]s, encoded once and cheap to clone.
//!
//! # Decode a stream
//!
//! ```
//! use bytes::BytesMut;
//! use swarm_resp::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut buffer = BytesMut::from("$5\r\nhel");
//! assert!(decoder.decode(&mut buffer)?.is_none()); // not all of it has arrived
//! buffer.extend_from_slice(b"lo\r\n");
//! let frame = decoder.decode(&mut buffer)?.expect("now it has");
//! assert_eq!(frame.as_str(), Some("hello"));
//! # Ok::<(), swarm_resp::DecodeError>(())
//! ```
//!
//! # Build a command
//!
//! ```
//! use swarm_resp::Request;
//!
//! let request = Request::new("SET", ("key", 42));
//! assert_eq!(request.encoded().as_ref(), b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2\r\n42\r\n");
//! ```
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test says what it expects by failing"
    )
)]

mod args;
mod convert;
mod decode;
mod encode;
mod frame;
mod request;
mod server_error;

pub use args::{Arg, ArgSink, ToArg, ToArgs};
pub use convert::{ConvertError, FromFrame, Milliseconds, Seconds};
pub use decode::{DecodeError, DecodeErrorKind, Decoder, Limits};
pub use encode::{Protocol, encode_command, encode_frame};
pub use frame::{Frame, FrameBuilder, FrameRef, Items, Kind, Pairs};
pub use request::{Request, RequestArgs, RequestBuilder};
pub use server_error::ServerError;
