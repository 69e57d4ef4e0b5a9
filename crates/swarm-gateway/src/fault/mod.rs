//! Fault injection: late, missing or invented replies, lost messages, and connections that are cut
//! at a chosen moment.

mod connections;
mod errors;
mod executions;
mod guards;
mod plan;
mod pushes;
mod uses;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm_resp::{Frame, FrameRef};
use tokio::sync::watch;

use crate::outbox::Outbox;
use connections::Connections;
use errors::Errors;
use executions::Executions;
use guards::Active;
use plan::Plan;
use uses::Uses;

pub use connections::{Connection, Listener};
pub(crate) use connections::{Opened, Opening};
pub use guards::{FreezeGuard, Hold, PlannedFault, PushGuard, RefuseGuard};
pub(crate) use plan::{ReplyFault, Wait};
pub(crate) use pushes::PushFault;

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
    /// Whether there has been a plan. Most gateways never have one.
    planned: AtomicBool,
    freeze: Active,
    refusals: Active,
    connections: Arc<Connections>,
    executions: Executions,
    errors: Errors,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                plans: Mutex::default(),
                planned: AtomicBool::new(false),
                freeze: Active::new(),
                refusals: Active::new(),
                connections: Arc::default(),
                executions: Executions::default(),
                errors: Errors::default(),
            }),
        }
    }

    /// Delays every reply to a command by `by`, in place of the previous delay; zero removes it.
    ///
    /// The command itself runs immediately. Later replies and pushes on the same connection are
    /// delayed too.
    pub fn delay(&self, command: &str, by: Duration) -> PlannedFault {
        let uses = Uses::until_canceled();
        self.plan(command, uses, |plan, uses| {
            let replaced = plan.delay.replace((by, uses));
            if let Some((_, replaced)) = replaced {
                replaced.cancel();
            }
            plan.delay.take_if(|(by, _)| by.is_zero());
        })
    }

    /// Withholds every reply to a command until the [`Hold`] is released or dropped.
    ///
    /// The command itself runs immediately. Later replies and pushes on the same connection are
    /// withheld too.
    #[must_use = "dropping the hold releases the replies"]
    pub fn hold(&self, command: &str) -> Hold {
        let (open, gate) = watch::channel(1);
        let (held, reached) = watch::channel(0);
        self.change(command, |plan| {
            plan.hold = Some(gate);
            plan.held = Some(Arc::new(held));
        });
        Hold { open, reached }
    }

    /// Cuts the connection after the next execution of a command, before its reply.
    ///
    /// The command takes effect, but the client cannot know. Replies to earlier commands are still
    /// sent. Repeated calls add up.
    pub fn cut_after(&self, command: &str) -> PlannedFault {
        self.plan(command, Uses::times(1), |plan, uses| {
            plan.cuts.push_back(uses);
        })
    }

    /// Cuts the connection after `bytes` bytes of the next reply to a command. Replaces the
    /// previous cut of this kind.
    ///
    /// Over WebSocket, the message header counts too. HTTP responses are cut before their first
    /// byte.
    pub fn cut_within(&self, command: &str, bytes: usize) -> PlannedFault {
        self.plan(command, Uses::times(1), |plan, uses| {
            if let Some((_, replaced)) = plan.part.replace((bytes, uses)) {
                replaced.cancel();
            }
        })
    }

    /// Duplicates the reply to the next execution of a command. The copy answers the next command
    /// on the same connection, whose reply answers the one after that, and so on. Repeated calls
    /// add up.
    ///
    /// Applies to WebSocket and TCP only.
    pub fn surplus_reply(&self, command: &str) -> PlannedFault {
        self.plan(command, Uses::times(1), |plan, uses| {
            plan.surplus.push_back(uses);
        })
    }

    /// Omits the reply to the next execution of a command. Repeated calls add up.
    ///
    /// Applies to WebSocket and TCP only.
    pub fn missing_reply(&self, command: &str) -> PlannedFault {
        self.plan(command, Uses::times(1), |plan, uses| {
            plan.missing.push_back(uses);
        })
    }

    /// Answers the next call of a command with `reply`, without running it. Repeated calls queue
    /// replies in order.
    ///
    /// Any command can be answered, also those that the gateway handles itself, such as `HELLO` and
    /// `AUTH`. The other faults for the command's replies apply to this one too;
    /// [`executions`](Self::executions) does not count the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_resp::Frame;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), swarm_gateway::StartError> {
    /// let gateway = swarm_gateway::test().await?;
    /// let noscript = "NOSCRIPT No matching script. Please use EVAL.";
    /// gateway.faults().answer("EVALSHA", Frame::error(noscript));
    /// let noon = Frame::array(&[Frame::bulk("43200"), Frame::bulk("0")]);
    /// gateway.faults().answer_times("TIME", noon, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer(&self, command: &str, reply: Frame) -> PlannedFault {
        self.answer_times(command, reply, 1)
    }

    /// Answers the next `times` calls of a command with `reply`, like [`answer`](Self::answer).
    pub fn answer_times(&self, command: &str, reply: Frame, times: u32) -> PlannedFault {
        self.plan(command, Uses::times(times), |plan, uses| {
            plan.answers.push_back((reply, uses));
        })
    }

    /// Answers the next call of a command with this error, such as `READONLY …` or `LOADING …`,
    /// without running it, like [`answer`](Self::answer).
    pub fn answer_error(&self, command: &str, error: &str) -> PlannedFault {
        self.answer(command, Frame::error(error.to_owned()))
    }

    /// Cuts every open connection immediately, idle ones included, without a close handshake.
    /// Returns the number of connections. New connections are accepted; see
    /// [`refuse`](Self::refuse), and [`Gateway::stop`](crate::Gateway::stop) to close the ports.
    ///
    /// A command that is running may have taken effect, but its reply is not sent.
    pub fn cut(&self) -> usize {
        self.shared.connections.cut_where(|_| true)
    }

    /// Cuts the connections that have run `SUBSCRIBE`, `PSUBSCRIBE` or `SSUBSCRIBE`, like
    /// [`cut`](Self::cut). Returns the number of connections.
    pub fn cut_subscribers(&self) -> usize {
        self.shared.connections.cut_where(Connection::is_subscriber)
    }

    /// Cuts one connection, like [`cut`](Self::cut). Returns whether it was open; see
    /// [`Gateway::connections`](crate::Gateway::connections) for the IDs.
    pub fn cut_connection(&self, id: u64) -> bool {
        self.shared.connections.cut_where(|open| open.id() == id) > 0
    }

    /// Withholds every push, such as a published message, until the [`PushGuard`] is released or
    /// dropped. Replies are sent meanwhile, and `PUBLISH` counts its receivers as usual.
    ///
    /// Replaces the previous fault for pushes.
    #[must_use = "dropping the guard sends the pushes"]
    pub fn hold_pushes(&self) -> PushGuard {
        PushGuard::start(&self.shared.connections, true)
    }

    /// Loses every push, such as a published message, until the [`PushGuard`] is released or
    /// dropped, like a server that drops messages for slow clients.
    ///
    /// Replaces the previous fault for pushes.
    #[must_use = "dropping the guard ends the loss"]
    pub fn lose_pushes(&self) -> PushGuard {
        PushGuard::start(&self.shared.connections, false)
    }

    /// Pushes a list of strings to every WebSocket and TCP connection, regardless of subscriptions.
    /// Returns the number of connections.
    pub fn push(&self, words: &[&str]) -> usize {
        let frame = Frame::build(|reply| {
            reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
        });
        self.shared.connections.push(&frame)
    }

    /// Closes every new connection immediately until the [`RefuseGuard`] is dropped.
    #[must_use = "dropping it lets connections in"]
    pub fn refuse(&self) -> RefuseGuard {
        self.shared.refusals.refuse()
    }

    /// Freezes the gateway until the [`FreezeGuard`] is dropped: it accepts connections, but reads
    /// and answers nothing, including heartbeats and handshakes.
    #[must_use = "dropping it ends the silence"]
    pub fn freeze(&self) -> FreezeGuard {
        self.shared.freeze.freeze()
    }

    /// Returns how often a command has run, across all connections.
    pub fn executions(&self, command: &str) -> u64 {
        self.shared.executions.of(&command.to_ascii_uppercase())
    }

    /// Waits until a command has run `times` times, across all connections.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn executed(&self, command: &str, times: u64) {
        let name = command.to_ascii_uppercase();
        self.shared.executions.reached(name, times).await;
    }

    /// Returns how often each command has run. Names are in upper case.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.shared.executions.all()
    }

    pub(crate) fn count(&self, command: &str) {
        self.shared.executions.add(command);
    }

    /// Counts a reply if it is an error.
    pub(crate) fn count_error(&self, reply: FrameRef<'_>) {
        if let Some(text) = reply.error_bytes() {
            self.shared.errors.add(text);
        }
    }

    /// Returns how often each error code has been replied since the last reset.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.shared.errors.all()
    }

    pub(crate) fn reset_errors(&self) {
        self.shared.errors.reset();
    }

    /// Returns whether a fault may be planned.
    fn has_plans(&self) -> bool {
        self.shared.planned.load(Ordering::Acquire)
    }

    /// Takes the faults for the reply of this call. `command` is in upper case.
    pub(crate) fn reply_fault(&self, command: &str) -> ReplyFault {
        if !self.has_plans() {
            return ReplyFault::default();
        }
        (self.lock().get_mut(command)).map_or_else(ReplyFault::default, Plan::reply_fault)
    }

    /// Takes the reply that answers this call instead of running it. `command` is in upper case.
    pub(crate) fn answer_for(&self, command: &str) -> Option<Frame> {
        if !self.has_plans() {
            return None;
        }
        self.lock().get_mut(command)?.answer()
    }

    /// Returns whether the next call of a command is answered without running it.
    pub(crate) fn answers(&self, command: &str) -> bool {
        self.has_plans() && (self.lock().get(command)).is_some_and(Plan::has_answer)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.shared.freeze.is_active()
    }

    /// Waits until the gateway is not frozen.
    pub(crate) fn thawed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.freeze.ended()
    }

    pub(crate) fn refuses(&self) -> bool {
        self.shared.refusals.is_active()
    }

    /// Registers a connection that can be cut and, if it has an outbox, receives pushes.
    pub(crate) fn open(&self, opening: Opening, outbox: Option<&Arc<Outbox>>) -> Opened {
        self.shared.connections.open(opening, outbox)
    }

    /// Returns the open connections, in the order in which they were opened.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.shared.connections.list()
    }

    /// Returns the number of connections that were opened so far.
    pub(crate) fn connections_opened(&self) -> u64 {
        self.shared.connections.opened()
    }

    /// Adds a fault to the plan for a command.
    fn plan(&self, command: &str, uses: Uses, add: impl FnOnce(&mut Plan, Uses)) -> PlannedFault {
        self.change(command, |plan| add(plan, uses.clone()));
        PlannedFault { uses }
    }

    fn change(&self, command: &str, change: impl FnOnce(&mut Plan)) {
        change(self.lock().entry(command.to_ascii_uppercase()).or_default());
        self.shared.planned.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Plan>> {
        self.shared
            .plans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
