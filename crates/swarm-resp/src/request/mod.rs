//! Requests: commands, encoded once and cheap to clone.

mod batch;
mod builder;

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::args::ToArgs;
use crate::encode::append;

pub use batch::{RequestBatch, RequestBatchBuilder};
pub use builder::RequestBuilder;

/// An encoded command with its arguments.
///
/// Clones share the bytes. `Debug` shows the name and the number of arguments, never their content.
///
/// # Examples
///
/// ```
/// use swarm_resp::Request;
///
/// let request = Request::new("SET", ("key", "secret"));
/// assert_eq!(request.name(), b"SET");
/// assert_eq!(format!("{request:?}"), "Request(SET +2 args)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    encoded: Bytes,
    count: usize,
}

impl Request {
    /// Creates a command from its name and arguments. Each word of `name` becomes an argument:
    /// `XGROUP CREATE` is two.
    pub fn new(name: &str, args: impl ToArgs) -> Self {
        let mut buffer = BytesMut::new();
        let count = append(&mut buffer, name, &args);
        Self {
            encoded: buffer.freeze(),
            count,
        }
    }

    /// Creates a command of `count` arguments from its encoding.
    pub(crate) const fn from_encoded(encoded: Bytes, count: usize) -> Self {
        Self { encoded, count }
    }

    /// Creates a builder, for a command whose arguments are added one by one.
    #[inline(always)]
    pub fn builder(name: &str) -> RequestBuilder {
        RequestBuilder::new(name)
    }

    /// Returns the encoded command: an array of bulk strings.
    #[inline]
    pub const fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// Returns the number of arguments, including the words of the name.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns whether the command has no arguments and no name.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns a borrowed view of the command.
    #[inline]
    pub fn view(&self) -> RequestRef<'_> {
        RequestRef {
            owner: &self.encoded,
            part: None,
        }
    }

    /// Returns the first word of the command's name.
    pub fn name(&self) -> &[u8] {
        self.view().name()
    }

    /// Returns an iterator over the arguments, including the words of the name.
    pub fn args(&self) -> RequestArgs<'_> {
        self.view().args()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A borrowed view of a command in a [`Request`] or a [`RequestBatch`].
///
/// The view consists of two words, so it is passed in registers.
#[derive(Clone, Copy)]
pub struct RequestRef<'a> {
    owner: &'a Bytes,
    /// The position within `owner`, or `None` for all of it.
    part: Option<&'a Part>,
}

/// The position of a command in the buffer of a batch.
struct Part {
    start: usize,
    end: usize,
}

impl<'a> RequestRef<'a> {
    /// Returns the encoded command: an array of bulk strings.
    #[inline]
    pub fn encoded(self) -> &'a [u8] {
        match self.part {
            Some(part) => self.owner.get(part.start..part.end).unwrap_or_default(),
            None => self.owner,
        }
    }

    /// Returns [`encoded`](Self::encoded) as shared bytes, without copying. Bytes of a batch keep
    /// its whole buffer alive.
    pub fn to_bytes(self) -> Bytes {
        match self.part {
            Some(_) => self.owner.slice_ref(self.encoded()),
            None => self.owner.clone(),
        }
    }

    /// Converts the view to a request, without copying. See [`to_bytes`](Self::to_bytes).
    pub fn to_request(self) -> Request {
        Request {
            encoded: self.to_bytes(),
            count: self.len(),
        }
    }

    /// Returns the number of arguments, including the words of the name.
    pub fn len(self) -> usize {
        header(&mut self.encoded()).unwrap_or(0)
    }

    /// Returns whether the command has no arguments and no name.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the first word of the command's name.
    pub fn name(self) -> &'a [u8] {
        self.args().next().unwrap_or_default()
    }

    /// Returns an iterator over the arguments, including the words of the name.
    pub fn args(self) -> RequestArgs<'a> {
        let mut left = self.encoded();
        header(&mut left);
        RequestArgs { left }
    }
}

impl<'a> From<&'a Request> for RequestRef<'a> {
    fn from(request: &'a Request) -> Self {
        request.view()
    }
}

impl fmt::Debug for RequestRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(self.name());
        write!(f, "Request({name} +{} args)", self.len().saturating_sub(1))
    }
}

/// Iterator over the arguments of a command.
#[derive(Clone)]
pub struct RequestArgs<'a> {
    left: &'a [u8],
}

impl<'a> RequestArgs<'a> {
    /// Returns the next argument without advancing.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.clone().next()
    }
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

/// Parses a header written by this crate: a marker, digits and CRLF.
fn header(input: &mut &[u8]) -> Option<usize> {
    let mut number = 0usize;
    let (_, mut rest) = input.split_first()?;
    // Most headers have one or two digits, so a search for their end would take longer.
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'0'..=b'9' => {
                number = (number.wrapping_mul(10)).wrapping_add(usize::from(byte & 0xf));
            }
            b'\n' => {
                *input = rest;
                return Some(number);
            }
            _ => {}
        }
    }
    None
}
