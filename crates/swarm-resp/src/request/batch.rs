//! Commands that are sent together, encoded one behind the other.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Part, Request, RequestBuilder, RequestRef};

/// From here on a command keeps its own bytes: sharing them costs less than the copy.
const LARGE: usize = 4 << 10;

/// Commands in one buffer. Clones share it.
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
    /// In the buffer.
    Here(Part),
    Elsewhere(Box<Request>),
}

impl RequestBatch {
    /// Starts a batch whose commands are put in one by one.
    pub fn builder() -> RequestBatchBuilder {
        RequestBatchBuilder::default()
    }

    /// How many commands there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The command at a position, counted from 0. `None` beyond the last.
    #[inline]
    pub fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        self.entries.get(position).map(|entry| self.view(entry))
    }

    #[inline]
    fn view<'a>(&'a self, entry: &'a Entry) -> RequestRef<'a> {
        match entry {
            Entry::Here(part) => RequestRef {
                owner: &self.buffer,
                part: Some(part),
            },
            Entry::Elsewhere(request) => request.view(),
        }
    }

    /// The commands in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RequestRef<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    /// The bytes of all commands together.
    pub fn encoded_len(&self) -> usize {
        let elsewhere = self.entries.iter().map(|entry| match entry {
            Entry::Here(_) => 0,
            Entry::Elsewhere(request) => request.encoded().len(),
        });
        elsewhere.fold(self.buffer.len(), usize::saturating_add)
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

/// Puts a [`RequestBatch`] together. Small commands cost no allocation each; one of 4 KiB or more keeps its own bytes.
#[derive(Default)]
pub struct RequestBatchBuilder {
    buffer: BytesMut,
    entries: Vec<Entry>,
    /// Commands placed before `entries`, the first one last: inserting at the front of a vector would move all others.
    front: Vec<Entry>,
}

impl RequestBatchBuilder {
    /// Puts a command behind the others, and leaves its builder empty. That is large, so this spares a move.
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

    /// Puts a command before the others, in constant time.
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
            Entry::Elsewhere(Box::new(request))
        }
    }

    /// The commands, which cannot become more.
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
    Entry::Here(Part { start, end })
}

impl fmt::Debug for RequestBatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands = self.entries.len().saturating_add(self.front.len());
        write!(f, "RequestBatchBuilder({commands} commands)")
    }
}
