//! Requests of one call: a single request, or a batch.

use std::sync::Arc;

use swarm_resp::{Request, RequestBatch, RequestRef};

use crate::server::Marks;

/// The requests of one call. Clones share them.
///
/// Batches and marks are behind a pointer, because a call is allocated together with its requests,
/// and a call of one request stays small.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    Many(Arc<Many>),
}

/// A batch, or requests of which some are marked.
#[derive(Debug)]
pub(crate) struct Many {
    requests: Sequence,
    /// The marks by position, in order.
    marks: Vec<(usize, Marks)>,
}

#[derive(Debug)]
enum Sequence {
    One(Request),
    /// Sent back to back, each with its own reply. Never empty.
    Batch(RequestBatch),
}

impl Requests {
    /// Creates a single request with its marks.
    #[inline]
    pub(crate) fn one(request: Request, marks: Marks) -> Self {
        if marks.is_empty() {
            return Self::One(request);
        }
        Self::Many(Arc::new(Many {
            requests: Sequence::One(request),
            marks: vec![(0, marks)],
        }))
    }

    /// A batch of which the requests at some positions, in order, are marked.
    pub(crate) fn batch(requests: RequestBatch, marks: Vec<(usize, Marks)>) -> Self {
        Self::Many(Arc::new(Many {
            requests: Sequence::Batch(requests),
            marks,
        }))
    }

    /// Returns the single request, unless this is a batch.
    pub(super) fn as_one(&self) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => Some(request.view()),
            Self::Many(many) => match &many.requests {
                Sequence::One(request) => Some(request.view()),
                Sequence::Batch(_) => None,
            },
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
            Self::One(_) => &[],
            Self::Many(many) => &many.marks,
        }
    }

    #[inline]
    pub(crate) fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => (position == 0).then(|| request.view()),
            Self::Many(many) => match &many.requests {
                Sequence::One(request) => (position == 0).then(|| request.view()),
                Sequence::Batch(requests) => requests.get(position),
            },
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
            Self::Many(many) => match &many.requests {
                Sequence::One(_) => 1,
                Sequence::Batch(requests) => requests.len(),
            },
        }
    }

    /// Returns the encoded size of all requests.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::One(request) => request.encoded().len(),
            Self::Many(many) => match &many.requests {
                Sequence::One(request) => request.encoded().len(),
                Sequence::Batch(requests) => requests.encoded_len(),
            },
        }
    }
}
