//! What one call sends: a request, or several that nothing may come between.

use std::sync::Arc;

use swarm_resp::Request;

/// The requests of one call. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Requests {
    One(Request),
    /// Sent one right after the other, each with a reply of its own. Never empty.
    Unit(Arc<[Request]>),
}

impl Requests {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[Request] {
        match self {
            Self::One(request) => std::slice::from_ref(request),
            Self::Unit(requests) => requests,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// The bytes of all requests together.
    pub(crate) fn encoded_len(&self) -> usize {
        self.as_slice()
            .iter()
            .map(|request| request.encoded().len())
            .sum()
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
    pub(super) fn advance(&mut self) -> Option<&Request> {
        let request = self.requests.as_slice().get(self.next)?;
        self.next = self.next.saturating_add(1);
        Some(request)
    }
}
