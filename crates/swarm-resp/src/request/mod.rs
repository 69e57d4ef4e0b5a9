//! A command, encoded once and cheap to clone.

mod batch;
mod builder;

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::args::ToArgs;
use crate::encode::append;

pub use batch::{RequestBatch, RequestBatchBuilder};
pub use builder::RequestBuilder;

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

    /// Borrows the command as a view.
    #[inline]
    pub fn view(&self) -> RequestRef<'_> {
        RequestRef {
            owner: &self.encoded,
            part: None,
        }
    }

    /// The first word of the command's name.
    pub fn name(&self) -> &[u8] {
        self.view().name()
    }

    /// The arguments, the name's words included.
    pub fn args(&self) -> RequestArgs<'_> {
        self.view().args()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// A command that lies in a [`Request`] or in a [`RequestBatch`].
///
/// Two words, so that it is handed on in registers.
#[derive(Clone, Copy)]
pub struct RequestRef<'a> {
    owner: &'a Bytes,
    /// Where it lies, if it is not all that the owner holds.
    part: Option<&'a Part>,
}

/// A command's place in a batch.
struct Part {
    start: usize,
    end: usize,
}

impl<'a> RequestRef<'a> {
    /// The command as an array of bulk strings, which is how it goes over RESP wires.
    #[inline]
    pub fn encoded(self) -> &'a [u8] {
        match self.part {
            Some(part) => self.owner.get(part.start..part.end).unwrap_or_default(),
            None => self.owner,
        }
    }

    /// [`encoded`](Self::encoded) as shared bytes, without a copy. Those of a batch keep its whole buffer alive.
    pub fn to_bytes(self) -> Bytes {
        match self.part {
            Some(_) => self.owner.slice_ref(self.encoded()),
            None => self.owner.clone(),
        }
    }

    /// The command on its own, without a copy: see [`to_bytes`](Self::to_bytes).
    pub fn to_request(self) -> Request {
        Request {
            encoded: self.to_bytes(),
            count: self.len(),
        }
    }

    /// The number of arguments, the name's words included.
    pub fn len(self) -> usize {
        header(&mut self.encoded()).unwrap_or(0)
    }

    /// Whether there is not even a name.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The first word of the command's name.
    pub fn name(self) -> &'a [u8] {
        self.args().next().unwrap_or_default()
    }

    /// The arguments, the name's words included.
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

/// The arguments of a command.
#[derive(Clone)]
pub struct RequestArgs<'a> {
    left: &'a [u8],
}

impl<'a> RequestArgs<'a> {
    /// The next argument, which stays.
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
