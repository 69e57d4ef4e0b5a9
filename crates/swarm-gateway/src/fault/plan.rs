//! Planned faults for the commands of one name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Frame;
use tokio::sync::watch;

/// Planned faults for one command.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) delay: Option<Duration>,
    pub(super) hold: Option<watch::Receiver<usize>>,
    pub(super) held: Option<Arc<watch::Sender<usize>>>,
    /// Number of upcoming executions that end with a cut.
    pub(super) cuts: u32,
    /// Number of bytes of the next reply to send before a cut.
    pub(super) part: Option<usize>,
    /// Number of upcoming executions whose reply is duplicated, and number whose reply is omitted.
    pub(super) surplus: u32,
    pub(super) missing: u32,
    /// Replies to upcoming calls, which do not run, and how many calls each of them answers.
    pub(super) answers: VecDeque<(Frame, u32)>,
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
        let cut = self.cuts > 0;
        self.cuts = self.cuts.saturating_sub(1);
        // A released or dropped hold no longer withholds replies.
        let hold = self.hold.clone().filter(|gate| *gate.borrow() > 0);
        if let (Some(_), Some(held)) = (&hold, &self.held) {
            held.send_modify(|held| *held += 1);
        }
        let wait = (self.delay.is_some() || hold.is_some()).then_some(Wait {
            delay: self.delay,
            hold,
        });
        let part = self.part.take();
        let (surplus, missing) = (self.surplus > 0, self.missing > 0);
        self.surplus = self.surplus.saturating_sub(1);
        self.missing = self.missing.saturating_sub(1);
        ReplyFault {
            wait,
            cut,
            part,
            surplus,
            missing,
        }
    }

    pub(super) fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Takes the reply to a call that does not run.
    pub(super) fn answer(&mut self) -> Option<Frame> {
        let (frame, times) = self.answers.front_mut()?;
        *times = times.saturating_sub(1);
        if *times > 0 {
            return Some(frame.clone());
        }
        self.answers.pop_front().map(|(frame, _)| frame)
    }
}
