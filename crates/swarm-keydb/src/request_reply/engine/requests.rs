//! What one call sends: a request, or several that nothing may come between.

use std::sync::Arc;

use swarm_resp::{Request, RequestBatch, RequestRef};

use crate::server::Marks;

/// The requests of one call. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    /// Sent one right after the other, each with a reply of its own. Never empty.
    Batch(RequestBatch),
    /// Any of the above, with precautions for some of the requests. Rare, so the others do not pay for it.
    Marked(Arc<Marked>),
}

/// Requests, some of which are marked.
#[derive(Debug)]
pub(crate) struct Marked {
    requests: Requests,
    /// By position, in order.
    marks: Vec<(usize, Marks)>,
}

impl Requests {
    /// One request with its marks.
    #[inline]
    pub(crate) fn one(request: Request, marks: Marks) -> Self {
        let one = Self::One(request);
        if marks.is_empty() {
            one
        } else {
            one.marked(vec![(0, marks)])
        }
    }

    /// Requests of which those at some positions, in order, are marked.
    pub(crate) fn marked(self, marks: Vec<(usize, Marks)>) -> Self {
        if marks.is_empty() {
            return self;
        }
        Self::Marked(Arc::new(Marked {
            requests: self,
            marks,
        }))
    }

    /// The only request, unless this is a batch.
    pub(super) fn as_one(&self) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => Some(request.view()),
            Self::Batch(_) => None,
            Self::Marked(marked) => marked.requests.as_one(),
        }
    }

    /// The positions of the requests behind which a fence must follow.
    pub(super) fn fenced(&self) -> impl Iterator<Item = usize> {
        let fenced =
            |(position, marks): &(usize, Marks)| marks.contains(Marks::FENCE).then_some(*position);
        self.marks().iter().filter_map(fenced)
    }

    /// The marks of the requests that have any, by position.
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

    /// The bytes of all requests together.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::One(request) => request.encoded().len(),
            Self::Batch(requests) => requests.encoded_len(),
            Self::Marked(marked) => marked.requests.encoded_len(),
        }
    }
}
