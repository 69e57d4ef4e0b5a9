//! Calls in flight, in the order in which the server replies. The last one may be partly sent.
//!
//! Only this module knows that a call can be partly sent. The requests of a batch or of a fenced
//! call go to the transport one at a time, and replies to the first requests may arrive before the
//! last request is sent.

use std::collections::{VecDeque, vec_deque};

use swarm_resp::{Request, RequestRef};

use super::call::{Call, Caller};
use super::fence::Fences;
use super::requests::Requests;
use super::sent::SentCall;
use crate::runtime::Instant;

pub(super) struct InFlight<C: Caller> {
    slots: VecDeque<SentCall<C>>,
    /// The unsent part of the last call.
    rest: Option<Rest>,
}

impl<C: Caller> Default for InFlight<C> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            rest: None,
        }
    }
}

impl<C: Caller> InFlight<C> {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn iter(&self) -> vec_deque::Iter<'_, SentCall<C>> {
        self.slots.iter()
    }

    pub(super) fn iter_mut(&mut self) -> vec_deque::IterMut<'_, SentCall<C>> {
        self.slots.iter_mut()
    }

    /// Returns the oldest call.
    #[inline]
    pub(super) fn front(&self) -> Option<&SentCall<C>> {
        self.slots.front()
    }

    #[inline]
    pub(super) fn front_mut(&mut self) -> Option<&mut SentCall<C>> {
        self.slots.front_mut()
    }

    /// Returns the oldest call, if a reply to one of its sent requests is pending.
    #[inline(always)]
    pub(super) fn front_owed(&mut self) -> Option<&mut SentCall<C>> {
        let unsent = match &self.rest {
            Some(rest) if self.slots.len() == 1 => rest.replies(),
            _ => 0,
        };
        let slot = self.slots.front_mut()?;
        (slot.owed().saturating_sub(slot.held()) > unsent).then_some(slot)
    }

    /// Removes the oldest call, all of whose replies have arrived.
    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<SentCall<C>> {
        self.slots.pop_front()
    }

    /// Whether the last call may be partly sent.
    #[inline]
    pub(super) const fn may_be_sending(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether the last call is partly sent. Its unsent part must be sent next.
    #[inline]
    pub(super) fn is_sending(&mut self) -> bool {
        match &self.rest {
            None => false,
            Some(rest) if rest.replies() > 0 => true,
            Some(_) => {
                self.rest = None;
                false
            }
        }
    }

    /// Returns the next request of the last call.
    #[inline]
    pub(super) fn next_request(&mut self) -> Option<RequestRef<'_>> {
        self.rest.as_mut()?.advance()
    }

    /// Adds a call, and returns its first request.
    #[inline]
    pub(super) fn push(
        &mut self,
        call: Box<Call<C>>,
        fences: Option<Fences>,
        now: Instant,
    ) -> Option<RequestRef<'_>> {
        let first = call.answered();
        self.rest = match call.requests {
            Requests::One(_) => None,
            _ => Rest::of(&call.requests, first + 1, fences.as_ref()),
        };
        self.slots.push_back(SentCall::new(call, fences, now));
        self.slots.back()?.request(first)
    }

    /// Adds a heartbeat, which has no caller.
    pub(super) fn push_heartbeat(&mut self, heartbeat: SentCall<C>) {
        self.rest = None;
        self.slots.push_back(heartbeat);
    }

    /// Removes all calls, because the connection is lost. Returns those whose callers still wait,
    /// the last one first.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<Call<C>>> {
        let mut unsent = self.rest.take().map_or(0, |rest| rest.requests());
        let last_first = self.slots.drain(..).rev();
        last_first.filter_map(move |slot| slot.into_call(std::mem::take(&mut unsent)))
    }

    pub(super) fn clear(&mut self) {
        self.rest = None;
        self.slots.clear();
    }
}

/// The unsent part of a call. It is sent even if the caller gives up, because the server must not
/// be left in the middle of a transaction.
#[derive(Debug)]
struct Rest {
    requests: Requests,
    next: usize,
    /// The fences to send, each with the position that it follows.
    fences: VecDeque<(usize, Request)>,
    /// The last fence that was sent, which the transport may borrow.
    fence: Option<Request>,
}

impl Rest {
    /// Creates the unsent part of a call: the requests from `next` on, and all fences.
    fn of(requests: &Requests, next: usize, fences: Option<&Fences>) -> Option<Self> {
        (next < requests.len() || fences.is_some()).then(|| Self {
            requests: requests.clone(),
            next,
            fences: fences.map(Fences::requests).unwrap_or_default(),
            fence: None,
        })
    }

    /// Returns the number of unsent requests of the caller.
    #[inline]
    fn requests(&self) -> usize {
        self.requests.len().saturating_sub(self.next)
    }

    /// Returns the number of replies that cannot arrive yet, including those to fences.
    #[inline]
    fn replies(&self) -> usize {
        self.requests().saturating_add(self.fences.len())
    }

    /// Returns the next request: one of the caller's, or the fence that follows the previous one.
    #[inline]
    fn advance(&mut self) -> Option<RequestRef<'_>> {
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
