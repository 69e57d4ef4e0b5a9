//! What one call sends: a request, or several that nothing may come between.

use swarm_resp::{Request, RequestBatch, RequestRef};

/// The requests of one call. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    /// Sent one right after the other, each with a reply of its own. Never empty.
    Unit(RequestBatch),
}

impl Requests {
    #[inline]
    pub(crate) fn get(&self, position: usize) -> Option<RequestRef<'_>> {
        match self {
            Self::One(request) => (position == 0).then(|| request.view()),
            Self::Unit(requests) => requests.get(position),
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
        }
    }

    /// The bytes of all requests together.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::One(request) => request.encoded().len(),
            Self::Unit(requests) => requests.encoded_len(),
        }
    }
}

/// A unit that is being sent: the link may take only a part of it at a time. It is sent to its end whatever becomes of its
/// caller, for a server must not be left in the middle of a transaction.
#[derive(Debug)]
pub(super) struct Sending {
    requests: Requests,
    next: usize,
}

impl Sending {
    /// A unit of which all requests before `next` are sent.
    pub(super) fn from(requests: &Requests, next: usize) -> Option<Self> {
        (next < requests.len()).then(|| Self {
            requests: requests.clone(),
            next,
        })
    }

    /// How many requests are not sent.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.requests.len().saturating_sub(self.next)
    }

    /// Whether there are any.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.left() > 0
    }

    /// The next request.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<RequestRef<'_>> {
        let request = self.requests.get(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(request)
    }
}
