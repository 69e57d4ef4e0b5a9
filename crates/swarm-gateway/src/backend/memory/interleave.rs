//! Non-atomic execution, as on the deployed server: a command reads first and then writes key by
//! key, and other commands run in between.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::Frame;
use tokio::sync::watch;

use super::blocking::{self, Waiting};
use super::call::{Call, Reply, ok};
use super::keyspace::Write;
use super::reject::Reject;
use super::table::{Reads, Run, Spec};
use super::tracking::{self, Audience};
use super::{State, Store, upstream};
use crate::backend::{Called, Client};
use crate::write_queue::Flushes;

/// Timing of interleaved commands.
#[derive(Debug)]
pub(crate) struct Pacing {
    /// Queue that each write waits for. Without it, a command only yields to others.
    pub(crate) queue: Option<Arc<Flushes>>,
    /// Time after which a script is answered with `BUSY`; unlimited if `None`.
    script_limit: Option<Duration>,
    /// Held by commands that run one at a time for the whole server.
    serial: tokio::sync::Mutex<()>,
}

impl Pacing {
    pub(crate) fn new(queue: Option<Arc<Flushes>>, script_limit: Option<Duration>) -> Self {
        Self {
            queue,
            script_limit,
            serial: tokio::sync::Mutex::default(),
        }
    }
}

/// Outcome of a command's read phase.
enum Step {
    /// Neither writes nor blocks.
    Done(Reply),
    /// Writes, and is then complete.
    Write(Reply, Vec<Write>),
    /// Blocks for data, and then runs again with these arguments.
    Wait(Waiting, Vec<Bytes>),
}

/// Runs the commands of a connection without atomicity.
#[derive(Clone)]
pub(super) struct Interleaver {
    store: Arc<Store>,
    pace: Arc<Pacing>,
    client: Client,
    /// Clients to notify of the writes.
    audience: Audience,
    subscribed: bool,
    /// Set while the command is blocked, so that a disconnected client cancels it.
    blocked: watch::Sender<bool>,
}

impl Interleaver {
    pub(super) fn new(
        store: &Arc<Store>,
        pace: &Arc<Pacing>,
        client: &Client,
        subscribed: bool,
    ) -> Self {
        Self {
            store: store.clone(),
            pace: pace.clone(),
            client: client.clone(),
            audience: Audience::of(client),
            subscribed,
            blocked: watch::channel(false).0,
        }
    }

    /// Marks the commands as part of an EXEC or script, whose pushes are counted together.
    pub(super) fn with_audience(mut self, audience: Audience, burst: u64) -> Self {
        self.audience = audience;
        self.client.burst = Some(burst);
        self
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a future that completes when a script starting now exceeds its time limit.
    pub(super) fn script_limit(&self) -> impl Future<Output = ()> + Send + use<> {
        let (clock, limit) = (self.store.clock.clone(), self.pace.script_limit);
        async move {
            match limit {
                Some(limit) => clock.pause(limit).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Starts a command on the locked store. Whatever does not complete immediately continues in a
    /// future.
    pub(super) fn start(self, state: &mut State, spec: &'static Spec, args: Vec<Bytes>) -> Called {
        let first = if is_serial(spec.name) {
            None
        } else {
            match self.step(state, spec, &args, false, &mut None) {
                Step::Done(reply) => {
                    if reply.is_ok() {
                        tracking::announce(state, &self.announced(spec, &args), self.audience);
                    }
                    self.finish(spec.name, reply);
                    return Called::Done;
                }
                step => Some(step),
            }
        };
        let keys = self.announced(spec, &args);
        self.detached(move |runner| async move {
            let reply = runner.go_on(spec, args, first).await;
            if reply.is_ok() {
                runner.announce(&keys);
            }
            (spec.name, reply)
        })
    }

    /// Returns the keys that a command announces, if commands do so instead of changes.
    pub(super) fn announced(&self, spec: &Spec, args: &[Bytes]) -> Vec<Bytes> {
        match self.client.quirks.swarm {
            true => upstream::announced(spec.name, args),
            false => Vec::new(),
        }
    }

    /// Announces keys to WATCH and to tracking clients.
    pub(super) fn announce(&self, keys: &[Bytes]) {
        if !keys.is_empty() {
            tracking::announce(&mut self.store.lock(), keys, self.audience);
        }
    }

    /// Wraps work into a future that puts the reply into the outbox on completion.
    pub(super) fn detached<F>(self, work: impl FnOnce(Self) -> F) -> Called
    where
        F: Future<Output = (&'static str, Reply)> + Send + 'static,
    {
        let blocked = self.blocked.subscribe();
        let work = work(self.clone());
        let over = Box::pin(async move {
            let (name, reply) = work.await;
            self.finish(name, reply);
        });
        Called::Detached { over, blocked }
    }

    /// Runs a command to completion.
    pub(super) async fn run(&self, spec: &'static Spec, args: Vec<Bytes>) -> Reply {
        self.go_on(spec, args, None).await
    }

    async fn go_on(
        &self,
        spec: &'static Spec,
        mut args: Vec<Bytes>,
        mut first: Option<Step>,
    ) -> Reply {
        let (mut again, mut deadline) = (false, None);
        loop {
            let turn = match is_serial(spec.name) {
                true => Some(self.pace.serial.lock().await),
                false => None,
            };
            let step = match first.take() {
                Some(step) => step,
                None => self.step(&mut self.lock(), spec, &args, again, &mut deadline),
            };
            match step {
                Step::Done(reply) => return reply,
                Step::Write(reply, writes) => {
                    for write in writes {
                        self.write(write).await;
                    }
                    return reply;
                }
                Step::Wait(waiting, resolved) => {
                    drop(turn);
                    self.blocked.send_replace(true);
                    if !waiting.woken().await {
                        return Ok(Frame::null_array());
                    }
                    self.blocked.send_replace(false);
                    (args, again) = (resolved, true);
                }
            }
        }
    }

    /// Runs the read phase of a command and rolls back its writes.
    fn step(
        &self,
        state: &mut State,
        spec: &'static Spec,
        args: &[Bytes],
        again: bool,
        deadline: &mut Option<Option<i64>>,
    ) -> Step {
        let Run::Data(run) = spec.run else {
            // UNWATCH inside EXEC; EXEC has already ended all watches.
            return Step::Done(Ok(ok()));
        };
        (state.server.tracking).read(self.client.id, spec, args);
        state.keyspace.record();
        let mut call = Call {
            keyspace: &mut state.keyspace,
            server: &mut state.server,
            client: &self.client,
            args,
            now: self.store.clock.unix_millis(),
            protocol: self.client.outbox.protocol(),
            subscribed: self.subscribed,
            again,
            ready: None,
            in_script: false,
            block: None,
        };
        let reply = run(&mut call);
        let block = call.block.take();
        let writes = state.keyspace.take_back();
        if let Some(block) = block {
            // A blocked command keeps its original deadline.
            let deadline = *deadline.get_or_insert(block.deadline);
            let waiting = blocking::line_up(&self.store, state, block.keys, deadline);
            return Step::Wait(waiting, block.args);
        }
        // SwarmKeyDb's commands write what precedes an error.
        let changes = self.client.quirks.swarm || changes(spec, &reply);
        if writes.is_empty() || !changes {
            return Step::Done(reply);
        }
        Step::Write(reply, writes)
    }

    async fn write(&self, write: Write) {
        let (store, audience) = (self.store.clone(), self.audience);
        let apply = move || {
            let mut state = store.lock();
            let now = store.clock.unix_millis();
            state.keyspace.apply(write, audience != Audience::Nobody);
            blocking::settle(&mut state, audience, now);
        };
        match &self.pace.queue {
            Some(queue) => queue.write(apply).await,
            None => {
                tokio::task::yield_now().await;
                apply();
            }
        }
    }

    /// Locks the store and removes expired keys.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.store.lock();
        let now = self.store.clock.unix_millis();
        state.expire_due(now, false);
        blocking::settle(&mut state, Audience::All, now);
        state
    }

    /// Puts a reply into the outbox, subject to any planned fault.
    pub(super) fn finish(&self, name: &str, reply: Reply) {
        if reply.as_ref().is_err_and(Reject::is_crash) {
            return self.client.outbox.crash();
        }
        let faults = &self.client.faults;
        faults.count(name);
        let fault = faults.reply_fault(name);
        let frame = self.frame(reply);
        self.client.outbox.reply(frame, fault);
    }

    pub(super) fn frame(&self, reply: Reply) -> Frame {
        let line_breaks = self.client.quirks.line_breaks;
        reply.unwrap_or_else(|reject| reject.frame(line_breaks))
    }
}

/// Returns whether a command runs alone; the deployed server guards all of these with one lock.
fn is_serial(name: &str) -> bool {
    match name {
        "MSET" | "MSETNX" => true,
        "XRANGE" | "XREVRANGE" | "XLEN" | "XREAD" | "XPENDING" => false,
        _ => name.starts_with('X') && !name.starts_with("XINFO"),
    }
}

/// Returns whether a command with this reply has written. Opening a stream for modification counts
/// as a write.
fn changes(spec: &Spec, reply: &Reply) -> bool {
    let Ok(reply) = reply else {
        return false;
    };
    match spec.name {
        "XREADGROUP" => !reply.is_null(),
        "XTRIM" => reply.as_integer() != Some(0),
        _ => spec.reads == Reads::Nothing,
    }
}
