//! A command, encoded once and cheap to clone.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::args::{ArgSink, ToArg, ToArgs};
use crate::encode::{Measure, Writer, append, write_name};

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
    pub fn builder(name: &str) -> RequestBuilder {
        RequestBuilder::new(name)
    }

    /// The command as an array of bulk strings, which is how it goes over RESP wires.
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
    buffer: BytesMut,
    count: usize,
}

impl RequestBuilder {
    fn new(name: &str) -> Self {
        let mut buffer = BytesMut::with_capacity(128);
        buffer.put_bytes(0, HEADER);
        let mut builder = Self { buffer, count: 0 };
        write_name(name, &mut builder);
        builder
    }

    /// Puts one argument.
    pub fn arg(&mut self, arg: impl ToArg) -> &mut Self {
        ArgSink::arg(self, &arg.to_arg());
        self
    }

    /// Puts any number of arguments.
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
    pub fn build(mut self) -> Request {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(self.count).as_bytes();
        // The header is written backwards into the room before the first argument.
        let start = HEADER.saturating_sub(digits.len().saturating_add(3));
        self.buffer.advance(start);
        let header = [b"*", digits, b"\r\n"];
        for (to, from) in self.buffer.iter_mut().zip(header.into_iter().flatten()) {
            *to = *from;
        }
        Request {
            encoded: self.buffer.freeze(),
            count: self.count,
        }
    }
}

impl ArgSink for RequestBuilder {
    fn arg(&mut self, arg: &[u8]) {
        self.count = self.count.saturating_add(1);
        let mut measure = Measure::default();
        measure.arg(arg);
        let room = self.buffer.capacity().saturating_sub(self.buffer.len());
        if room < measure.len {
            // At once: a large argument that leaves no room for the line break behind it would double the buffer.
            self.buffer.reserve(measure.len.saturating_add(OPTIONS));
        }
        Writer(&mut self.buffer).arg(arg);
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBuilder({} args)", self.count)
    }
}
