//! Puts a command together, argument by argument.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Request, RequestArgs};
use crate::args::{ArgSink, ToArg, ToArgs};
use crate::encode::{Inline, Measure, Writer, write_name};

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
    pub(super) fn new(name: &str) -> Self {
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

    /// The command. It leaves the builder without one, not even a name.
    #[inline]
    pub fn build(&mut self) -> Request {
        let count = self.count;
        let encoded = if self.spilled.is_empty() {
            self.inline.put_header(count);
            // One allocation for the bytes and the counter of their owners.
            Bytes::from_owner(self.inline)
        } else {
            finish(std::mem::take(&mut self.spilled), count)
        };
        self.clear();
        Request { encoded, count }
    }

    /// Forgets what was put in, the name included.
    #[inline]
    pub(super) const fn clear(&mut self) {
        self.inline.clear();
        self.count = 0;
    }

    /// The bytes of the command, if it is small.
    #[inline]
    pub(super) fn as_small(&mut self) -> Option<&[u8]> {
        if !self.spilled.is_empty() {
            return None;
        }
        self.inline.put_header(self.count);
        Some(self.inline.as_ref())
    }

    /// The arguments so far, the name's words included.
    pub fn written(&self) -> RequestArgs<'_> {
        let left = match self.spilled.get(HEADER..) {
            Some(spilled) => spilled,
            None => self.inline.args(),
        };
        RequestArgs { left }
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
