//! A command, encoded once and cheap to clone.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::args::{ArgSink, ToArg, ToArgs};
use crate::encode::{Inline, Measure, Writer, append, write_name};

/// A command with its arguments, encoded as it goes over the wire.
///
/// Clones share the bytes. `Debug` shows the name and the number of arguments, never their content.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    encoded: Bytes,
    count: usize,
}

impl Request {
    /// A command of a name and its arguments. Each word of `name` becomes an argument: `XGROUP CREATE` is two.
    pub fn new(name: &str, args: impl ToArgs) -> Self {
        let mut buffer = BytesMut::new();
        let count = append(&mut buffer, name, &args);
        Self {
            encoded: buffer.freeze(),
            count,
        }
    }

    /// Starts a command whose arguments are put in one by one.
    #[inline(always)]
    pub fn builder(name: &str) -> RequestBuilder {
        RequestBuilder::new(name)
    }

    /// The command as an array of bulk strings, which is how it goes over RESP wires.
    #[inline]
    pub const fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The number of arguments, the name's words included.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is not even a name.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first word of the command's name.
    pub fn name(&self) -> &[u8] {
        self.args().next().unwrap_or_default()
    }

    /// The arguments, the name's words included.
    pub fn args(&self) -> RequestArgs<'_> {
        let mut left = self.encoded.as_ref();
        header(&mut left);
        RequestArgs { left }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(self.name());
        write!(f, "Request({name} +{} args)", self.count.saturating_sub(1))
    }
}

/// The arguments of a [`Request`].
#[derive(Clone)]
pub struct RequestArgs<'a> {
    left: &'a [u8],
}

impl<'a> Iterator for RequestArgs<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = header(&mut self.left)?;
        let (arg, rest) = self.left.split_at_checked(len)?;
        self.left = rest.get(2..)?;
        Some(arg)
    }
}

impl fmt::Debug for RequestArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestArgs({} left)", self.clone().count())
    }
}

/// Reads a header that this crate wrote: a marker, digits and a line break.
fn header(input: &mut &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\n', input)?;
    let number = input
        .get(1..end)?
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0usize, |sum, digit| {
            sum.wrapping_mul(10).wrapping_add(usize::from(digit & 0xf))
        });
    *input = input.get(end.checked_add(1)?..)?;
    Some(number)
}

/// Room for the header of a command, whose count is known last: a marker, twenty digits and a line break.
const HEADER: usize = 23;

/// Room for a few short options behind a large argument.
const OPTIONS: usize = 64;

/// Puts a [`Request`] together.
///
/// ```
/// use swarm_resp::Request;
///
/// let mut request = Request::builder("SET");
/// request.arg("key").arg("value");
/// let milliseconds = Some(1500);
/// if let Some(milliseconds) = milliseconds {
///     request.arg("PX").arg(milliseconds);
/// }
/// assert_eq!(request.build(), Request::new("SET", ("key", "value", "PX", 1500)));
/// ```
pub struct RequestBuilder {
    /// All of a small command.
    inline: Inline,
    /// All of a larger one, behind room for the header. Empty before.
    spilled: BytesMut,
    count: usize,
}

impl RequestBuilder {
    #[inline(always)]
    fn new(name: &str) -> Self {
        let mut builder = Self {
            inline: Inline::new(),
            spilled: BytesMut::new(),
            count: 0,
        };
        write_name(name, &mut builder);
        builder
    }

    /// Puts one argument.
    #[inline]
    pub fn arg(&mut self, arg: impl ToArg) -> &mut Self {
        ArgSink::arg(self, &arg.to_arg());
        self
    }

    /// Puts any number of arguments.
    #[inline]
    pub fn args(&mut self, args: impl ToArgs) -> &mut Self {
        args.write_args(self);
        self
    }

    /// The number of arguments so far, the name's words included.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is not even a name.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The command.
    #[inline]
    pub fn build(self) -> Request {
        let count = self.count;
        let encoded = if self.spilled.is_empty() {
            // One allocation for the bytes and the counter of their owners.
            Bytes::from_owner(self.inline.with_header(count))
        } else {
            finish(self.spilled, count)
        };
        Request { encoded, count }
    }

    /// Goes on in a buffer that grows.
    #[cold]
    fn spill(&mut self, arg: &[u8]) {
        let mut measure = Measure::default();
        measure.arg(arg);
        let is_first = self.spilled.is_empty();
        let written = if is_first { self.inline.args() } else { &[] };
        let needed = HEADER
            .saturating_add(written.len())
            .saturating_add(measure.len);
        let room = self.spilled.capacity().saturating_sub(self.spilled.len());
        if room < needed {
            // At once: a large argument that leaves no room for the line break behind it would double the buffer.
            self.spilled.reserve(needed.saturating_add(OPTIONS));
        }
        if is_first {
            self.spilled.put_bytes(0, HEADER);
            self.spilled.put_slice(written);
        }
        Writer(&mut self.spilled).arg(arg);
    }
}

/// Writes the header backwards into the room before the first argument.
fn finish(mut buffer: BytesMut, count: usize) -> Bytes {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(count).as_bytes();
    buffer.advance(HEADER.saturating_sub(digits.len().saturating_add(3)));
    let header = [b"*", digits, b"\r\n"];
    for (to, from) in buffer.iter_mut().zip(header.into_iter().flatten()) {
        *to = *from;
    }
    buffer.freeze()
}

impl ArgSink for RequestBuilder {
    #[inline]
    fn arg(&mut self, arg: &[u8]) {
        self.count = self.count.saturating_add(1);
        if !(self.spilled.is_empty() && self.inline.put(arg)) {
            self.spill(arg);
        }
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBuilder({} args)", self.count)
    }
}
