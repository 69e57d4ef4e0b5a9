//! Incremental decoding of commands, for servers.

mod error;
mod inline;
mod limits;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

pub use error::ProtocolError;
pub use limits::CommandLimits;

use crate::Request;
use crate::decode::{BufferSize, Input};
use crate::frame::shares;
use scan::{Scan, Scanner};

/// Incremental decoder of commands, as a server receives them: arrays of bulk strings, and inline
/// commands such as `GET key` in a line.
///
/// Append received data to a buffer; each call of [`decode`](Self::decode) takes one complete
/// command off its front. The arguments are never empty, and the first one is the command's name.
/// The decoder accepts the same input as Redis and rejects the rest with the same texts; see
/// [`ProtocolError`]. Empty commands (`*0`, `*-1`, blank lines) are skipped.
///
/// Arguments share the buffer if they make up a large enough part of it, and are copied otherwise;
/// see [Memory](crate#memory).
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use swarm_resp::CommandDecoder;
///
/// let mut decoder = CommandDecoder::new();
/// let mut buffer = BytesMut::from("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
/// buffer.extend_from_slice(b"ECHO \"two words\"\r\n*1\r\n:1");
/// assert_eq!(decoder.decode(&mut buffer)?.unwrap(), ["GET", "key"]);
/// assert_eq!(decoder.decode(&mut buffer)?.unwrap(), ["ECHO", "two words"]);
/// let error = decoder.decode(&mut buffer).unwrap_err();
/// assert_eq!(
///     error.reply().as_error().unwrap().as_str(),
///     "ERR Protocol error: expected '$', got ':'",
/// );
/// # Ok::<(), swarm_resp::ProtocolError>(())
/// ```
#[derive(Default)]
pub struct CommandDecoder {
    limits: CommandLimits,
    scanner: Scanner,
    buffer: BufferSize,
    /// Number of bytes of all previous commands.
    taken: u64,
    failed: Option<ProtocolError>,
}

impl fmt::Debug for CommandDecoder {
    /// Formats the state, but none of the data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandDecoder")
            .field("limits", &self.limits)
            .field("taken", &self.taken)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl CommandDecoder {
    /// Creates a decoder with the default [`CommandLimits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a decoder with the given limits.
    pub fn with_limits(limits: CommandLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Sets the limits for headers that are decoded from now on. A server may start with small ones
    /// and raise them once the client has authenticated, as Redis does.
    pub const fn set_limits(&mut self, limits: CommandLimits) {
        self.limits = limits;
    }

    /// Decodes one command and removes it from the front of the buffer.
    ///
    /// Returns `Ok(None)` while the command is incomplete. Then append more data to the same buffer
    /// and call again; do not modify the buffer in any other way.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is not a command or exceeds a limit. All later calls return
    /// the same error.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Vec<Bytes>>, ProtocolError> {
        self.decode_from(input)
    }

    /// Decodes one command like [`decode`](Self::decode), and returns it as it was encoded. An
    /// inline command is encoded as an array.
    ///
    /// Use this method in a proxy that passes commands on. The request always shares the buffer, so
    /// copy what you keep.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode).
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use swarm_resp::{CommandDecoder, Request};
    ///
    /// let mut decoder = CommandDecoder::new();
    /// let mut buffer = BytesMut::from("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nGET k\r\n");
    /// for _ in 0..2 {
    ///     let request = decoder.decode_request(&mut buffer)?;
    ///     assert_eq!(request, Some(Request::new("GET", "k")));
    /// }
    /// # Ok::<(), swarm_resp::ProtocolError>(())
    /// ```
    pub fn decode_request(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<Request>, ProtocolError> {
        self.decode_by(
            input,
            |args| Request::new("", args),
            |decoder, input, len| {
                Request::from_encoded(Input::split(input, len), decoder.args().len())
            },
        )
    }

    /// Decodes one command from shared bytes, and removes it from their front.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode).
    pub fn decode_bytes(&mut self, input: &mut Bytes) -> Result<Option<Vec<Bytes>>, ProtocolError> {
        self.decode_from(input)
    }

    /// Decodes a message that must contain exactly one command, such as a WebSocket message.
    /// Returns no arguments if it contains only empty commands.
    ///
    /// # Errors
    ///
    /// Same as [`decode`](Self::decode). Also returns an error if the command is incomplete or
    /// followed by more data.
    pub fn decode_message(&mut self, mut message: Bytes) -> Result<Vec<Bytes>, ProtocolError> {
        match self.decode_bytes(&mut message)? {
            None if !message.is_empty() => Err(self.fail(ProtocolError::Truncated)),
            Some(_) if !message.is_empty() => Err(self.fail(ProtocolError::TrailingBytes)),
            args => Ok(args.unwrap_or_default()),
        }
    }

    fn decode_from(&mut self, input: &mut impl Input) -> Result<Option<Vec<Bytes>>, ProtocolError> {
        self.decode_by(input, |args| args, Self::take)
    }

    /// Decodes one command: an inline one by `inline`, any other by `take`, which removes it from
    /// the input.
    #[inline]
    fn decode_by<I: Input, T>(
        &mut self,
        input: &mut I,
        inline: impl FnOnce(Vec<Bytes>) -> T,
        take: impl FnOnce(&mut Self, &mut I, usize) -> T,
    ) -> Result<Option<T>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        loop {
            let scan = self.scanner.scan(input, &self.limits);
            match scan.map_err(|error| self.fail(error))? {
                Scan::Incomplete => {
                    let extent = input.extent();
                    self.buffer.observe(input.as_ptr(), extent, self.taken);
                    return Ok(None);
                }
                Scan::Empty(len) => {
                    input.advance(len);
                    self.record(len);
                }
                Scan::Inline(args, len) => {
                    input.advance(len);
                    self.record(len);
                    return Ok(Some(inline(args)));
                }
                Scan::Complete(len) => {
                    let command = take(self, input, len);
                    self.record(len);
                    return Ok(Some(command));
                }
            }
        }
    }

    /// Returns the positions of the arguments of the scanned command.
    fn args(&self) -> &[Range<usize>] {
        self.scanner.args()
    }

    /// Removes the scanned command of `len` bytes from the input.
    fn take(&mut self, input: &mut impl Input, len: usize) -> Vec<Bytes> {
        let extent = input.extent();
        let buffer = self.buffer.size(input.as_ptr(), extent, self.taken);
        let command = if shares(len, buffer) {
            Some(input.split(len))
        } else {
            None
        };
        let bytes = command.as_deref().unwrap_or(input);
        let arg = |range: &Range<usize>| match &command {
            Some(command) if shares(range.len(), len) => command.slice(range.clone()),
            _ => Bytes::copy_from_slice(bytes.get(range.clone()).unwrap_or_default()),
        };
        let args = self.scanner.args().iter().map(arg).collect();
        if command.is_none() {
            input.advance(len);
        }
        args
    }

    fn record(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len as u64);
        self.scanner.reset();
    }

    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.failed = Some(error);
        error
    }
}
