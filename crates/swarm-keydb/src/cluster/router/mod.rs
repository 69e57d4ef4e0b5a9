//! Sends calls to the nodes that the machine chooses, and tells the machine how they end.
//!
//! One lock guards the machine and the connections. A call enters the queue of its connection under
//! that lock, so that calls of a slot enter it in the order in which the machine has released them.
//! Redirects are followed by whoever receives the reply, which is the task of the connection, so
//! they depend on no caller being polled.

mod task;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use swarm_resp::Frame;
use tokio::sync::Notify;

use super::address::Address;
use super::machine::{Machine, NodeId, Output, Ticket, Unrun, Why};
use super::options::Settled;
use super::readers::Readers;
use super::refusal::Refusal;
use super::routed::Routed;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::options::RetryPolicy;
use crate::request_reply::{
    Answers, Call, ConnectionHandle, Enqueued, ReplyReceiver, ReplySender, Requests, Retry, Timing,
    deadline_in, reply_channel,
};
use crate::runtime::{Instant, Tasks};
use crate::status::State as Link;

/// Sends calls to the nodes of a cluster.
pub(super) struct Router {
    state: Mutex<State>,
    /// Calls that were dropped without a result, and whether there are any. Behind a lock of their
    /// own, because a call may be dropped while the other lock is held.
    dropped: Mutex<Vec<(Ticket, Requests)>>,
    has_dropped: AtomicBool,
    /// Wakes the router's task.
    changed: Notify,
    /// Wakes the task of the subscriptions: slots have moved, or nodes have failed or left.
    moved: Notify,
    options: Settled,
    tasks: Tasks,
}

pub(super) struct State {
    pub(super) machine: Machine<Box<Routed>>,
    /// Connections by node.
    nodes: Vec<Option<Client>>,
    /// Connections to replicas, for reads.
    pub(super) readers: Readers,
    pub(super) is_closed: bool,
}

/// A call that was submitted.
pub(super) enum Submitted {
    Waiting,
    /// Waits for capacity in the queue of a node.
    Enqueueing(Enqueueing),
}

/// Waits for capacity in the queue of a node.
pub(super) type Enqueueing = std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

impl Router {
    /// Connects to the first seed that answers, and learns the topology.
    pub(super) async fn connect(options: Settled) -> Result<Arc<Self>> {
        let tasks = Tasks::current().map_err(Error::config)?;
        let machine = Machine::new(options.seeds.clone(), fastrand::Rng::new());
        let router = Arc::new(Self {
            state: Mutex::new(State {
                machine,
                nodes: Vec::new(),
                readers: Readers::default(),
                is_closed: false,
            }),
            dropped: Mutex::default(),
            has_dropped: AtomicBool::new(false),
            changed: Notify::new(),
            moved: Notify::new(),
            options,
            tasks,
        });
        let mut error = Error::config("url: no node given");
        for seed in &router.options.seeds {
            match router.ask_seed(seed).await {
                Ok(()) => {
                    router.tasks.spawn(Arc::clone(&router).run());
                    return Ok(router);
                }
                Err(failed) => error = failed,
            }
        }
        router.close_nodes();
        Err(error)
    }

    async fn ask_seed(self: &Arc<Self>, seed: &Address) -> Result<()> {
        let client = Client::connect(self.options.node(seed)).await?;
        let node = {
            let mut state = self.lock();
            let node = state.machine.seed(seed);
            self.adopt(&mut state, node, client);
            node
        };
        let ranges = self.fetch(node).await?;
        let mut state = self.lock();
        state.machine.refreshed(&ranges, Instant::now());
        self.obey(state);
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so a poisoned state is intact.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn retry_policy(&self) -> RetryPolicy {
        self.options.client().retry
    }

    pub(super) const fn options(&self) -> &Settled {
        &self.options
    }

    /// Returns the address of a node, as the cluster announces it.
    pub(super) fn announced(&self, node: NodeId) -> Option<Address> {
        self.lock().machine.address(node).cloned()
    }

    /// Sends a call, or parks it until that is possible.
    ///
    /// # Errors
    ///
    /// If the client is closed.
    pub(super) fn submit(
        self: &Arc<Self>,
        slot: u16,
        mut routed: Box<Routed>,
        timeout: Duration,
    ) -> Result<Submitted, Failure> {
        let deadline = deadline_in(timeout);
        let mut state = self.lock();
        if state.is_closed {
            return Err(Failure::Closed { sent: false });
        }
        let (ticket, sends) = state.machine.submit(slot, deadline);
        if !sends {
            state.machine.park(ticket, routed, Instant::now());
            self.obey(state);
            self.changed.notify_one();
            return Ok(Submitted::Waiting);
        }
        let Some(connection) = self.connection(&mut state, ticket.node) else {
            routed.ticket = Some(ticket);
            drop(state);
            self.again(routed, Unrun::Returned);
            return Ok(Submitted::Waiting);
        };
        let requests = routed.start(ticket);
        let retry = routed.retry;
        let mut call = Box::new(Call::new(requests, retry, false));
        call.awaited_by(ReplySender::routed(routed), timing(timeout));
        let enqueued = connection.enqueue(call);
        drop(state);
        match enqueued {
            Enqueued::Done => Ok(Submitted::Waiting),
            Enqueued::Full(call, size) => {
                let enqueueing = connection.enqueue_when_free(call, size);
                Ok(Submitted::Enqueueing(Box::pin(enqueueing)))
            }
            Enqueued::Closed => Err(connection.why_ended()),
        }
    }

    /// A call has ended.
    pub(super) fn ended(self: &Arc<Self>, ticket: &Ticket, routed: &Routed, ran: bool, late: bool) {
        let mut state = self.lock();
        self.take_dropped(&mut state);
        if late {
            state.machine.doubt(ticket);
        }
        if state.machine.ended(ticket.slot) {
            if ran {
                state
                    .machine
                    .overtook(ticket, |other| other.conflicts(routed));
            }
            state.machine.release(ticket.slot, Instant::now());
            self.obey(state);
        }
    }

    /// A call has certainly not run, or may be sent again.
    pub(super) fn again(self: &Arc<Self>, mut routed: Box<Routed>, why: Unrun) {
        let mut state = self.lock();
        self.take_dropped(&mut state);
        let Some(ticket) = routed.ticket.take() else {
            return;
        };
        if state.is_closed {
            state.machine.ended(ticket.slot);
            drop(state);
            drop(routed.fail(Why::Closed));
            return;
        }
        let is_moved = matches!(why, Unrun::Refused(Refusal::Moved(..)));
        state.machine.refused(ticket, routed, why, Instant::now());
        self.obey(state);
        if is_moved {
            self.moved.notify_one();
        }
        // Deadlines and the time of the next fetch may be earlier now.
        self.changed.notify_one();
    }

    /// A call was dropped without a result.
    pub(super) fn dropped(&self, ticket: Ticket, requests: Requests) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.push((ticket, requests));
        self.has_dropped.store(true, Ordering::Release);
        drop(dropped);
        self.changed.notify_one();
    }

    fn take_dropped(self: &Arc<Self>, state: &mut State) {
        if !self.has_dropped.load(Ordering::Acquire) {
            return;
        }
        let dropped = {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            self.has_dropped.store(false, Ordering::Release);
            std::mem::take(&mut *dropped)
        };
        for (ticket, requests) in dropped {
            // It may have been sent.
            if state.machine.ended(ticket.slot) {
                let routed = Routed::gone(self, requests);
                state
                    .machine
                    .overtook(&ticket, |other| other.conflicts(&routed));
                state.machine.release(ticket.slot, Instant::now());
            }
        }
    }

    /// Does what the machine asks for. Callers learn of it after the lock is released.
    fn obey(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut failed = Vec::new();
        let mut closed = Vec::new();
        while let Some(output) = state.machine.next_output() {
            match output {
                Output::Send(ticket, routed) => self.resend(&mut state, ticket, routed),
                Output::Fail(routed, why) => failed.push((routed, why)),
                Output::Withdraw(node) => {
                    if let Some(Some(client)) = state.nodes.get(node.index()) {
                        client.connection().withdraw();
                    }
                }
                Output::Close(node) => {
                    closed.extend(state.nodes.get_mut(node.index()).and_then(Option::take));
                    closed.extend(state.readers.take(node));
                }
            }
        }
        drop(state);
        for (routed, why) in failed {
            drop(routed.fail(why));
        }
        for client in closed {
            client.connection().withdraw();
            let _closing = client.connection().close(None);
        }
    }

    fn resend(self: &Arc<Self>, state: &mut State, ticket: Ticket, mut routed: Box<Routed>) {
        let now = Instant::now();
        let timeout = ticket.deadline.saturating_duration_since(now);
        let Some(connection) = self.connection(state, ticket.node) else {
            return state.machine.refused(ticket, routed, Unrun::Returned, now);
        };
        let requests = routed.start(ticket);
        let retry = routed.retry;
        let mut call = Box::new(Call::new(requests, retry, false));
        call.awaited_by(ReplySender::routed(routed), timing(timeout));
        // Dropping the call of a connection that has ended reports it as dropped.
        drop(connection.enqueue_dispatched(call));
    }

    /// Returns the connection to a node, which is opened if there is none.
    fn connection(self: &Arc<Self>, state: &mut State, node: NodeId) -> Option<ConnectionHandle> {
        self.client_in(state, node)
            .map(|client| client.connection().clone())
    }

    fn client_in<'a>(self: &Arc<Self>, state: &'a mut State, node: NodeId) -> Option<&'a Client> {
        let is_open = |client: &Client| client.connection().check_open().is_ok();
        let known = state.nodes.get(node.index()).and_then(Option::as_ref);
        if !known.is_some_and(is_open) {
            let address = state.machine.address(node)?;
            let _context = self.tasks.enter();
            let client = Client::connect_lazy(self.options.node(address)).ok()?;
            self.adopt(state, node, client);
        }
        state.nodes.get(node.index())?.as_ref()
    }

    /// Returns the client of a node.
    pub(super) fn client(self: &Arc<Self>, node: NodeId) -> Option<Client> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        self.client_in(&mut state, node).cloned()
    }

    /// Uses a client for a node, and watches its state.
    fn adopt(self: &Arc<Self>, state: &mut State, node: NodeId, client: Client) {
        let mut links = client.watch_state();
        if links.get() == Link::Connected {
            state.machine.node_up(node);
        }
        let router = Arc::downgrade(self);
        self.tasks.spawn(async move {
            while let Some(link) = links.changed().await {
                let Some(router) = router.upgrade() else {
                    return;
                };
                router.note_link(node, link);
            }
        });
        let at = node.index();
        if state.nodes.len() <= at {
            state.nodes.resize_with(at + 1, || None);
        }
        if let Some(place) = state.nodes.get_mut(at) {
            *place = Some(client);
        }
    }

    fn note_link(self: &Arc<Self>, node: NodeId, link: Link) {
        let mut state = self.lock();
        match link {
            Link::Connected => state.machine.node_up(node),
            Link::Connecting => {}
            _ => state.machine.node_down(node, Instant::now()),
        }
        self.obey(state);
        self.changed.notify_one();
        self.moved.notify_one();
    }

    /// A node has said to whom a slot belongs, in reply to a command that has no order with others.
    pub(super) fn learn(self: &Arc<Self>, slot: u16, owner: &Address) {
        let mut state = self.lock();
        let node = state.machine.seed(owner);
        state.machine.moved(slot, node, Instant::now());
        self.obey(state);
        self.changed.notify_one();
        self.moved.notify_one();
    }

    /// Returns the node at an address that a redirect names.
    pub(super) fn node_at(&self, address: &Address) -> Option<NodeId> {
        Some(self.lock().machine.seed(address))
    }

    /// Requests that the topology be fetched soon.
    pub(super) fn request_refresh(&self) {
        self.lock().machine.request_refresh(Instant::now());
        self.changed.notify_one();
    }

    /// Resolves when slots have moved, or nodes have failed or left, since the last time.
    pub(super) async fn moves(&self) {
        self.moved.notified().await;
    }

    pub(super) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Whether the client is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Looks something up in the machine.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Machine<Box<Routed>>) -> T) -> T {
        at(&self.lock().machine)
    }

    /// Fails parked calls, and stops the router's task. Returns the clients of all nodes.
    fn close_nodes(self: &Arc<Self>) -> Vec<Client> {
        let mut state = self.lock();
        state.is_closed = true;
        state.machine.close();
        let readers = state.readers.take_all();
        let clients = std::mem::take(&mut state.nodes);
        self.obey(state);
        self.changed.notify_one();
        self.moved.notify_one();
        clients.into_iter().flatten().chain(readers).collect()
    }

    /// Closes the connections to all nodes, once all calls that were sent are answered.
    pub(super) async fn close(self: &Arc<Self>) {
        let closing: Vec<_> = (self.close_nodes().into_iter())
            .map(|client| async move { client.close().await })
            .collect();
        super::join::join_all(closing).await;
    }

    /// Like [`close`](Self::close), in the background.
    pub(super) fn abandon(self: &Arc<Self>) {
        drop(self.close_nodes());
    }
}

/// Time limits of a request to a node.
pub(super) const fn timing(timeout: Duration) -> Timing {
    Timing {
        timeout,
        grows: false,
        blocks: false,
    }
}

/// Returns the reply to a single request.
pub(super) fn only(answers: Answers) -> Result<Frame, Failure> {
    let mut replies = answers.replies;
    replies
        .pop()
        .unwrap_or_else(|| Err(Failure::runtime_gone(true)))
}

/// Creates a call of one request.
pub(super) fn one(
    router: &Arc<Router>,
    requests: Requests,
    retry: Retry,
    waiter: Option<Waker>,
) -> (Box<Routed>, ReplyReceiver) {
    let (sender, receiver) = reply_channel(waiter);
    (Routed::one(router, requests, retry, sender), receiver)
}
