//! Task that keeps each subscription at the right node.
//!
//! A subscription is at one node at a time. It leaves a node if that node says that it has lost the
//! slot (MOVED), if its client is closed, or if this task releases it because another node is right
//! now. In all cases, the node's connection returns the subscription's sink, and so delivers no
//! event afterwards.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::machine::NodeId;
use super::refusal::Refusal;
use super::router::Router;
use super::slot::slot_of;
use crate::failure::Failure;
use crate::pubsub::{EventSink, Home, Name, Placed, Returned, Submission};
use crate::runtime::{Instant, sleep_until};

/// First and longest delay before a subscription that was returned soon is tried again.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// How long a subscription must be at a node before the delays start over.
const STABLE: Duration = Duration::from_secs(2);

/// The subscriptions of a client.
#[derive(Default)]
pub(super) struct Subscriptions {
    /// Channel to the task that finds their nodes, once a subscription has needed it.
    task: Mutex<Option<mpsc::UnboundedSender<Submission>>>,
    next_id: AtomicU64,
}

impl Subscriptions {
    /// Returns the channel to the task, which starts if it does not run, and the identity of a new
    /// subscription.
    pub(super) fn task(&self, router: &Arc<Router>) -> (mpsc::UnboundedSender<Submission>, u64) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        // No code panics while it holds the lock.
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let open = task.take().filter(|task| !task.is_closed());
        let task = task.insert(open.unwrap_or_else(|| Follow::spawn(router)));
        (task.clone(), id)
    }
}

/// Keeps each subscription at the right node.
struct Follow {
    router: Arc<Router>,
    submissions: mpsc::UnboundedReceiver<Submission>,
    returns: mpsc::UnboundedReceiver<Returned>,
    home: mpsc::UnboundedSender<Returned>,
    subscriptions: HashMap<u64, Followed>,
    /// The node of all subscriptions that any node can have.
    any: Option<NodeId>,
}

/// A subscription.
struct Followed {
    names: Vec<Name>,
    /// The slot of sharded channels.
    slot: Option<u16>,
    place: Place,
    delays: u32,
}

enum Place {
    Nowhere(EventSink, Instant),
    At {
        node: NodeId,
        since: Instant,
        placed: Placed,
    },
    /// Its sink is on its way back from a node that is not right any more.
    Leaving {
        _placed: Option<Placed>,
    },
}

impl Follow {
    /// Starts the task, which ends when all senders of submissions are dropped.
    fn spawn(router: &Arc<Router>) -> mpsc::UnboundedSender<Submission> {
        let (sender, submissions) = mpsc::unbounded_channel();
        let (home, returns) = mpsc::unbounded_channel();
        let follow = Self {
            router: Arc::clone(router),
            submissions,
            returns,
            home,
            subscriptions: HashMap::new(),
            any: None,
        };
        router.tasks().spawn(follow.run());
        sender
    }

    async fn run(mut self) {
        loop {
            let due = self.place_due();
            let timer = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                submission = self.submissions.recv() => match submission {
                    Some(submission) => self.submitted(submission),
                    None => return,
                },
                Some(returned) = self.returns.recv() => self.returned(returned),
                () = self.router.moves() => self.check(),
                () = timer => {}
            }
        }
    }

    fn submitted(&mut self, submission: Submission) {
        match submission {
            Submission::Subscribe { id, names, sink } => {
                let is_sharded = names.first().is_some_and(Name::is_sharded);
                let followed = Followed {
                    slot: slot(&names).filter(|_| is_sharded),
                    names,
                    place: Place::Nowhere(sink, Instant::now()),
                    delays: 0,
                };
                self.subscriptions.insert(id, followed);
            }
            // The node learns of it when the place is dropped.
            Submission::Unsubscribe(id) | Submission::Release(id) => {
                self.subscriptions.remove(&id);
            }
        }
    }

    /// A node has returned a subscription.
    fn returned(&mut self, returned: Returned) {
        let Returned { id, sink, why } = returned;
        let Some(followed) = self.subscriptions.get_mut(&id) else {
            return;
        };
        let now = Instant::now();
        let mut at = now;
        if let Place::At { node, since, .. } = followed.place {
            if !self.router.accepts(followed.slot, node, &why) {
                self.subscriptions.remove(&id);
                return sink.fail(why);
            }
            if now.saturating_duration_since(since) > STABLE {
                followed.delays = 0;
            }
            at = now + followed.next_delay();
        }
        followed.place = Place::Nowhere(sink, at);
    }

    /// Places the subscriptions that are nowhere, if they are due. Returns when the next one is.
    fn place_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let is_due =
            |followed: &Followed| matches!(followed.place, Place::Nowhere(_, at) if at <= now);
        let due = self.subscriptions.iter();
        let due = due.filter(|(_, followed)| is_due(followed));
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for id in due {
            if let Some(mut followed) = self.subscriptions.remove(&id)
                && let Place::Nowhere(sink, _) = followed.leave()
                && self.place(id, &mut followed, sink, now)
            {
                self.subscriptions.insert(id, followed);
            }
        }
        let waiting = self.subscriptions.values();
        let waiting = waiting.filter_map(|followed| match followed.place {
            Place::Nowhere(_, at) => Some(at),
            _ => None,
        });
        waiting.min()
    }

    /// Places a subscription at the right node. Returns false if it has ended.
    fn place(&mut self, id: u64, followed: &mut Followed, sink: EventSink, now: Instant) -> bool {
        if sink.is_ended() {
            return false;
        }
        if self.router.is_closed() {
            sink.fail(Failure::Closed { sent: false });
            return false;
        }
        let node = match followed.slot {
            Some(slot) => self.router.look(|machine| machine.owner(slot)),
            None => self.any_node(),
        };
        let client = node.and_then(|node| self.router.client(node));
        followed.place = match node.zip(client) {
            Some((node, client)) => {
                let returns = self.home.clone();
                let placed = client.host(followed.names.clone(), sink, Home { id, returns });
                Place::At {
                    node,
                    since: now,
                    placed,
                }
            }
            None => {
                self.router.request_refresh();
                Place::Nowhere(sink, now + FIRST_DELAY.max(followed.next_delay()))
            }
        };
        true
    }

    /// Returns the node of subscriptions that any node can have.
    fn any_node(&mut self) -> Option<NodeId> {
        let is_good = |node: &NodeId| !self.router.look(|machine| machine.is_down(*node));
        if self.any.filter(is_good).is_none() {
            self.any = self.router.any_primary();
        }
        self.any
    }

    /// Nodes have failed, left, or lost slots: releases the subscriptions that are wrong there now.
    fn check(&mut self) {
        let is_closed = self.router.is_closed();
        let now = Instant::now();
        for followed in self.subscriptions.values_mut() {
            let node = match &mut followed.place {
                Place::At { node, .. } => *node,
                Place::Leaving { .. } => continue,
                Place::Nowhere(_, at) => {
                    if is_closed {
                        *at = now;
                    }
                    continue;
                }
            };
            let is_wrong = self.router.look(|machine| match followed.slot {
                Some(slot) => machine.owner(slot).is_some_and(|owner| owner != node),
                None => machine.is_down(node),
            });
            if is_closed || !is_wrong {
                continue;
            }
            if let Place::At { placed, .. } = followed.leave() {
                placed.release();
                followed.place = Place::Leaving {
                    _placed: Some(placed),
                };
            }
        }
    }
}

impl Followed {
    fn leave(&mut self) -> Place {
        std::mem::replace(&mut self.place, Place::Leaving { _placed: None })
    }

    fn next_delay(&mut self) -> Duration {
        let delays = self.delays;
        self.delays = delays.saturating_add(1);
        match delays {
            0 => Duration::ZERO,
            _ => FIRST_DELAY
                .saturating_mul(1 << (delays - 1).min(8))
                .min(LONGEST_DELAY),
        }
    }
}

impl Router {
    /// Whether a subscription that has ended at a node may succeed at another one, or later. Learns
    /// what the node has said about the slot.
    fn accepts(self: &Arc<Self>, slot: Option<u16>, node: NodeId, why: &Failure) -> bool {
        let refusal = match why {
            Failure::Closed { .. } => {
                self.request_refresh();
                return true;
            }
            Failure::Server(error) => {
                let from = self.announced(node);
                from.and_then(|from| Refusal::of(error, &from))
            }
            _ => None,
        };
        match (refusal, slot) {
            (Some(Refusal::Moved(moved, owner)), Some(slot)) if moved == slot => {
                self.learn(slot, &owner);
                true
            }
            (Some(_), _) => {
                self.request_refresh();
                true
            }
            (None, _) => false,
        }
    }
}

/// Returns the slot of sharded channels; `None` if they have several.
pub(super) fn slot(names: &[Name]) -> Option<u16> {
    let mut slots = names.iter().map(|name| slot_of(name.text()));
    let slot = slots.next()?;
    slots.all(|other| other == slot).then_some(slot)
}
