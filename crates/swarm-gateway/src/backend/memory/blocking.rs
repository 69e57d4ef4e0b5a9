//! Blocking commands: queueing, and serving the oldest waiters after every command.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};
use tokio::sync::{Notify, oneshot};

use super::call::{Block, Call};
use super::databases::Changes;
use super::notify;
use super::record::Executed;
use super::server::Server;
use super::table::{Run, Spec};
use super::tracking::Audience;
use super::{State, Store};
use crate::backend::{Called, Client};

const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// A waiting command.
#[derive(Debug)]
pub(super) struct Waiter {
    ticket: u64,
    /// Number of the database that the keys belong to.
    pub(super) database: usize,
    pub(super) keys: Vec<Bytes>,
    /// Command to run again when a key has changed. Without it, the waiter is only woken and runs
    /// its own command.
    command: Option<Command>,
    served: oneshot::Sender<()>,
    /// Notified when one of the keys has changed and the command still waits.
    touched: Arc<Notify>,
}

#[derive(Debug)]
struct Command {
    spec: &'static Spec,
    args: Vec<Bytes>,
    client: Client,
    protocol: RespVersion,
    /// Reply if nothing happens before the deadline.
    otherwise: Frame,
}

/// Removes a command from the queue when nobody awaits it any more.
struct Ticket {
    store: Arc<Store>,
    number: u64,
}

impl Ticket {
    /// Removes the command from the queue unless it has been served.
    fn take(&self, state: &mut State) -> Option<Waiter> {
        let waiting = &mut state.server.waiting;
        let at = (waiting.iter()).position(|waiter| waiter.ticket == self.number)?;
        Some(waiting.remove(at))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.take(&mut self.store.lock());
    }
}

impl Server {
    /// Returns whether a connection waits for data.
    pub(super) fn is_blocked(&self, id: u64) -> bool {
        let waits = |command: &Command| command.client.id == id;
        (self.waiting.iter()).any(|waiter| waiter.command.as_ref().is_some_and(waits))
    }

    /// Ends the wait of a connection with an error, or as if its time were over. Returns whether it
    /// waited.
    pub(super) fn unblock(&mut self, id: u64, with_error: bool) -> bool {
        let waits = |waiter: &Waiter| {
            let command = waiter.command.as_ref();
            command.is_some_and(|command| command.client.id == id)
        };
        let Some(at) = self.waiting.iter().position(waits) else {
            return false;
        };
        let waiter = self.waiting.remove(at);
        if waiter.served.is_closed() {
            return false;
        }
        if let Some(command) = &waiter.command {
            command.reply(match with_error {
                true => Frame::error(UNBLOCKED),
                false => command.otherwise.clone(),
            });
        }
        // If the receiver is gone, its ticket finds the waiter removed.
        let _ = waiter.served.send(());
        true
    }

    /// Forgets what a connection waits for, because the connection ends.
    pub(super) fn stop_waiting(&mut self, id: u64) {
        let waits = |command: &Command| command.client.id == id;
        (self.waiting).retain(|waiter| !waiter.command.as_ref().is_some_and(waits));
    }

    /// Queues a command behind those already waiting.
    fn line_up(
        &mut self,
        store: &Arc<Store>,
        keys: Vec<Bytes>,
        command: Option<Command>,
    ) -> (Ticket, oneshot::Receiver<()>, Arc<Notify>) {
        let database = self.databases.selected();
        let number = self.ticket();
        let (served, reply) = oneshot::channel();
        let touched = Arc::new(Notify::new());
        self.waiting.push(Waiter {
            ticket: number,
            database,
            keys,
            command,
            served,
            touched: touched.clone(),
        });
        let store = store.clone();
        (Ticket { store, number }, reply, touched)
    }
}

/// Waits for one of several keys to change.
pub(super) struct Waiting {
    ticket: Ticket,
    changed: oneshot::Receiver<()>,
    deadline: Option<i64>,
}

/// Queues a waiter that runs its own command.
pub(super) fn line_up(
    store: &Arc<Store>,
    state: &mut State,
    keys: Vec<Bytes>,
    deadline: Option<i64>,
) -> Waiting {
    state.observe(true);
    let (ticket, changed, _) = state.server.line_up(store, keys, None);
    Waiting {
        ticket,
        changed,
        deadline,
    }
}

impl Waiting {
    /// Waits for a change. Returns `false` on timeout.
    pub(super) async fn woken(mut self) -> bool {
        let store = self.ticket.store.clone();
        tokio::select! {
            // Borrowed, because dropping the receiver on timeout would look like a disconnected
            // client.
            _ = &mut self.changed => true,
            () = store.clock.until_some(self.deadline) => {
                self.ticket.take(&mut store.lock()).is_none()
            }
        }
    }
}

/// Queues a command that is run by whichever command changes its keys.
pub(super) fn wait(
    store: &Arc<Store>,
    state: &mut State,
    client: &Client,
    spec: &'static Spec,
    block: Block,
) -> Called {
    let command = Command {
        spec,
        args: block.args,
        client: client.clone(),
        protocol: client.outbox.protocol(),
        otherwise: block.otherwise,
    };
    let (database, keys) = (state.server.databases.selected(), block.keys.clone());
    state.observe(true);
    let (ticket, mut reply, touched) = (state.server).line_up(store, block.keys, Some(command));
    let store = store.clone();
    Called::Blocked(Box::pin(async move {
        let clock = ticket.store.clock.clone();
        tokio::select! {
            () = expire(&store, database, &keys, &touched) => {}
            // Borrowed, because dropping the receiver on timeout would look like a disconnected
            // client: a change at this moment would then discard the command, and nobody would
            // reply to it.
            _ = &mut reply => {}
            () = clock.until_some(block.deadline) => {
                let mut state = ticket.store.lock();
                let waiter = ticket.take(&mut state);
                if let Some(command) = waiter.and_then(|waiter| waiter.command) {
                    command.reply(command.otherwise.clone());
                }
            }
        }
    }))
}

/// Removes the keys when they expire, which may end the wait. Never returns.
async fn expire(store: &Store, database: usize, keys: &[Bytes], touched: &Notify) {
    loop {
        let deadline = store.lock().database(database).first_deadline(keys);
        tokio::select! {
            () = store.clock.until_some(deadline) => {}
            // The deadline may be another one.
            () = touched.notified() => continue,
        }
        let mut state = store.lock();
        let now = store.clock.unix_millis();
        state.expire_due(now, store.pace.is_none());
        settle(&mut state, Audience::All, now);
    }
}

impl Command {
    fn reply(&self, frame: Frame) {
        let faults = &self.client.faults;
        faults.count(self.spec.name);
        faults.count_error(frame.view());
        let fault = faults.reply_fault(self.spec.name);
        self.client.outbox.reply(frame, fault);
    }
}

/// Publishes events, announces changed keys to tracking clients, and serves or wakes the commands
/// waiting for them.
pub(super) fn settle(state: &mut State, audience: Audience, now: i64) {
    loop {
        let observed = !state.server.waiting.is_empty() || state.server.tracking.is_in_use();
        state.observe(observed);
        if state.server.busy.is_some() {
            // What a script or EXEC has changed so far shows once it has ended.
            return;
        }
        if !state.has_news() && state.server.ready.is_empty() {
            return;
        }
        notify::publish(state);
        let changes = state.take_changes();
        let mut ready = std::mem::take(&mut state.server.ready);
        if changes.is_empty() && ready.is_empty() {
            return;
        }
        for changes in changes {
            if !state.keyspace.is_by_command() {
                invalidate(&mut state.server, &changes, audience);
            }
            if !state.server.waiting.is_empty() {
                let keys = changes.keys.into_iter();
                ready.extend(keys.map(|key| (changes.database, key)));
            }
        }
        serve(state, ready, now);
    }
}

/// Notifies tracking clients of changed keys, and of the moments when all were removed.
fn invalidate(server: &mut Server, changes: &Changes, audience: Audience) {
    let mut start = 0;
    let keys = |from: usize, to: usize| changes.keys.get(from..to).unwrap_or_default();
    for cleared in &changes.cleared {
        server.invalidate(keys(start, cleared.range.start), audience);
        if cleared.announce {
            server.invalidate_all();
        }
        start = cleared.range.end;
    }
    server.invalidate(keys(start, changes.keys.len()), audience);
}

/// Serves or wakes the commands that wait for keys: in the order in which the keys have changed,
/// and for each key, in the order in which the commands have started to wait.
fn serve(state: &mut State, ready: Vec<(usize, Bytes)>, now: i64) {
    let mut seen = HashSet::new();
    for (database, key) in ready {
        let waits = |waiter: &&Waiter| waiter.database == database && waiter.keys.contains(&key);
        let concerned = state.server.waiting.iter().filter(waits);
        let tickets: Vec<u64> = concerned.map(|waiter| waiter.ticket).collect();
        if tickets.is_empty() || !seen.insert((database, key.clone())) {
            continue;
        }
        for ticket in tickets {
            let places = &mut state.server.waiting.iter();
            let Some(at) = places.position(|waiter| waiter.ticket == ticket) else {
                continue;
            };
            // Taken out while the command runs.
            let waiter = state.server.waiting.remove(at);
            if waiter.served.is_closed() {
                continue;
            }
            waiter.touched.notify_one();
            if state.server.loses_wake_up() {
                state.server.waiting.insert(at, waiter);
                continue;
            }
            if let Some(command) = &waiter.command {
                let Some(frame) = rerun(state, command, database, &key, now) else {
                    state.server.waiting.insert(at, waiter);
                    continue;
                };
                command.reply(frame);
            }
            // If the receiver is gone, its ticket finds the waiter removed.
            let _ = waiter.served.send(());
        }
    }
}

/// Runs a waiting command again. Returns `None` if it still has nothing to reply.
fn rerun(
    state: &mut State,
    command: &Command,
    database: usize,
    key: &Bytes,
    now: i64,
) -> Option<Frame> {
    let Run::Data(run) = command.spec.run else {
        return None;
    };
    state.select(database);
    let mut call = Call {
        keyspace: &mut state.keyspace,
        server: &mut state.server,
        client: &command.client,
        args: &command.args,
        now,
        protocol: command.protocol,
        in_script: false,
        subscribed: false,
        again: true,
        ready: Some(key.clone()),
        block: None,
    };
    let started = Instant::now();
    let reply = run(&mut call);
    let is_done = call.block.is_none();
    if is_done {
        state.server.record(&Executed {
            spec: command.spec,
            args: &command.args,
            client: Some(command.client.id),
            started,
            now,
        });
    }
    if is_done && reply.is_err() {
        *state.server.failed.entry(command.spec.name).or_default() += 1;
    }
    let line_breaks = command.client.quirks.line_breaks;
    is_done.then(|| reply.unwrap_or_else(|reject| reject.frame(line_breaks)))
}
