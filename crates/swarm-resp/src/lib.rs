//! Zero-copy, resumable RESP2 and RESP3 codec, without I/O of its own.
//!
//! A reply is one [`Frame`]: the bytes it arrived in, shared and never copied, and a flat index of
//! what lies where in them. A [`FrameRef`] is a borrowed view of a frame or of any part of one.
//! Commands travel the other way as [`Request`]s, encoded once and cheap to clone. One [`Decoder`]
//! reads both versions of the protocol; [`encode_frame`] writes either.
//!
//! It is for clients, servers and proxies. Applications that talk to a server want `swarm-keydb`, which is built on it.
//!
//! # Decode a stream
//!
//! Append what arrives to a buffer and take frames off its front. `Ok(None)` means that the next
//! frame is not all there; what was scanned of it is remembered, so that however a frame is cut into
//! chunks, the work is the same.
//!
//! ```
//! use bytes::BytesMut;
//! use swarm_resp::Decoder;
//!
//! let mut decoder = Decoder::new();
//! let mut buffer = BytesMut::new();
//! let mut replies = Vec::new();
//! for chunk in ["$5\r\nhel", "lo\r\n:4", "2\r\n*2\r\n+a\r\n", "_\r\n"] {
//!     buffer.extend_from_slice(chunk.as_bytes());
//!     while let Some(frame) = decoder.decode(&mut buffer)? {
//!         replies.push(frame);
//!     }
//! }
//! assert_eq!(replies[0].as_str(), Some("hello"));
//! assert_eq!(replies[1].as_integer(), Some(42));
//! assert_eq!(replies[2].to_string(), r#"["a", nil]"#);
//! # Ok::<(), swarm_resp::DecodeError>(())
//! ```
//!
//! A [`DecodeError`] says what is wrong and at which byte of the stream. Nothing can be read behind
//! it, for nothing says where the next frame begins: close the connection.
//!
//! # Values that cannot be read
//!
//! Some values have an end that is known whatever they hold. They cost their own reply only: they decode, and every
//! conversion of them fails. These are
//!
//! - doubles and big numbers of printable ASCII that is not a number, such as `,1.#IND`. Any other byte in them shows that
//!   the stream is out of step, and is a [`DecodeError`];
//! - verbatim strings without a format.
//!
//! An integer that does not fit 64 bits is a big number, and converts to `u64` or `i128` if it fits that. Everything else
//! that is malformed is a [`DecodeError`]: integers, booleans, nulls, lengths and counts have so few valid forms that they
//! are how a stream out of step is noticed.
//!
//! # Parse one message
//!
//! Where each message is one frame, as over a WebSocket, nothing needs to be buffered:
//!
//! ```
//! use std::collections::BTreeMap;
//! use bytes::Bytes;
//! use swarm_resp::Decoder;
//!
//! let message = Bytes::from_static(b"%2\r\n+proto\r\n:3\r\n+id\r\n:7\r\n");
//! let frame = Decoder::new().decode_message(message)?;
//! let hello: BTreeMap<String, i64> = frame.convert()?;
//! assert_eq!(hello["proto"], 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`FromFrame`] lists what a reply can be converted to. RESP2 and RESP3 give the same value: a map
//! comes out of a flat list as well.
//!
//! # Build a command
//!
//! ```
//! use swarm_resp::Request;
//!
//! let request = Request::new("SET", ("key", 42, Some(("PX", 1500))));
//! assert_eq!(
//!     request.encoded().as_ref(),
//!     b"*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2\r\n42\r\n$2\r\nPX\r\n$4\r\n1500\r\n",
//! );
//! ```
//!
//! [`encode_command`] puts a command into a buffer of the caller's instead, and a [`RequestBatch`] many into one buffer.
//!
//! # Write a server
//!
//! A command is an array of strings. A reply is a [`Frame`], built in place by a [`FrameBuilder`] and
//! written in the protocol that the client asked for: RESP2 gets what Redis sends in place of the
//! kinds that it lacks.
//!
//! ```
//! use std::collections::HashMap;
//! use std::io::{self, Read, Write};
//! use bytes::{Bytes, BytesMut};
//! use swarm_resp::{Decoder, Frame, Limits, RespVersion, encode_frame};
//!
//! fn answer(data: &mut HashMap<Bytes, Bytes>, command: &[Bytes]) -> Frame {
//!     let words: Vec<&[u8]> = command.iter().map(AsRef::as_ref).collect();
//!     match words.as_slice() {
//!         [b"PING"] => Frame::simple("PONG"),
//!         [b"SET", ..] if command.len() == 3 => {
//!             data.insert(command[1].clone(), command[2].clone());
//!             Frame::simple("OK")
//!         }
//!         [b"GET", key] => data.get(*key).map_or(Frame::null(), |value| Frame::bulk(value.clone())),
//!         _ => Frame::error("ERR unknown command"),
//!     }
//! }
//!
//! fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
//!     // Clients need not send deep or huge commands.
//!     let limits = Limits::new().with_max_depth(1).with_max_bulk(1 << 20);
//!     let (mut decoder, mut buffer) = (Decoder::with_limits(limits), BytesMut::new());
//!     let (mut data, mut chunk, mut replies) = (HashMap::new(), [0; 4096], BytesMut::new());
//!     loop {
//!         let read = input.read(&mut chunk)?;
//!         if read == 0 {
//!             return Ok(());
//!         }
//!         buffer.extend_from_slice(&chunk[..read]);
//!         while let Some(frame) = decoder.decode(&mut buffer).map_err(io::Error::other)? {
//!             let reply = match frame.convert::<Vec<Bytes>>() {
//!                 Ok(command) => answer(&mut data, &command),
//!                 Err(error) => Frame::error(format!("ERR {error}")),
//!             };
//!             encode_frame(&mut replies, &reply, RespVersion::Resp2);
//!         }
//!         output.write_all(&replies)?;
//!         replies.clear();
//!     }
//! }
//!
//! let commands = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
//! let mut replies = Vec::new();
//! serve(commands.as_slice(), &mut replies)?;
//! assert_eq!(replies, b"+OK\r\n$1\r\nv\r\n");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Limits
//!
//! [`Limits`] bounds what a peer can make a decoder do; each field names the attack that it stops.
//! Nothing is reserved for a length or a count that is only announced, and nesting is never
//! recursion: not in decoding, comparing, formatting, encoding nor dropping.
//!
//! # Memory
//!
//! A number, a constant or a text of at most 32 bytes is stored in the frame itself. An aggregate has an index of 12 bytes
//! per value. Everything else is bytes, which either share the buffer that they arrived in, or are a copy. Sharing costs
//! nothing, but keeps the whole buffer in memory, so a value shares a buffer only if it is a good part of it:
//!
//! | Value | Shares | Otherwise |
//! |---|---|---|
//! | a frame that is one text | a buffer of at most 8 times its size, or 64 times if it has 1 KiB or more | copied |
//! | an aggregate with text in it | a buffer of at most 8 times the size of its reply | copied as a whole |
//! | an aggregate without text | nothing | |
//! | a part of a frame, taken out as [`Bytes`](bytes::Bytes) or as a [`Frame`] | the frame's bytes, if these are at most 8 times its size | copied |
//!
//! So whatever you keep, and however little of a reply it is, **a frame keeps at most 64 bytes per byte of its own reply, and
//! a text taken out of one at most 64 bytes per byte that it took on the wire**, plus the index and a constant of some 100 bytes. In most
//! cases it is one or two bytes. To keep as little as possible, use [`Frame::compact`], [`FrameRef::to_compact_frame`], or a
//! conversion that owns, such as `String` or `Vec<u8>`.
//!
//! The decoder knows the size of a buffer from the calls of [`Decoder::decode`]. If you pass it slices of a larger buffer,
//! say how large that is: [`Decoder::set_buffer_size`].
//!
//! A decoder keeps its index for the next frame, at most 192 KiB of it, and the memory of a copied frame that was dropped, at
//! most 128 KiB. A reader that lets go of each
//! reply before the next needs no share of the buffer: [`Decoder::decode_ref`] lends a view instead.
//!
//! # Features
//!
//! | Feature | Adds |
//! |---|---|
//! | `tokio-util` | `FrameCodec`, for tokio's framed readers and writers |
//!
//! None is on by default. The crate builds for `wasm32-unknown-unknown`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
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
#[cfg(feature = "tokio-util")]
mod codec;
mod convert;
mod decode;
mod double;
mod encode;
mod frame;
mod printable;
mod request;
mod server_error;

pub use args::{Arg, ArgSink, ToArg, ToArgs};
#[cfg(feature = "tokio-util")]
pub use codec::FrameCodec;
pub use convert::{ConvertError, FromFrame, Milliseconds, Seconds};
pub use decode::{DecodeError, DecodeErrorKind, Decoder, Limits};
pub use encode::{RespVersion, encode_command, encode_frame};
pub use frame::{Frame, FrameBuilder, FrameRef, Items, Kind, Pairs};
pub use printable::Printable;
pub use request::{
    Request, RequestArgs, RequestBatch, RequestBatchBuilder, RequestBuilder, RequestRef,
};
pub use server_error::ServerError;
