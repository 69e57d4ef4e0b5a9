//! The server's view of a connection: which requests arrived, which replies are pending, and
//! whether the order of requests is valid.

use std::collections::VecDeque;

use super::*;

/// A reply that the server has yet to send.
pub(super) enum Pending {
    /// The reply to the request of this name.
    Call(String),
    /// The echo of a nonce.
    Check(Frame),
    /// A surplus reply: the rest of an error text with a line break.
    Stray,
}

#[derive(Default)]
pub(super) struct Line {
    pending: VecDeque<Pending>,
    /// The batch that is being sent, and the place of its next request.
    sending: Option<(usize, usize)>,
    /// Whether the next request must be a fence.
    fence_is_due: bool,
}

impl Line {
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Processes a request. Returns its name, if it belongs to a call.
    pub(super) fn take(&mut self, name: String, calls: &[Vec<String>]) -> Option<String> {
        if let Some(nonce) = name.strip_prefix("ECHO ") {
            assert!(self.fence_is_due, "unneeded fence");
            self.fence_is_due = false;
            self.pending.push_back(Pending::Check(bulk(nonce)));
            return None;
        }
        assert!(!self.fence_is_due, "{name} instead of a fence");
        let held = matches!(self.pending.front(), Some(Pending::Call(first)) if is_alone(first));
        assert!(!held, "{name} after a request that must be alone");
        if let Some(nonce) = name.strip_prefix("PING ") {
            assert_eq!(self.sending, None, "a heartbeat came into a batch");
            self.pending.push_back(Pending::Check(bulk(nonce)));
            return None;
        }
        assert!(
            self.pending.is_empty() || !is_alone(&name),
            "{name} is not alone"
        );
        self.check_batch(&name, calls);
        self.pending.push_back(Pending::Call(name.clone()));
        Some(name)
    }

    /// Checks that nothing comes between the requests of a batch.
    fn check_batch(&mut self, name: &str, calls: &[Vec<String>]) {
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
        if let [call, position] = numbers[..]
            && position + 1 < calls[call].len()
        {
            self.sending = Some((call, position + 1));
        }
        self.fence_is_due = is_risky(name);
    }

    /// Returns the next reply. Occasionally a risky reply is followed by a surplus one, or swallows
    /// the next.
    pub(super) fn answer(&mut self, rng: &mut fastrand::Rng) -> Option<Frame> {
        let reply = match self.pending.pop_front()? {
            Pending::Call(name) if is_risky(&name) && rng.u8(0..8) == 0 => {
                if rng.bool()
                    && let Some(Pending::Check(nonce)) = self.pending.front()
                {
                    let swallowed = Frame::array(&[bulk(&name), nonce.clone()]);
                    self.pending.pop_front();
                    return Some(swallowed);
                }
                self.pending.push_front(Pending::Stray);
                bulk(&name)
            }
            Pending::Call(name) => bulk(&name),
            Pending::Check(nonce) => nonce,
            Pending::Stray => bulk("stray"),
        };
        Some(reply)
    }

    /// Refuses the next request, if it belongs to a call. Returns the error.
    pub(super) fn refuse(&mut self) -> Option<Frame> {
        let Some(Pending::Call(name)) = self.pending.front() else {
            return None;
        };
        let refusal = Frame::error(format!("READONLY {name}"));
        self.pending.pop_front();
        Some(refusal)
    }
}

fn is_alone(name: &str) -> bool {
    name.starts_with("HELLO")
}

/// Whether the reply may be an error text with a line break.
fn is_risky(name: &str) -> bool {
    name.starts_with("EVAL") || name.starts_with("EXEC")
}
