//! One connection as its server sees it: what it got, what it owes, and whether requests came in an order that is allowed.

use std::collections::VecDeque;

use super::*;

/// What the server owes.
pub(super) enum Owed {
    /// A reply to a request of some name.
    Call(String),
    /// A nonce.
    Check(Frame),
    /// A reply that nobody asked for: the rest of an error text with a line break in it.
    Stray,
}

#[derive(Default)]
pub(super) struct Line {
    owed: VecDeque<Owed>,
    /// The batch that is being sent, and the place of its next request.
    sending: Option<(usize, usize)>,
    /// Whether a fence must come next.
    fence_is_due: bool,
}

impl Line {
    pub(super) fn owes_nothing(&self) -> bool {
        self.owed.is_empty()
    }

    /// A request has come. Says its name, if somebody called it.
    pub(super) fn take(&mut self, name: String, calls: &[Vec<String>]) -> Option<String> {
        if let Some(nonce) = name.strip_prefix("ECHO ") {
            assert!(self.fence_is_due, "a fence that no risky request needs");
            self.fence_is_due = false;
            self.owed.push_back(Owed::Check(bulk(nonce)));
            return None;
        }
        assert!(!self.fence_is_due, "{name} came in the place of a fence");
        let held = matches!(self.owed.front(), Some(Owed::Call(first)) if is_alone(first));
        assert!(!held, "{name} came behind a request that must be alone");
        if let Some(nonce) = name.strip_prefix("PING ") {
            assert_eq!(self.sending, None, "a heartbeat came into a batch");
            self.owed.push_back(Owed::Check(bulk(nonce)));
            return None;
        }
        assert!(
            self.owed.is_empty() || !is_alone(&name),
            "{name} is not alone"
        );
        self.follow(&name, calls);
        self.owed.push_back(Owed::Call(name.clone()));
        Some(name)
    }

    /// Nothing may come between the requests of a batch.
    fn follow(&mut self, name: &str, calls: &[Vec<String>]) {
        let numbers: Vec<usize> = name
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        if let Some(expected) = self.sending.take() {
            assert_eq!(
                numbers,
                [expected.0, expected.1],
                "{name} came into a batch"
            );
        }
        if let [call, place] = numbers[..]
            && place + 1 < calls[call].len()
        {
            self.sending = Some((call, place + 1));
        }
        self.fence_is_due = is_risky(name);
    }

    /// The next reply. Now and then one is more than one, or swallows the next.
    pub(super) fn answer(&mut self, rng: &mut fastrand::Rng) -> Option<Frame> {
        let reply = match self.owed.pop_front()? {
            Owed::Call(name) if is_risky(&name) && rng.u8(0..8) == 0 => {
                if rng.bool()
                    && let Some(Owed::Check(nonce)) = self.owed.front()
                {
                    let swallowed = Frame::array(&[bulk(&name), nonce.clone()]);
                    self.owed.pop_front();
                    return Some(swallowed);
                }
                self.owed.push_front(Owed::Stray);
                bulk(&name)
            }
            Owed::Call(name) => bulk(&name),
            Owed::Check(nonce) => nonce,
            Owed::Stray => bulk("stray"),
        };
        Some(reply)
    }

    /// Refuses the next request, if it is one of a caller, and says so.
    pub(super) fn refuse(&mut self) -> Option<Frame> {
        let Some(Owed::Call(name)) = self.owed.front() else {
            return None;
        };
        let refusal = Frame::error(format!("READONLY {name}"));
        self.owed.pop_front();
        Some(refusal)
    }
}

fn is_alone(name: &str) -> bool {
    name.starts_with("HELLO")
}

/// Whether an error text of the reply may have a line break in it.
fn is_risky(name: &str) -> bool {
    name.starts_with("EVAL") || name.starts_with("EXEC")
}
