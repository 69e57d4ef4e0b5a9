//! Commands that wait for data, and what happens after every command: waiting ones are served, oldest first.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::{Frame, RespVersion};
use tokio::sync::oneshot;

use super::call::{Block, Call};
use super::server::Server;
use super::table::{Run, Spec};
use super::tracking::Audience;
use super::{State, Store};
use crate::backend::{Called, Client};

/// A command that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    ticket: u64,
    keys: Vec<Bytes>,
    /// What is run again when a key has changed; without it, the command is woken and runs by itself.
    command: Option<Command>,
    served: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Command {
    spec: &'static Spec,
    args: Vec<Bytes>,
    client: Client,
    protocol: RespVersion,
}

/// Withdraws a command when nobody waits for it any more.
struct Ticket {
    store: Arc<Store>,
    number: u64,
}

impl Ticket {
    /// Takes the command out of the queue, unless it was served before.
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
    /// Lines a command up behind those that wait already.
    fn line_up(
        &mut self,
        store: &Arc<Store>,
        keys: Vec<Bytes>,
        command: Option<Command>,
    ) -> (Ticket, oneshot::Receiver<()>) {
        let number = self.ticket();
        let (served, reply) = oneshot::channel();
        self.waiting.push(Waiter {
            ticket: number,
            keys,
            command,
            served,
        });
        let store = store.clone();
        (Ticket { store, number }, reply)
    }
}

/// A command that is woken when one of its keys has changed.
pub(super) struct Waiting {
    ticket: Ticket,
    changed: oneshot::Receiver<()>,
    deadline: Option<i64>,
}

/// Lines a command up that runs again by itself.
pub(super) fn line_up(
    store: &Arc<Store>,
    state: &mut State,
    keys: Vec<Bytes>,
    deadline: Option<i64>,
) -> Waiting {
    let (ticket, changed) = state.server.line_up(store, keys, None);
    Waiting {
        ticket,
        changed,
        deadline,
    }
}

impl Waiting {
    /// Returns whether a key has changed, or the time is over.
    pub(super) async fn woken(mut self) -> bool {
        let store = self.ticket.store.clone();
        tokio::select! {
            // Borrowed, so that the command is not taken for one whose client is gone while its time is up.
            _ = &mut self.changed => true,
            () = store.clock.until_some(self.deadline) => {
                self.ticket.take(&mut store.lock()).is_none()
            }
        }
    }
}

/// Lines a command up that is served by whoever changes its keys.
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
    };
    let (ticket, mut reply) = state.server.line_up(store, block.keys, Some(command));
    Called::Blocked(Box::pin(async move {
        let clock = ticket.store.clock.clone();
        tokio::select! {
            // Borrowed: were it dropped when the time is up, a change at this moment would take the command for one whose
            // client is gone, and nobody would reply to it.
            _ = &mut reply => {}
            () = clock.until_some(block.deadline) => {
                let mut state = ticket.store.lock();
                let waiter = ticket.take(&mut state);
                if let Some(command) = waiter.and_then(|waiter| waiter.command) {
                    command.reply(Frame::null_array());
                }
            }
        }
    }))
}

impl Command {
    fn reply(&self, frame: Frame) {
        let faults = &self.client.faults;
        faults.count(self.spec.name);
        let fault = faults.reply_fault(self.spec.name);
        self.client.outbox.reply(frame, fault);
    }
}

/// Tells who tracks the keys that changed, and serves or wakes those who wait for them.
pub(super) fn settle(state: &mut State, audience: Audience, now: i64) {
    loop {
        let changed = state.keyspace.take_changed();
        if changed.is_empty() {
            return;
        }
        let Server {
            tracking, peers, ..
        } = &mut state.server;
        for key in &changed {
            tracking.changed(peers, key, audience);
        }
        // Taken out while their commands run, which may change other keys.
        let waiting = std::mem::take(&mut state.server.waiting);
        for waiter in waiting {
            let concerned = waiter.keys.iter().any(|key| changed.contains(key));
            if waiter.served.is_closed() {
                continue;
            }
            if !concerned || state.server.loses_wake_up() {
                state.server.waiting.push(waiter);
                continue;
            }
            if let Some(command) = &waiter.command {
                let Some(frame) = rerun(state, command, now) else {
                    state.server.waiting.push(waiter);
                    continue;
                };
                command.reply(frame);
            }
            // The receiver may be gone; its ticket finds nothing then.
            let _ = waiter.served.send(());
        }
    }
}

/// Runs a waiting command again; `None` when it still has nothing to reply.
fn rerun(state: &mut State, command: &Command, now: i64) -> Option<Frame> {
    let Run::Data(run) = command.spec.run else {
        return None;
    };
    let mut call = Call {
        keyspace: &mut state.keyspace,
        server: &mut state.server,
        client: &command.client,
        args: &command.args,
        now,
        protocol: command.protocol,
        subscribed: false,
        again: true,
        block: None,
    };
    let reply = run(&mut call);
    let line_breaks = command.client.quirks.line_breaks;
    (call.block.is_none()).then(|| reply.unwrap_or_else(|reject| reject.frame(line_breaks)))
}
