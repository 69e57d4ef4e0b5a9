//! Faults on demand: replies that come late or never, connections cut at the worst moment.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use swarm_resp::Frame;
use tokio::sync::watch;

use crate::outbox::Outbox;

/// What a test makes the gateway do wrong, while it runs.
///
/// Clones act on the same gateway. Command names are written in any case.
#[derive(Debug, Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plans: Mutex<HashMap<String, Plan>>,
    freeze: watch::Sender<usize>,
    refusals: watch::Sender<usize>,
    outboxes: Mutex<HashMap<u64, Weak<Outbox>>>,
    executions: watch::Sender<HashMap<String, u64>>,
}

/// What happens to the replies of one command.
#[derive(Debug, Clone, Default)]
struct Plan {
    delay: Option<Duration>,
    hold: Option<watch::Receiver<usize>>,
    held: Option<Arc<watch::Sender<usize>>>,
    /// How many executions from now on end in a cut.
    cuts: u32,
    /// How many bytes of the next reply are sent before a cut.
    part: Option<usize>,
    /// How many executions from now on leave a surplus reply, and how many leave one out.
    surplus: u32,
    missing: u32,
    /// What the next calls are answered instead of being run.
    errors: VecDeque<String>,
}

/// What stands between a command that has run and its reply.
#[derive(Debug, Default)]
pub(crate) struct ReplyFault {
    pub(crate) wait: Option<Wait>,
    pub(crate) cut: bool,
    pub(crate) part: Option<usize>,
    /// A copy of the reply stays behind, and answers the next command.
    pub(crate) surplus: bool,
    /// The reply is left out.
    pub(crate) missing: bool,
}

/// A pause in the stream of replies.
#[derive(Debug)]
pub(crate) struct Wait {
    delay: Option<Duration>,
    hold: Option<watch::Receiver<usize>>,
}

impl Wait {
    /// Returns when the replies may go on.
    pub(crate) async fn over(mut self) {
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        if let Some(hold) = &mut self.hold {
            // An error means that the hold was dropped, which releases too.
            let _ = hold.wait_for(|holds| *holds == 0).await;
        }
    }
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                plans: Mutex::default(),
                freeze: watch::channel(0).0,
                refusals: watch::channel(0).0,
                outboxes: Mutex::default(),
                executions: watch::channel(HashMap::new()).0,
            }),
        }
    }

    /// Makes every reply to a command come `by` later; zero ends it.
    ///
    /// The command runs at once. Replies and pushes behind it on the same connection wait with it.
    pub fn delay(&self, command: &str, by: Duration) {
        self.plan(command, |plan| plan.delay = (!by.is_zero()).then_some(by));
    }

    /// Withholds every reply to a command until the [`Hold`] is released or dropped.
    ///
    /// The command runs at once. Replies and pushes behind it on the same connection wait with it.
    #[must_use = "dropping the hold releases the replies"]
    pub fn hold(&self, command: &str) -> Hold {
        let (open, gate) = watch::channel(1);
        let (held, reached) = watch::channel(0);
        self.plan(command, |plan| {
            plan.hold = Some(gate);
            plan.held = Some(Arc::new(held));
        });
        Hold { open, reached }
    }

    /// Cuts the connection after the next execution of a command, before its reply.
    ///
    /// The data is changed; the client cannot know. Replies owed before it are still sent. Several calls add up.
    pub fn cut_after(&self, command: &str) {
        self.plan(command, |plan| plan.cuts = plan.cuts.saturating_add(1));
    }

    /// Cuts the connection within the next reply to a command, when this many of its bytes were sent.
    ///
    /// On the WebSocket door the header of the message counts too. HTTP answers are cut before their first byte.
    pub fn cut_within(&self, command: &str, bytes: usize) {
        self.plan(command, |plan| plan.part = Some(bytes));
    }

    /// Shifts the replies behind the next execution of a command: a copy of its reply answers the next command on the same
    /// connection, whose own reply answers the one after that, and so on. Several calls add up.
    ///
    /// Only on the WebSocket and the TCP door.
    pub fn surplus_reply(&self, command: &str) {
        self.plan(command, |plan| {
            plan.surplus = plan.surplus.saturating_add(1);
        });
    }

    /// Leaves out the reply to the next execution of a command. Several calls add up.
    ///
    /// Only on the WebSocket and the TCP door.
    pub fn missing_reply(&self, command: &str) {
        self.plan(command, |plan| {
            plan.missing = plan.missing.saturating_add(1);
        });
    }

    /// Answers the next call of a command with this error, and does not run it: `READONLY …`, `LOADING …`. Several calls add
    /// up, and the errors come in their order.
    pub fn answer_error(&self, command: &str, error: &str) {
        self.plan(command, |plan| plan.errors.push_back(error.to_owned()));
    }

    /// Pushes a list of words to every connection of the WebSocket and the TCP door, whatever it listens to, and
    /// returns how many there are.
    pub fn push(&self, words: &[&str]) -> usize {
        let frame = Frame::build(|reply| {
            reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
        });
        let mut outboxes = self.outboxes();
        outboxes.retain(|_, outbox| match outbox.upgrade() {
            Some(outbox) => {
                outbox.push(frame.clone(), None);
                true
            }
            None => false,
        });
        outboxes.len()
    }

    /// Makes the gateway close every new connection at once, until the [`RefuseGuard`] is dropped.
    #[must_use = "dropping it lets connections in"]
    pub fn refuse(&self) -> RefuseGuard {
        self.shared.refusals.send_modify(|refusals| *refusals += 1);
        RefuseGuard {
            faults: self.clone(),
        }
    }

    /// Makes the gateway go on accepting connections and neither read nor answer anything, heartbeats and handshakes
    /// included, until the [`Freeze`] is dropped.
    #[must_use = "dropping it ends the silence"]
    pub fn freeze(&self) -> Freeze {
        self.shared.freeze.send_modify(|freezes| *freezes += 1);
        Freeze {
            faults: self.clone(),
        }
    }

    /// How often a command ran, on all connections together.
    pub fn executions(&self, command: &str) -> u64 {
        let counts = self.shared.executions.borrow();
        counts
            .get(&command.to_ascii_uppercase())
            .copied()
            .unwrap_or(0)
    }

    /// Returns once a command has run `times` times, on all connections together.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn executed(&self, command: &str, times: u64) {
        let name = command.to_ascii_uppercase();
        let mut counts = self.shared.executions.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = counts
            .wait_for(|counts| counts.get(&name).copied().unwrap_or(0) >= times)
            .await;
    }

    pub(crate) fn count(&self, command: &str) {
        self.shared.executions.send_modify(|counts| {
            if let Some(count) = counts.get_mut(command) {
                *count += 1;
            } else {
                counts.insert(command.to_owned(), 1);
            }
        });
    }

    /// What stands between this execution of a command (its name in capitals) and its reply.
    pub(crate) fn reply_fault(&self, command: &str) -> ReplyFault {
        let mut plans = self.lock();
        let Some(plan) = plans.get_mut(command) else {
            return ReplyFault::default();
        };
        let cut = plan.cuts > 0;
        plan.cuts = plan.cuts.saturating_sub(1);
        // A hold that was released or dropped holds nothing any more.
        let hold = plan.hold.clone().filter(|gate| *gate.borrow() > 0);
        if let (Some(_), Some(held)) = (&hold, &plan.held) {
            held.send_modify(|held| *held += 1);
        }
        let wait = (plan.delay.is_some() || hold.is_some()).then_some(Wait {
            delay: plan.delay,
            hold,
        });
        let part = plan.part.take();
        let (surplus, missing) = (plan.surplus > 0, plan.missing > 0);
        plan.surplus = plan.surplus.saturating_sub(1);
        plan.missing = plan.missing.saturating_sub(1);
        ReplyFault {
            wait,
            cut,
            part,
            surplus,
            missing,
        }
    }

    /// The error that this call of a command (its name in capitals) is answered instead of being run.
    pub(crate) fn error_for(&self, command: &str) -> Option<Frame> {
        let error = self.lock().get_mut(command)?.errors.pop_front()?;
        Some(Frame::error(error))
    }

    /// Returns once the gateway is mute.
    pub(crate) async fn frozen(&self) {
        let _ = self
            .shared
            .freeze
            .subscribe()
            .wait_for(|freezes| *freezes > 0)
            .await;
    }

    /// Returns once the gateway is not mute.
    pub(crate) async fn thawed(&self) {
        let _ = self
            .shared
            .freeze
            .subscribe()
            .wait_for(|freezes| *freezes == 0)
            .await;
    }

    pub(crate) fn refuses(&self) -> bool {
        *self.shared.refusals.borrow() > 0
    }

    /// Notes a connection that can be pushed to.
    pub(crate) fn register(&self, id: u64, outbox: &Arc<Outbox>) {
        let mut outboxes = self.outboxes();
        outboxes.retain(|_, outbox| outbox.strong_count() > 0);
        outboxes.insert(id, Arc::downgrade(outbox));
    }

    fn outboxes(&self) -> MutexGuard<'_, HashMap<u64, Weak<Outbox>>> {
        (self.shared.outboxes.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self, command: &str, change: impl FnOnce(&mut Plan)) {
        change(self.lock().entry(command.to_ascii_uppercase()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Plan>> {
        self.shared
            .plans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Withheld replies: see [`Faults::hold`].
#[derive(Debug)]
pub struct Hold {
    open: watch::Sender<usize>,
    reached: watch::Receiver<usize>,
}

impl Hold {
    /// Lets the withheld replies go, and later ones pass.
    pub fn release(self) {
        self.open.send_replace(0);
    }

    /// Returns once `count` replies were withheld: the commands have run, their callers wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn reached(&self, count: usize) {
        // An error means that another hold took the place of this one: nothing more will be withheld.
        let _ = self
            .reached
            .clone()
            .wait_for(|withheld| *withheld >= count)
            .await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.open.send_replace(0);
    }
}

/// A silent gateway: see [`Faults::freeze`].
#[derive(Debug)]
pub struct Freeze {
    faults: Faults,
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.faults
            .shared
            .freeze
            .send_modify(|freezes| *freezes = freezes.saturating_sub(1));
    }
}

/// A gateway that closes new connections: see [`Faults::refuse`].
#[derive(Debug)]
pub struct RefuseGuard {
    faults: Faults,
}

impl Drop for RefuseGuard {
    fn drop(&mut self) {
        self.faults
            .shared
            .refusals
            .send_modify(|refusals| *refusals = refusals.saturating_sub(1));
    }
}
