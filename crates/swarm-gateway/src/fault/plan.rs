//! Planned faults for the commands of one name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Frame;
use tokio::sync::watch;

use super::uses::Uses;

/// Planned faults for one command.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) delay: Option<(Duration, Uses)>,
    pub(super) hold: Option<watch::Receiver<usize>>,
    pub(super) held: Option<Arc<watch::Sender<usize>>>,
    /// Cuts after upcoming executions.
    pub(super) cuts: VecDeque<Uses>,
    /// Number of bytes of the next reply to send before a cut.
    pub(super) part: Option<(usize, Uses)>,
    /// Replies to upcoming executions that are duplicated, and those that are omitted.
    pub(super) surplus: VecDeque<Uses>,
    pub(super) missing: VecDeque<Uses>,
    /// Replies to upcoming calls, which do not run.
    pub(super) answers: VecDeque<(Frame, Uses)>,
}

/// Faults to apply to the reply of a command.
#[derive(Debug, Default)]
pub(crate) struct ReplyFault {
    pub(crate) wait: Option<Wait>,
    pub(crate) cut: bool,
    pub(crate) part: Option<usize>,
    /// A copy of the reply stays queued and answers the next command.
    pub(crate) surplus: bool,
    /// The reply is omitted.
    pub(crate) missing: bool,
}

impl ReplyFault {
    pub(crate) const fn is_none(&self) -> bool {
        self.wait.is_none() && self.part.is_none() && !self.cut && !self.surplus && !self.missing
    }
}

/// Pause in the reply stream.
#[derive(Debug)]
pub(crate) struct Wait {
    delay: Option<Duration>,
    hold: Option<watch::Receiver<usize>>,
}

impl Wait {
    /// Waits until replies may continue.
    pub(crate) async fn over(mut self) {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        if let Some(hold) = &mut self.hold {
            // An error means that the hold was dropped, which also releases replies.
            let _ = hold.wait_for(|holds| *holds == 0).await;
        }
    }
}

impl Plan {
    /// Takes the faults for one reply.
    pub(super) fn reply_fault(&mut self) -> ReplyFault {
        let cut = apply_next(&mut self.cuts);
        // A released or dropped hold no longer withholds replies.
        let hold = self.hold.clone().filter(|gate| *gate.borrow() > 0);
        if let (Some(_), Some(held)) = (&hold, &self.held) {
            held.send_modify(|held| *held += 1);
        }
        let delay = (self.delay.as_ref()).and_then(|(by, uses)| uses.apply().then_some(*by));
        let wait = (delay.is_some() || hold.is_some()).then_some(Wait { delay, hold });
        let part = (self.part.take()).and_then(|(bytes, uses)| uses.apply().then_some(bytes));
        ReplyFault {
            wait,
            cut,
            part,
            surplus: apply_next(&mut self.surplus),
            missing: apply_next(&mut self.missing),
        }
    }

    pub(super) fn has_answer(&self) -> bool {
        (self.answers.iter()).any(|(_, uses)| uses.left() != Some(0))
    }

    /// Takes the reply to a call that does not run.
    pub(super) fn answer(&mut self) -> Option<Frame> {
        while let Some((frame, uses)) = self.answers.front() {
            let frame = uses.apply().then(|| frame.clone());
            if uses.left() == Some(0) {
                self.answers.pop_front();
            }
            if frame.is_some() {
                return frame;
            }
        }
        None
    }
}

/// Applies the first fault that has not been canceled. Returns whether there is one.
fn apply_next(faults: &mut VecDeque<Uses>) -> bool {
    while let Some(uses) = faults.pop_front() {
        if uses.apply() {
            return true;
        }
    }
    false
}
