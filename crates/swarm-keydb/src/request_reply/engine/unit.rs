//! What one call sends: a request, or several that nothing may come between.

use std::collections::VecDeque;
use std::sync::Arc;

use swarm_resp::{Request, RequestBatch, RequestRef};

use super::fence::Fences;
use crate::server::Marks;

/// The requests of one call. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    /// Sent one right after the other, each with a reply of its own. Never empty.
    Unit(RequestBatch),
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

    /// The only request, unless this is a unit.
    pub(super) fn as_one(&self) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => Some(request.view()),
            Self::Unit(_) => None,
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
            Self::One(_) | Self::Unit(_) => &[],
            Self::Marked(marked) => &marked.marks,
        }
    }

    #[inline]
    pub(crate) fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => (position == 0).then(|| request.view()),
            Self::Unit(requests) => requests.get(position),
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
            Self::Unit(requests) => requests.len(),
            Self::Marked(marked) => marked.requests.len(),
        }
    }

    /// The bytes of all requests together.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::One(request) => request.encoded().len(),
            Self::Unit(requests) => requests.encoded_len(),
            Self::Marked(marked) => marked.requests.encoded_len(),
        }
    }
}

/// A call that is being sent: the link may take only a part of it at a time. It is sent to its end whatever becomes of its
/// caller, for a server must not be left in the middle of a transaction.
#[derive(Debug)]
pub(super) struct Sending {
    requests: Requests,
    next: usize,
    /// The fences that are not sent, and the position that each follows.
    fences: VecDeque<(usize, Request)>,
    /// The fence that was sent last, which the link may still borrow.
    fence: Option<Request>,
}

impl Sending {
    /// A call of which all requests before `next` are sent, and none of the fences.
    pub(super) fn from(requests: &Requests, next: usize, fences: Option<&Fences>) -> Option<Self> {
        (next < requests.len() || fences.is_some()).then(|| Self {
            requests: requests.clone(),
            next,
            fences: fences.map(Fences::requests).unwrap_or_default(),
            fence: None,
        })
    }

    /// How many requests of the caller are not sent.
    #[inline]
    pub(super) fn unsent(&self) -> usize {
        self.requests.len().saturating_sub(self.next)
    }

    /// How many replies cannot come yet, those of fences included.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.unsent().saturating_add(self.fences.len())
    }

    /// Whether anything is not sent.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.left() > 0
    }

    /// The next request: of the caller, or a fence behind the last one.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<RequestRef<'_>> {
        if let Some((position, _)) = self.fences.front()
            && position.saturating_add(1) == self.next
        {
            let (_, fence) = self.fences.pop_front()?;
            return Some(self.fence.insert(fence).view());
        }
        let request = self.requests.get(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(request)
    }
}
