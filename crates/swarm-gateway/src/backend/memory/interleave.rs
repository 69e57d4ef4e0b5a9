//! Commands as the deployed server runs them: each reads first and then writes key by key, and others run in between.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::Frame;
use tokio::sync::watch;

use super::blocking::{self, Waiting};
use super::call::{Call, Reply, ok};
use super::keyspace::Write;
use super::table::{Reads, Run, Spec};
use super::tracking::Audience;
use super::{State, Store};
use crate::backend::{Called, Client};
use crate::write_queue::Flushes;

/// How commands take their steps.
#[derive(Debug)]
pub(crate) struct Pacing {
    /// What each write waits for; without it, others merely get their turn.
    pub(crate) queue: Option<Arc<Flushes>>,
    /// How long a script may take before it is answered `BUSY`; without it, as long as it likes.
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

/// How far a command has come when it has read.
enum Step {
    /// It neither writes nor waits.
    Done(Reply),
    /// It writes, and then it is done.
    Write(Reply, Vec<Write>),
    /// It waits for data, and then it is run again with these arguments.
    Wait(Waiting, Vec<Bytes>),
}

/// Runs commands in steps on behalf of a connection.
#[derive(Clone)]
pub(super) struct Interleaver {
    store: Arc<Store>,
    pace: Arc<Pacing>,
    client: Client,
    /// Who is told of the writes.
    audience: Audience,
    subscribed: bool,
    /// Whether the command waits for data, so that a client which is gone ends it.
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
            audience: if client.is_http {
                Audience::Nobody
            } else {
                Audience::AllBut(client.id)
            },
            subscribed,
            blocked: watch::channel(false).0,
        }
    }

    /// As a part of EXEC or a script: the pushes of all its commands count together.
    pub(super) fn with_audience(mut self, audience: Audience, burst: u64) -> Self {
        self.audience = audience;
        self.client.burst = Some(burst);
        self
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns when a script that begins now has taken too long.
    pub(super) fn script_limit(&self) -> impl Future<Output = ()> + Send + use<> {
        let (clock, limit) = (self.store.clock.clone(), self.pace.script_limit);
        async move {
            match limit {
                Some(limit) => clock.pause(limit).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Starts a command on a store that is locked; a future does what does not end at once.
    pub(super) fn start(self, state: &mut State, spec: &'static Spec, args: Vec<Bytes>) -> Called {
        let first = if is_serial(spec.name) {
            None
        } else {
            match self.step(state, spec, &args, false, &mut None) {
                Step::Done(reply) => {
                    self.finish(spec.name, reply);
                    return Called::Done;
                }
                step => Some(step),
            }
        };
        self.detached(move |runner| async move {
            let reply = runner.go_on(spec, args, first).await;
            (spec.name, reply)
        })
    }

    /// Makes a future of work, which puts its reply into the outbox when it is over.
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

    /// Runs a command to its end.
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

    /// Lets a command read, and takes back what it wrote.
    fn step(
        &self,
        state: &mut State,
        spec: &'static Spec,
        args: &[Bytes],
        again: bool,
        deadline: &mut Option<Option<i64>>,
    ) -> Step {
        let Run::Data(run) = spec.run else {
            // UNWATCH inside EXEC, which has done its work.
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
            block: None,
        };
        let reply = run(&mut call);
        let block = call.block.take();
        let writes = state.keyspace.take_back();
        if let Some(block) = block {
            // What is left of the time that it waits is not begun anew.
            let deadline = *deadline.get_or_insert(block.deadline);
            let waiting = blocking::line_up(&self.store, state, block.keys, deadline);
            return Step::Wait(waiting, block.args);
        }
        if writes.is_empty() || !changes(spec, &reply) {
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

    /// The store, without the keys whose time has come.
    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.store.lock();
        let now = self.store.clock.unix_millis();
        state.keyspace.expire_due(now, false);
        blocking::settle(&mut state, Audience::All, now);
        state
    }

    /// Puts a reply into the outbox, behind whatever fault is planned for it.
    pub(super) fn finish(&self, name: &str, reply: Reply) {
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

/// Whether a command runs alone: on the deployed server, one lock guards all of these.
fn is_serial(name: &str) -> bool {
    match name {
        "MSET" | "MSETNX" => true,
        "XRANGE" | "XREVRANGE" | "XLEN" | "XREAD" | "XPENDING" => false,
        _ => name.starts_with('X') && !name.starts_with("XINFO"),
    }
}

/// Whether a command that gave this reply has written, where looking at a stream to change it counts as a write.
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
