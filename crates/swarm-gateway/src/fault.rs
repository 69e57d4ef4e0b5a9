//! Fault injection: late or missing replies, and connections that are cut at a chosen moment.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use swarm_resp::Frame;
use tokio::sync::watch;

use crate::outbox::Outbox;

/// Injects faults into a running gateway.
///
/// Clones act on the same gateway. Command names are case-insensitive.
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

/// Planned faults for the replies of one command.
#[derive(Debug, Clone, Default)]
struct Plan {
    delay: Option<Duration>,
    hold: Option<watch::Receiver<usize>>,
    held: Option<Arc<watch::Sender<usize>>>,
    /// Number of upcoming executions that end with a cut.
    cuts: u32,
    /// Number of bytes of the next reply to send before a cut.
    part: Option<usize>,
    /// Number of upcoming executions whose reply is duplicated, and number whose reply is omitted.
    surplus: u32,
    missing: u32,
    /// Errors returned to upcoming calls instead of running them.
    errors: VecDeque<String>,
}

/// Faults to apply to the reply of a command that has run.
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

    /// Delays every reply to a command by `by`; zero removes the delay.
    ///
    /// The command itself runs immediately. Later replies and pushes on the same connection are
    /// delayed too.
    pub fn delay(&self, command: &str, by: Duration) {
        self.plan(command, |plan| plan.delay = (!by.is_zero()).then_some(by));
    }

    /// Withholds every reply to a command until the [`Hold`] is released or dropped.
    ///
    /// The command itself runs immediately. Later replies and pushes on the same connection are
    /// withheld too.
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
    /// The command takes effect, but the client cannot know. Replies to earlier commands are still
    /// sent. Repeated calls add up.
    pub fn cut_after(&self, command: &str) {
        self.plan(command, |plan| plan.cuts = plan.cuts.saturating_add(1));
    }

    /// Cuts the connection after `bytes` bytes of the next reply to a command.
    ///
    /// Over WebSocket, the message header counts too. HTTP responses are cut before their first
    /// byte.
    pub fn cut_within(&self, command: &str, bytes: usize) {
        self.plan(command, |plan| plan.part = Some(bytes));
    }

    /// Duplicates the reply to the next execution of a command. The copy answers the next command
    /// on the same connection, whose reply answers the one after that, and so on. Repeated calls
    /// add up.
    ///
    /// Applies to WebSocket and TCP only.
    pub fn surplus_reply(&self, command: &str) {
        self.plan(command, |plan| {
            plan.surplus = plan.surplus.saturating_add(1);
        });
    }

    /// Omits the reply to the next execution of a command. Repeated calls add up.
    ///
    /// Applies to WebSocket and TCP only.
    pub fn missing_reply(&self, command: &str) {
        self.plan(command, |plan| {
            plan.missing = plan.missing.saturating_add(1);
        });
    }

    /// Answers the next call of a command with this error, such as `READONLY …` or `LOADING …`,
    /// without running it. Repeated calls queue errors in order.
    pub fn answer_error(&self, command: &str, error: &str) {
        self.plan(command, |plan| plan.errors.push_back(error.to_owned()));
    }

    /// Pushes a list of strings to every WebSocket and TCP connection, regardless of subscriptions.
    /// Returns the number of connections.
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

    /// Closes every new connection immediately until the [`RefuseGuard`] is dropped.
    #[must_use = "dropping it lets connections in"]
    pub fn refuse(&self) -> RefuseGuard {
        self.shared.refusals.send_modify(|refusals| *refusals += 1);
        RefuseGuard {
            faults: self.clone(),
        }
    }

    /// Freezes the gateway until the [`FreezeGuard`] is dropped: it accepts connections, but reads
    /// and answers nothing, including heartbeats and handshakes.
    #[must_use = "dropping it ends the silence"]
    pub fn freeze(&self) -> FreezeGuard {
        self.shared.freeze.send_modify(|freezes| *freezes += 1);
        FreezeGuard {
            faults: self.clone(),
        }
    }

    /// Returns how often a command has run, across all connections.
    pub fn executions(&self, command: &str) -> u64 {
        let counts = self.shared.executions.borrow();
        counts
            .get(&command.to_ascii_uppercase())
            .copied()
            .unwrap_or(0)
    }

    /// Waits until a command has run `times` times, across all connections.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn executed(&self, command: &str, times: u64) {
        let name = command.to_ascii_uppercase();
        let mut counts = self.shared.executions.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
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

    /// Takes the faults for the reply of this execution. `command` is in upper case.
    pub(crate) fn reply_fault(&self, command: &str) -> ReplyFault {
        let mut plans = self.lock();
        let Some(plan) = plans.get_mut(command) else {
            return ReplyFault::default();
        };
        let cut = plan.cuts > 0;
        plan.cuts = plan.cuts.saturating_sub(1);
        // A released or dropped hold no longer withholds replies.
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

    /// Takes the error that answers this call instead of running it. `command` is in upper case.
    pub(crate) fn error_for(&self, command: &str) -> Option<Frame> {
        let error = self.lock().get_mut(command)?.errors.pop_front()?;
        Some(Frame::error(error))
    }

    /// Waits until the gateway is frozen.
    pub(crate) async fn frozen(&self) {
        let _ = self
            .shared
            .freeze
            .subscribe()
            .wait_for(|freezes| *freezes > 0)
            .await;
    }

    /// Waits until the gateway is not frozen.
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

    /// Registers a connection that can receive injected pushes.
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

/// Guard that withholds replies; see [`Faults::hold`].
#[derive(Debug)]
pub struct Hold {
    open: watch::Sender<usize>,
    reached: watch::Receiver<usize>,
}

impl Hold {
    /// Releases the withheld replies and stops withholding.
    pub fn release(self) {
        self.open.send_replace(0);
    }

    /// Waits until `count` replies have been withheld: the commands have run, and their callers are
    /// waiting.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn reached(&self, count: usize) {
        // An error means that a newer hold replaced this one; it will withhold nothing more.
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

/// Guard that keeps the gateway frozen; see [`Faults::freeze`].
#[derive(Debug)]
pub struct FreezeGuard {
    faults: Faults,
}

impl Drop for FreezeGuard {
    fn drop(&mut self) {
        self.faults
            .shared
            .freeze
            .send_modify(|freezes| *freezes = freezes.saturating_sub(1));
    }
}

/// Guard that makes the gateway close new connections; see [`Faults::refuse`].
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
