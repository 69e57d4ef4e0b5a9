//! Builds a command, argument by argument.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Request, RequestArgs};
use crate::args::{ArgSink, ToArg, ToArgs};
use crate::encode::{Inline, Measure, Writer, write_name};

/// Space reserved for the command's header, whose count is known last: a marker, twenty digits and
/// CRLF.
const HEADER: usize = 23;

/// Space reserved for a few short options after a large argument.
const OPTIONS: usize = 64;

/// Builds a [`Request`], argument by argument.
///
/// # Examples
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
    /// The arguments of a small command.
    inline: Inline,
    /// The arguments of a larger command, after space for the header. Empty while the command is
    /// small.
    spilled: BytesMut,
    count: usize,
}

impl RequestBuilder {
    #[inline(always)]
    pub(super) fn new(name: &str) -> Self {
        let mut builder = Self {
            inline: Inline::new(),
            spilled: BytesMut::new(),
            count: 0,
        };
        write_name(name, &mut builder);
        builder
    }

    /// Appends one argument.
    #[inline]
    pub fn arg(&mut self, arg: impl ToArg) -> &mut Self {
        ArgSink::arg(self, &arg.to_arg());
        self
    }

    /// Appends any number of arguments.
    #[inline]
    pub fn args(&mut self, args: impl ToArgs) -> &mut Self {
        args.write_args(self);
        self
    }

    /// Returns the number of arguments so far, including the words of the name.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns whether the builder has no arguments and no name.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Finishes the command, and clears the builder, including the name.
    #[inline]
    pub fn build(&mut self) -> Request {
        let count = self.count;
        let encoded = if self.spilled.is_empty() {
            self.inline.put_header(count);
            // One allocation holds the bytes and their reference count.
            Bytes::from_owner(self.inline)
        } else {
            finish(std::mem::take(&mut self.spilled), count)
        };
        self.clear();
        Request { encoded, count }
    }

    /// Clears the builder, including the name.
    #[inline]
    pub(super) const fn clear(&mut self) {
        self.inline.clear();
        self.count = 0;
    }

    /// Returns the encoded command if it is small, that is, has up to about 120 bytes. Allocates
    /// nothing.
    ///
    /// ```
    /// use swarm_resp::Request;
    ///
    /// let mut request = Request::builder("GET");
    /// request.arg("key");
    /// assert_eq!(request.as_small(), Some(&b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"[..]));
    /// request.arg("x".repeat(100));
    /// assert_eq!(request.as_small(), None);
    /// ```
    #[inline]
    pub fn as_small(&mut self) -> Option<&[u8]> {
        if !self.spilled.is_empty() {
            return None;
        }
        self.inline.put_header(self.count);
        Some(self.inline.as_ref())
    }

    /// Returns an iterator over the arguments so far, including the words of the name.
    pub fn written(&self) -> RequestArgs<'_> {
        let left = match self.spilled.get(HEADER..) {
            Some(spilled) => spilled,
            None => self.inline.args(),
        };
        RequestArgs { left }
    }

    /// Appends an argument to the heap buffer, moving a small command there first.
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
            // Reserve once: a large argument without space for the CRLF after it would double the
            // buffer.
            self.spilled.reserve(needed.saturating_add(OPTIONS));
        }
        if is_first {
            self.spilled.put_bytes(0, HEADER);
            self.spilled.put_slice(written);
        }
        Writer(&mut self.spilled).arg(arg);
    }
}

/// Writes the header into the space before the first argument.
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
