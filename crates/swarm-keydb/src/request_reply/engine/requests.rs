//! Requests of one call: a single request, or a batch.

use std::sync::Arc;

use swarm_resp::{Request, RequestBatch, RequestRef};

use crate::server::Marks;

/// The requests of one call. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    /// Sent back to back, each with its own reply. Never empty.
    Batch(RequestBatch),
    /// Either of the above, with marks on some requests. Rare, so the other variants do not pay for
    /// it.
    Marked(Arc<Marked>),
}

/// Requests, some of which are marked.
#[derive(Debug)]
pub(crate) struct Marked {
    requests: Requests,
    /// The marks by position, in order.
    marks: Vec<(usize, Marks)>,
}

impl Requests {
    /// Creates a single request with its marks.
    #[inline]
    pub(crate) fn one(request: Request, marks: Marks) -> Self {
        let one = Self::One(request);
        if marks.is_empty() {
            one
        } else {
            one.marked(vec![(0, marks)])
        }
    }

    /// Adds marks to the requests at some positions, which must be in order.
    pub(crate) fn marked(self, marks: Vec<(usize, Marks)>) -> Self {
        if marks.is_empty() {
            return self;
        }
        Self::Marked(Arc::new(Marked {
            requests: self,
            marks,
        }))
    }

    /// Returns the single request, unless this is a batch.
    pub(super) fn as_one(&self) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => Some(request.view()),
            Self::Batch(_) => None,
            Self::Marked(marked) => marked.requests.as_one(),
        }
    }

    /// Returns the positions of the requests that a fence must follow.
    pub(super) fn fenced(&self) -> impl Iterator<Item = usize> {
        let fenced =
            |(position, marks): &(usize, Marks)| marks.contains(Marks::FENCE).then_some(*position);
        self.marks().iter().filter_map(fenced)
    }

    /// Returns the marks of the marked requests, by position.
    #[inline]
    pub(crate) fn marks(&self) -> &[(usize, Marks)] {
        match self {
            Self::One(_) | Self::Batch(_) => &[],
            Self::Marked(marked) => &marked.marks,
        }
    }

    #[inline]
    pub(crate) fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => (position == 0).then(|| request.view()),
            Self::Batch(requests) => requests.get(position),
            Self::Marked(marked) => marked.requests.get(position),
        }
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = RequestRef<'_>> {
        (0..self.len()).map_while(|position| self.get(position))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Batch(requests) => requests.len(),
            Self::Marked(marked) => marked.requests.len(),
        }
    }

    /// Returns the encoded size of all requests.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::One(request) => request.encoded().len(),
            Self::Batch(requests) => requests.encoded_len(),
            Self::Marked(marked) => marked.requests.encoded_len(),
        }
    }
}
