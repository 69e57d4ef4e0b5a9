//! Listeners, and what their connections share.
//!
//! A [`Connection`] reads, runs commands, and writes in its turns of the event loop, without a
//! queue in between: commands run where they are read, and their replies are written in the same
//! turn.

mod budget;
mod connection;
pub(crate) mod http;
mod input;
mod output;
pub(crate) mod tcp;
pub(crate) mod ws;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use swarm_resp::{CommandDecoder, CommandLimits, Frame, ProtocolError};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, Shared};
use crate::stream::Addresses;
use connection::Connection;
use output::Written;

/// How long the client may take to complete the close handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Socket of a connection, and its protocol.
pub(crate) trait Wire: Send {
    /// Reads the next command. Returns `None` when the client is done or the connection is broken.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Inbound>>;

    /// Waits until another frame may be put.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Puts a frame into the buffer.
    fn put(&mut self, frame: &Frame, form: &Form) -> io::Result<()>;

    /// Returns whether the wire is a stream of frames as [`encode_frame`] encodes them.
    ///
    /// [`encode_frame`]: swarm_resp::encode_frame
    fn is_stream(&self) -> bool {
        false
    }

    /// Puts encoded frames into the buffer, if the wire is a stream.
    fn put_bytes(&mut self, bytes: BytesMut) {
        let _ = bytes;
    }

    /// Puts the first bytes of a frame into the empty buffer; nothing follows them.
    fn put_part(&mut self, frame: &Frame, form: &Form, bytes: usize) -> io::Result<()>;

    /// Writes the buffer.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Shows that the connection is alive if that is due. Called while the buffer is empty.
    fn poll_alive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Pending
    }

    /// Performs the close handshake.
    fn poll_close(&mut self, cx: &mut Context<'_>, ending: Ending) -> Poll<io::Result<()>>;
}

/// Signals shutdown to every connection.
pub(crate) type Stop = watch::Receiver<bool>;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: ListenerKind,
    addresses: Addresses,
    wire: impl Wire,
    stop: Stop,
) {
    let mut connection = Connection::open(shared, listener, addresses, wire, stop);
    let id = connection.id();
    tracing::debug!(id, "connection opened");
    match poll_fn(|cx| connection.poll(cx)).await {
        Ok(Written::Ended) => {
            // Dropping a socket with unread bytes discards data that was already sent.
            let _ = timeout(CLOSE_TIMEOUT, poll_fn(|cx| connection.poll_unread(cx))).await;
            tracing::debug!(id, "connection closed");
        }
        Ok(Written::Overflowed) => {
            tracing::warn!(id, "connection closed: the client does not read its pushes");
        }
        Ok(Written::Cut) => tracing::debug!(id, "connection cut by an injected fault"),
        Err(error) => tracing::debug!(id, %error, "connection lost"),
    }
}

/// Parses the first line of a message as an inline command. Returns no words if it is blank.
fn inline(message: &[u8], max_message: usize) -> Result<Vec<Bytes>, ProtocolError> {
    let line = message.split(|byte| *byte == b'\n').next();
    let line = [line.unwrap_or_default(), b"\n"].concat();
    decoder(max_message).decode_message(line.into())
}

/// Returns a decoder of commands of at most `max_message` bytes.
fn decoder(max_message: usize) -> CommandDecoder {
    let limits = CommandLimits::new()
        .with_max_arg(max_message)
        .with_max_command(max_message);
    CommandDecoder::with_limits(limits)
}
