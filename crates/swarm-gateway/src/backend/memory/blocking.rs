//! Commands that wait for data, and what happens after every command: waiting ones are served, oldest first.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::{Frame, Protocol};
use tokio::sync::oneshot;

use super::call::{Block, Call};
use super::server::Server;
use super::table::{Run, Spec};
use super::{State, Store};
use crate::backend::{Called, Client};

/// A command that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    ticket: u64,
    keys: Vec<Bytes>,
    spec: &'static Spec,
    args: Vec<Bytes>,
    client: Client,
    protocol: Protocol,
    served: oneshot::Sender<()>,
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

/// Lines a command up behind those that wait already.
pub(super) fn wait(
    store: &Arc<Store>,
    state: &mut State,
    client: &Client,
    spec: &'static Spec,
    block: Block,
) -> Called {
    let number = state.server.ticket();
    let (served, reply) = oneshot::channel();
    state.server.waiting.push(Waiter {
        ticket: number,
        keys: block.keys,
        spec,
        args: block.args,
        client: client.clone(),
        protocol: client.outbox.protocol(),
        served,
    });
    let ticket = Ticket {
        store: store.clone(),
        number,
    };
    Called::Blocked(Box::pin(async move {
        let clock = ticket.store.clock.clone();
        let timeout = async {
            match block.deadline {
                Some(deadline) => clock.until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = reply => {}
            () = timeout => {
                let mut state = ticket.store.lock();
                if let Some(waiter) = ticket.take(&mut state) {
                    waiter.reply(Frame::null_array());
                }
            }
        }
    }))
}

impl Waiter {
    fn reply(&self, frame: Frame) {
        let faults = &self.client.faults;
        faults.count(self.spec.name);
        let obstacle = faults.obstacle(self.spec.name);
        self.client.outbox.reply(frame, obstacle);
    }
}

/// Tells who tracks the keys that changed, by a client's hand if any, and serves those who wait for them.
pub(super) fn settle(state: &mut State, by: Option<u64>, now: i64) {
    loop {
        let changed = state.keyspace.take_changed();
        if changed.is_empty() {
            return;
        }
        let Server {
            tracking, peers, ..
        } = &mut state.server;
        for key in &changed {
            tracking.changed(peers, key, by);
        }
        // Taken out while their commands run, which may change other keys.
        let waiting = std::mem::take(&mut state.server.waiting);
        for waiter in waiting {
            let concerned = waiter.keys.iter().any(|key| changed.contains(key));
            if waiter.served.is_closed() {
                continue;
            }
            match concerned.then(|| rerun(state, &waiter, now)).flatten() {
                Some(frame) => {
                    waiter.reply(frame);
                    // The receiver may be gone; its ticket finds nothing then.
                    let _ = waiter.served.send(());
                }
                None => state.server.waiting.push(waiter),
            }
        }
    }
}

/// Runs a waiting command again; `None` when it still has nothing to reply.
fn rerun(state: &mut State, waiter: &Waiter, now: i64) -> Option<Frame> {
    let Run::Data(run) = waiter.spec.run else {
        return None;
    };
    let mut call = Call {
        keyspace: &mut state.keyspace,
        server: &mut state.server,
        client: &waiter.client,
        args: &waiter.args,
        now,
        protocol: waiter.protocol,
        subscribed: false,
        again: true,
        block: None,
    };
    let reply = run(&mut call);
    (call.block.is_none()).then(|| reply.unwrap_or_else(Frame::from))
}
