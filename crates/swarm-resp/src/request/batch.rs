//! Commands that are sent together, encoded one behind the other.

use std::fmt;

use bytes::BytesMut;

use super::{Request, RequestBuilder};

/// From here on a command keeps its own bytes: sharing them costs less than the copy.
const LARGE: usize = 4 << 10;

/// Collects commands in one buffer, so that small ones cost no allocation each.
///
/// ```
/// use swarm_resp::{Request, RequestBatch};
///
/// let mut batch = RequestBatch::new();
/// for key in ["a", "b"] {
///     let mut request = Request::builder("GET");
///     request.arg(key);
///     batch.push(request);
/// }
/// let requests: Vec<_> = batch.into_requests().collect();
/// assert_eq!(requests, [Request::new("GET", "a"), Request::new("GET", "b")]);
/// ```
#[derive(Default)]
pub struct RequestBatch {
    buffer: BytesMut,
    entries: Vec<Entry>,
}

enum Entry {
    /// What follows in the buffer: so many bytes, so many arguments.
    Here {
        len: usize,
        count: usize,
    },
    Elsewhere(Box<Request>),
}

impl RequestBatch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a command behind the others.
    #[inline]
    pub fn push(&mut self, mut request: RequestBuilder) {
        self.take(&mut request);
    }

    /// Puts a command behind the others, and leaves the builder empty. Builders are large, so this spares a move.
    #[inline]
    pub fn take(&mut self, request: &mut RequestBuilder) {
        let count = request.len();
        match request.as_small() {
            Some(small) => self.append(small, count),
            None => self.push_built(request.take().build()),
        }
        request.clear();
    }

    fn push_built(&mut self, request: Request) {
        if request.encoded.len() < LARGE {
            self.append(&request.encoded, request.count);
        } else {
            self.entries.push(Entry::Elsewhere(Box::new(request)));
        }
    }

    #[inline]
    fn append(&mut self, encoded: &[u8], count: usize) {
        self.buffer.extend_from_slice(encoded);
        let len = encoded.len();
        self.entries.push(Entry::Here { len, count });
    }

    /// How many commands there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no command.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The commands, in their order. They share the buffer.
    pub fn into_requests(self) -> impl ExactSizeIterator<Item = Request> {
        let mut rest = self.buffer.freeze();
        self.entries.into_iter().map(move |entry| match entry {
            Entry::Here { len, count } => Request {
                encoded: rest.split_to(len),
                count,
            },
            Entry::Elsewhere(request) => *request,
        })
    }
}

impl fmt::Debug for RequestBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBatch({} commands)", self.len())
    }
}
