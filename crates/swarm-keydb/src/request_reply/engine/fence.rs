//! Fences: proof that the reply to a risky request is a single reply, and that later replies still
//! match their requests.
//!
//! SwarmKeyDb does not escape error texts, so a script that returns an error with a line break
//! makes the server send too many replies, or too few. Directly after such a request, the engine
//! sends `ECHO` with an unguessable nonce. Replies are ordered, so the reply to the request is held
//! until the nonce has arrived in its slot. If anything else arrives, the connection ends before a
//! caller has received a wrong reply.

use std::collections::VecDeque;

use swarm_resp::{Frame, Request};

use super::Violation;
use super::requests::Requests;
use crate::connection::Nonce;

/// What the replies of a slot must prove.
#[derive(Debug)]
pub(super) enum Proof {
    /// A heartbeat, whose only reply must be the nonce.
    Heartbeat {
        nonce: Nonce,
        /// Whether an error counts as a sign of life, too. Redis answers PING with an error while
        /// it loads data or runs a script.
        errors_allowed: bool,
    },
    /// A call some of whose replies are followed by a nonce.
    Fences(Fences),
}

/// The fences of one call, in the order of its requests.
#[derive(Debug)]
pub(super) struct Fences {
    /// Position of the request that the next reply answers.
    position: usize,
    /// The nonces that have not arrived, each with the position of the request that it follows.
    ahead: VecDeque<(usize, Nonce)>,
    /// A reply whose fence has not arrived.
    held: Option<Frame>,
}

/// Meaning of a reply to a fenced call.
#[derive(Debug)]
pub(super) enum Passed {
    /// The reply is held until its fence has arrived.
    Held,
    /// The reply answers the next request.
    Reply(Frame),
    /// A fence has arrived; the held reply answers the next request.
    Proved(Frame),
}

impl Fences {
    /// Creates fences for the marked requests from position `first` on. Returns `None` if there are
    /// none.
    pub(super) fn of(requests: &Requests, first: usize) -> Option<Self> {
        let ahead: VecDeque<_> = requests
            .fenced()
            .filter(|position| *position >= first)
            .map(|position| (position, Nonce::new()))
            .collect();
        (!ahead.is_empty()).then_some(Self {
            position: first,
            ahead,
            held: None,
        })
    }

    /// Returns the number of fences that have not arrived.
    pub(super) fn len(&self) -> usize {
        self.ahead.len()
    }

    /// Returns the `ECHO` requests, each with the position of the request that it follows.
    pub(super) fn requests(&self) -> VecDeque<(usize, Request)> {
        self.ahead
            .iter()
            .map(|(position, nonce)| (*position, nonce.request("ECHO")))
            .collect()
    }

    /// Whether a reply is held.
    pub(super) const fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Processes the next reply.
    pub(super) fn pass(&mut self, reply: Frame) -> Result<Passed, Violation> {
        if let Some(held) = self.held.take() {
            let (_, nonce) = self.ahead.pop_front().ok_or(Violation::Desynchronized)?;
            if !nonce.is_echoed_by(&reply) {
                return Err(Violation::Desynchronized);
            }
            self.position = self.position.saturating_add(1);
            return Ok(Passed::Proved(held));
        }
        if self
            .ahead
            .front()
            .is_some_and(|(at, _)| *at == self.position)
        {
            self.held = Some(reply);
            return Ok(Passed::Held);
        }
        self.position = self.position.saturating_add(1);
        Ok(Passed::Reply(reply))
    }
}
