//! Zero-copy, incremental codec for RESP2 and RESP3, without I/O.
//!
//! A reply is one [`Frame`]: shared bytes and a flat index of the values in them. A [`FrameRef`] is
//! a borrowed view of a frame or of a value inside it. Commands are [`Request`]s, encoded once and
//! cheap to clone. One [`Decoder`] reads both protocol versions; [`encode_frame`] writes either.
//!
//! The crate is for clients, servers and proxies. Applications that talk to a server want the
//! client `swarm-keydb`, which is built on it.
//!
//! # Decode a stream
//!
//! Append received data to a buffer and take frames off its front. `Ok(None)` means that the next
//! frame is incomplete. The decoder remembers how far it has scanned, so the total work does not
//! depend on how a frame is split into chunks.
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
//! A [`DecodeError`] gives the cause and the byte offset in the stream. After an error, the start
//! of the next frame is unknown, so close the connection.
//!
//! # Values that cannot be read
//!
//! Some malformed values have a known end. They decode successfully, so they fail only their own
//! reply: every conversion of such a value returns an error. These are
//!
//! - doubles and big numbers that consist of printable ASCII but are not numbers, such as
//!   `,1.#IND`. Any other byte in them shows that the stream is out of sync, and is a
//!   [`DecodeError`];
//! - verbatim strings without a format.
//!
//! An integer that exceeds 64 bits becomes a big number, which converts to `u64` or `i128` if it
//! fits. All other malformed input is a [`DecodeError`]. Integers, booleans, nulls, lengths and
//! counts have few valid forms, so they reveal a stream that is out of sync.
//!
//! # Parse one message
//!
//! If each message is one frame, as with WebSocket, no buffer is needed:
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
//! [`FromFrame`] lists the types that a reply converts to. RESP2 and RESP3 replies give the same
//! value; for example, a map can also be converted from a flat list.
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
//! [`encode_command`] appends a command to an existing buffer, and a [`RequestBatch`] stores many
//! commands in one buffer.
//!
//! # Write a server
//!
//! A [`CommandDecoder`] decodes commands, inline ones too, and rejects malformed ones as Redis
//! does. A reply is a [`Frame`], built in place by a [`FrameBuilder`] and encoded in the protocol
//! that the client requested. In RESP2, kinds that do not exist there are encoded as Redis does.
//!
//! ```
//! use std::collections::HashMap;
//! use std::io::{self, Read, Write};
//! use bytes::{Bytes, BytesMut};
//! use swarm_resp::{CommandDecoder, CommandLimits, Frame, RespVersion, encode_frame};
//!
//! fn answer(data: &mut HashMap<Bytes, Bytes>, command: &[Bytes]) -> Frame {
//!     let words: Vec<&[u8]> = command.iter().map(AsRef::as_ref).collect();
//!     match words.as_slice() {
//!         [b"PING"] => Frame::simple("PONG"),
//!         [b"SET", ..] if command.len() == 3 => {
//!             data.insert(command[1].clone(), command[2].clone());
//!             Frame::simple("OK")
//!         }
//!         [b"GET", key] => match data.get(*key) {
//!             Some(value) => Frame::bulk(value.clone()),
//!             None => Frame::null(),
//!         },
//!         _ => Frame::error("ERR unknown command"),
//!     }
//! }
//!
//! fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
//!     let limits = CommandLimits::new().with_max_arg(1 << 20);
//!     let (mut decoder, mut buffer) = (CommandDecoder::with_limits(limits), BytesMut::new());
//!     let (mut data, mut chunk, mut replies) = (HashMap::new(), [0; 4096], BytesMut::new());
//!     loop {
//!         let read = input.read(&mut chunk)?;
//!         if read == 0 {
//!             return Ok(());
//!         }
//!         buffer.extend_from_slice(&chunk[..read]);
//!         let ending = loop {
//!             let reply = match decoder.decode(&mut buffer) {
//!                 Ok(Some(command)) => answer(&mut data, &command),
//!                 Ok(None) => break Ok(()),
//!                 Err(error) => {
//!                     encode_frame(&mut replies, &error.reply(), RespVersion::Resp2);
//!                     break Err(io::Error::other(error));
//!                 }
//!             };
//!             encode_frame(&mut replies, &reply, RespVersion::Resp2);
//!         };
//!         output.write_all(&replies)?;
//!         replies.clear();
//!         ending?;
//!     }
//! }
//!
//! let commands = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nGET k\r\n";
//! let mut replies = Vec::new();
//! serve(commands.as_slice(), &mut replies)?;
//! assert_eq!(replies, b"+OK\r\n$1\r\nv\r\n");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Limits
//!
//! [`Limits`] bounds the resources that a peer can make a decoder use; each field documents the
//! attack that it stops. The decoder never reserves memory for an announced length or count, and
//! never recurses for nested values: neither do comparing, formatting, encoding and dropping.
//!
//! # Memory
//!
//! Numbers, constants and strings of at most 32 bytes are stored in the frame itself. An aggregate
//! has an index with 12 bytes per value. All other values refer to bytes, which are either shared
//! with the read buffer or copied. Sharing is cheap but keeps the whole buffer in memory, so a
//! value shares a buffer only if it makes up a large enough part of it:
//!
//! | Value | Shared if | Otherwise |
//! |---|---|---|
//! | a frame that is one string | the buffer is at most 8 times its size, or 64 times for 1 KiB or more | copied |
//! | an aggregate that contains strings | the buffer is at most 8 times the size of the reply | copied as a whole |
//! | an aggregate without strings | never; it needs no bytes | |
//! | a part of a frame, converted to [`Bytes`](bytes::Bytes) or a [`Frame`] | the frame's bytes are at most 8 times its size | copied |
//!
//! Therefore, **a frame retains at most 64 bytes per byte of its own reply, and a string taken out
//! of a frame at most 64 bytes per byte of its encoding**, plus the index and a constant of about
//! 100 bytes. Typically it is one or two bytes. To retain as little as possible, use
//! [`Frame::compact`], [`FrameRef::to_compact_frame`], or convert to an owned type such as `String`
//! or `Vec<u8>`.
//!
//! The decoder derives the size of a buffer from calls of [`Decoder::decode`]. If you pass it
//! slices of a larger buffer, report that buffer's size with [`Decoder::set_buffer_size`].
//!
//! Between frames, a decoder retains at most 192 KiB of its index, and at most 128 KiB of memory of
//! a copied frame that was dropped. If you drop each reply before decoding the next, use
//! [`Decoder::decode_ref`], which returns a view without sharing the buffer.
//!
//! # Features
//!
//! | Feature | Adds |
//! |---|---|
//! | `tokio-util` | `ClientCodec` and `ServerCodec`, for tokio's framed readers and writers |
//!
//! No feature is enabled by default. The crate builds for `wasm32-unknown-unknown`.
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
        reason = "tests fail by panicking"
    )
)]

mod args;
#[cfg(feature = "tokio-util")]
mod codec;
mod command;
mod convert;
mod decode;
mod double;
mod encode;
mod frame;
mod number;
mod printable;
mod request;
mod server_error;

pub use args::{Arg, ArgSink, ToArg, ToArgs};
#[cfg(feature = "tokio-util")]
pub use codec::{ClientCodec, ServerCodec};
pub use command::{CommandDecoder, CommandLimits, ProtocolError};
pub use convert::{ConvertError, FromFrame, Milliseconds, Seconds};
pub use decode::{DecodeError, DecodeErrorKind, Decoder, Limits};
pub use encode::{RespVersion, encode_command, encode_frame};
pub use frame::{Frame, FrameBuilder, FrameIndex, FrameRef, Items, Kind, Pairs};
pub use printable::Printable;
pub use request::{
    Request, RequestArgs, RequestBatch, RequestBatchBuilder, RequestBuilder, RequestRef,
};
pub use server_error::ServerError;
