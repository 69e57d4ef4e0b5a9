//! Batches: commands that are encoded consecutively in one buffer.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Part, Request, RequestBuilder, RequestRef};

/// Commands of at least this size keep their own bytes, because sharing them costs less than
/// copying.
const LARGE: usize = 4 << 10;

/// An immutable batch of commands in one buffer. Clones share the buffer.
///
/// # Examples
///
/// ```
/// use swarm_resp::{Request, RequestBatch};
///
/// let mut batch = RequestBatch::builder();
/// for key in ["a", "b"] {
///     batch.push(Request::builder("GET").arg(key));
/// }
/// batch.push_front(Request::new("PING", ()));
/// let batch = batch.build();
/// assert_eq!(batch.len(), 3);
/// assert_eq!(batch.get(2).map(|request| request.to_request()), Some(Request::new("GET", "b")));
/// ```
#[derive(Clone)]
pub struct RequestBatch {
    buffer: Bytes,
    entries: Arc<Vec<Entry>>,
}

enum Entry {
    /// Stored in the buffer of the batch.
    Shared(Part),
    Owned(Box<Request>),
}

impl RequestBatch {
    /// Creates an empty builder.
    pub fn builder() -> RequestBatchBuilder {
        RequestBatchBuilder::default()
    }

    /// Returns the number of commands.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the batch has no commands.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the command at a position, counted from 0, or `None` if there is none.
    #[inline]
    pub fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        self.entries.get(position).map(|entry| self.view(entry))
    }

    #[inline]
    fn view<'a>(&'a self, entry: &'a Entry) -> RequestRef<'a> {
        match entry {
            Entry::Shared(part) => RequestRef {
                owner: &self.buffer,
                part: Some(part),
            },
            Entry::Owned(request) => request.view(),
        }
    }

    /// Returns an iterator over the commands, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RequestRef<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    /// Returns the total encoded size of all commands, in bytes.
    pub fn encoded_len(&self) -> usize {
        let owned = self.entries.iter().map(|entry| match entry {
            Entry::Shared(_) => 0,
            Entry::Owned(request) => request.encoded().len(),
        });
        owned.fold(self.buffer.len(), usize::saturating_add)
    }
}

impl FromIterator<Request> for RequestBatch {
    fn from_iter<I: IntoIterator<Item = Request>>(requests: I) -> Self {
        let mut batch = Self::builder();
        for request in requests {
            batch.push_built(request);
        }
        batch.build()
    }
}

impl fmt::Debug for RequestBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBatch({} commands)", self.len())
    }
}

/// Builds a [`RequestBatch`]. Small commands are copied into the shared buffer; a command of 4 KiB
/// or more keeps its own bytes.
#[derive(Default)]
pub struct RequestBatchBuilder {
    buffer: BytesMut,
    entries: Vec<Entry>,
    /// Commands before `entries`, in reverse order: inserting at the front of a vector would move
    /// all others.
    front: Vec<Entry>,
}

impl RequestBatchBuilder {
    /// Appends a command, and clears its builder. The builder is taken by reference to avoid moving
    /// it, because it is large.
    #[inline]
    pub fn push(&mut self, request: &mut RequestBuilder) {
        match request.as_small() {
            Some(small) => {
                let entry = append(&mut self.buffer, small);
                self.entries.push(entry);
                request.clear();
            }
            None => self.push_built(request.build()),
        }
    }

    /// Prepends a command, in constant time.
    pub fn push_front(&mut self, request: Request) {
        let entry = self.place(request);
        self.front.push(entry);
    }

    fn push_built(&mut self, request: Request) {
        let entry = self.place(request);
        self.entries.push(entry);
    }

    fn place(&mut self, request: Request) -> Entry {
        if request.encoded.len() < LARGE {
            append(&mut self.buffer, &request.encoded)
        } else {
            Entry::Owned(Box::new(request))
        }
    }

    /// Finishes the batch.
    pub fn build(mut self) -> RequestBatch {
        if !self.front.is_empty() {
            self.entries.splice(0..0, self.front.into_iter().rev());
        }
        RequestBatch {
            buffer: self.buffer.freeze(),
            entries: Arc::new(self.entries),
        }
    }
}

#[inline]
fn append(buffer: &mut BytesMut, encoded: &[u8]) -> Entry {
    let start = buffer.len();
    buffer.extend_from_slice(encoded);
    let end = buffer.len();
    Entry::Shared(Part { start, end })
}

impl fmt::Debug for RequestBatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands = self.entries.len().saturating_add(self.front.len());
        write!(f, "RequestBatchBuilder({commands} commands)")
    }
}
