//! Fences: proof that the reply to a risky request is one reply, and that everything behind it is still in step.
//!
//! SwarmKeyDb writes error texts unescaped, so a script that returns an error with a line break in it makes the server send
//! more replies than it owes, or fewer. Right behind such a request the engine sends `ECHO` with an unguessable nonce.
//! Replies come in order, so the reply to the request is held until the nonce has arrived in its place; on anything else the
//! connection ends before anybody has received a wrong reply.

use std::collections::VecDeque;

use swarm_resp::{Frame, Request};

use super::Violation;
use super::requests::Requests;
use crate::connection::Nonce;

/// What one slot must prove.
#[derive(Debug)]
pub(super) enum Proof {
    /// Its only reply must be the nonce: a heartbeat.
    Heartbeat {
        nonce: Nonce,
        /// Whether an error instead is a sign of life. Redis answers PING with an error while it loads or runs a script.
        errors_allowed: bool,
    },
    /// Some of its replies are followed by a nonce.
    Fences(Fences),
}

/// The fences of one call, in the order of its requests.
#[derive(Debug)]
pub(super) struct Fences {
    /// The request that the next reply answers.
    position: usize,
    /// The request that each fence follows.
    ahead: VecDeque<(usize, Nonce)>,
    /// A reply whose fence has not arrived.
    held: Option<Frame>,
}

/// What a reply to a fenced call means.
#[derive(Debug)]
pub(super) enum Passed {
    /// Nothing until its fence has arrived.
    Held,
    /// The next request is answered by this.
    Reply(Frame),
    /// A fence has arrived, so the next request is answered by this.
    Proved(Frame),
}

impl Fences {
    /// Fences behind the requests that are marked for it, from a position on. `None` if there are none.
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

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ahead.len()
    }

    /// The requests that ask for the nonces, each with the position that it follows.
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

    /// Takes the next reply.
    pub(super) fn pass(&mut self, reply: Frame) -> Result<Passed, Violation> {
        if let Some(held) = self.held.take() {
            let (_, nonce) = self.ahead.pop_front().ok_or(Violation::OutOfStep)?;
            if !nonce.is_echoed_by(&reply) {
                return Err(Violation::OutOfStep);
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
