//! Transactions: MULTI, EXEC, and WATCH.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use swarm_resp::{Decoder, Frame, RespVersion, encode_frame};

use super::call::{Call, Reply, ok};
use super::interleave::Interleaver;
use super::link::{Local, Replies};
use super::monitor::Caller;
use super::notify;
use super::record::Executed;
use super::reject::Reject;
use super::script::{self, Ran};
use super::table::{Run, Spec};
use super::tracking::{self, Audience};
use super::{State, Store, upstream};
use crate::backend::Called;

/// Open transaction and watched keys of a connection.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    queue: Option<Queue>,
    watched: Vec<Watched>,
}

/// A watched key.
#[derive(Debug)]
struct Watched {
    database: usize,
    key: Bytes,
    /// Its version at the time of WATCH.
    version: u64,
}

/// Commands with their arguments.
type Commands = Vec<(&'static Spec, Vec<Bytes>)>;

#[derive(Debug, Default)]
struct Queue {
    commands: Commands,
    /// Set if a command was rejected; EXEC then fails.
    spoiled: bool,
}

impl Transaction {
    pub(super) const fn is_open(&self) -> bool {
        self.queue.is_some()
    }

    /// Returns the number of queued commands, within MULTI.
    pub(super) fn queued(&self) -> Option<usize> {
        self.queue.as_ref().map(|queue| queue.commands.len())
    }

    /// Returns whether a command for which `is_it` returns true is queued.
    pub(super) fn queues(&self, is_it: impl Fn(&Spec) -> bool) -> bool {
        let queued = self.queue.iter().flat_map(|queue| &queue.commands);
        queued.into_iter().any(|(spec, _)| is_it(spec))
    }

    /// Records that a command was rejected.
    pub(super) const fn spoil(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.spoiled = true;
        }
    }

    pub(super) fn queue(&mut self, spec: &'static Spec, args: Vec<Bytes>) -> Frame {
        if let Some(queue) = &mut self.queue {
            queue.commands.push((spec, args));
        }
        Frame::simple("QUEUED")
    }

    /// Discards the transaction and ends all watches.
    pub(super) fn discard(&mut self, state: &mut State) {
        self.queue = None;
        self.unwatch(state);
    }

    /// Ends the watches of some keys.
    pub(super) fn forget(&mut self, state: &mut State, keys: &[Bytes]) {
        self.watched.retain(|watched| {
            let kept = !keys.contains(&watched.key);
            if !kept {
                state.database(watched.database).unwatch(&watched.key);
            }
            kept
        });
    }

    fn unwatch(&mut self, state: &mut State) {
        for watched in self.watched.drain(..) {
            state.database(watched.database).unwatch(&watched.key);
        }
    }
}

pub(super) fn multi(local: &mut Local, _: &mut State, _: &[Bytes], _: i64) -> Replies {
    if local.transaction.is_open() {
        return Err(Reject::text("ERR MULTI calls can not be nested"));
    }
    local.transaction.queue = Some(Queue::default());
    Ok(vec![ok()])
}

pub(super) fn discard(local: &mut Local, state: &mut State, _: &[Bytes], _: i64) -> Replies {
    if !local.transaction.is_open() {
        return Err(Reject::text("ERR DISCARD without MULTI"));
    }
    local.transaction.discard(state);
    Ok(vec![ok()])
}

pub(super) fn watch(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    if local.transaction.is_open() {
        return Err(Reject::text("ERR WATCH inside MULTI is not allowed"));
    }
    for key in args.get(1..).unwrap_or_default() {
        let watched = &mut local.transaction.watched;
        let database = local.database;
        let is_same = |known: &Watched| known.key == key && known.database == database;
        if !watched.iter().any(is_same) {
            let key = Bytes::copy_from_slice(key);
            let version = state.database(database).watch(&key);
            watched.push(Watched {
                database,
                key,
                version,
            });
        }
    }
    Ok(vec![ok()])
}

pub(super) fn unwatch(local: &mut Local, state: &mut State, _: &[Bytes], _: i64) -> Replies {
    local.transaction.unwatch(state);
    Ok(vec![ok()])
}

/// Returns the commands that EXEC runs, or its reply if it runs none.
fn begin(local: &mut Local, state: &mut State) -> Result<Result<Commands, Frame>, Reject> {
    let Some(queue) = local.transaction.queue.take() else {
        return Err(Reject::text("ERR EXEC without MULTI"));
    };
    let mut changed = false;
    for watched in &local.transaction.watched {
        let database = state.database(watched.database);
        changed |= database.watched_version(&watched.key) != watched.version;
    }
    local.transaction.unwatch(state);
    if queue.spoiled {
        return Err(Reject::text(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if changed {
        return Ok(Err(Frame::null_array()));
    }
    Ok(Ok(queue.commands))
}

/// An EXEC that runs.
pub(super) struct Execution {
    commands: std::vec::IntoIter<(&'static Spec, Vec<Bytes>)>,
    /// Number of all commands.
    length: usize,
    replies: Vec<Frame>,
    announced: Vec<Bytes>,
    /// The time of all commands.
    now: i64,
    /// The script that takes long.
    long: Option<Long>,
    /// EXEC itself.
    args: Vec<Bytes>,
    started: Instant,
}

/// A script that takes long.
struct Long {
    spec: &'static Spec,
    args: Vec<Bytes>,
    started: Instant,
    /// Where its reply will be.
    reply: Arc<Mutex<Option<Reply>>>,
}

/// How far an EXEC has come.
pub(super) enum Progress {
    Over(Vec<Frame>),
    /// It goes on when the script that takes long is over. Until then, other commands are rejected.
    Long(Execution, BoxFuture<'static, ()>),
}

impl Execution {
    /// Ends the transaction. Returns the reply of EXEC if there is nothing to run.
    pub(super) fn begin(
        local: &mut Local,
        state: &mut State,
        args: Vec<Bytes>,
        now: i64,
    ) -> Result<Self, Reply> {
        let commands = match begin(local, state) {
            Ok(Ok(commands)) => commands,
            Ok(Err(reply)) => return Err(Ok(reply)),
            Err(reject) => return Err(Err(reject)),
        };
        local.client.burst = Some(state.server.ticket());
        Ok(Self {
            length: commands.len(),
            replies: Vec::with_capacity(commands.len()),
            commands: commands.into_iter(),
            announced: Vec::new(),
            now,
            long: None,
            args,
            started: Instant::now(),
        })
    }

    pub(super) const fn now(&self) -> i64 {
        self.now
    }

    /// Runs commands until all have run, or a script takes long.
    pub(super) fn run(
        mut self,
        local: &mut Local,
        store: &Arc<Store>,
        state: &mut State,
    ) -> Progress {
        if let Some(long) = self.long.take() {
            let reply = long.reply.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = reply.clone();
            let reply = reply.unwrap_or(Err(Reject::text("ERR the script has no reply")));
            self.record(local, state, long.spec, &long.args, long.started);
            self.add(local, long.spec, &[], reply.map(|reply| vec![reply]));
        }
        while let Some((spec, args)) = self.commands.next() {
            if let Run::Script = spec.run {
                (state.server.tracking).read(local.client.id, spec, &args);
                local.client.faults.count(spec.name);
                let started = Instant::now();
                if let Err(denied) = check_access(local, state, spec, &args, self.now) {
                    self.add(local, spec, &args, Err(denied));
                    continue;
                }
                let caller = Caller::Connection(local.client.id);
                state.show(spec, &args, caller, self.now);
                match script::eval(local, store, state, &args, self.now) {
                    Ok(Ran::Ended(reply)) => {
                        self.record(local, state, spec, &args, started);
                        self.add(local, spec, &args, reply.map(|reply| vec![reply]));
                    }
                    Ok(Ran::Long(long)) => {
                        let slot = Arc::<Mutex<Option<Reply>>>::default();
                        self.long = Some(Long {
                            spec,
                            args,
                            started,
                            reply: slot.clone(),
                        });
                        let over = Box::pin(async move {
                            let reply = long.await;
                            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
                        });
                        return Progress::Long(self, over);
                    }
                    Err(reject) => self.add(local, spec, &args, Err(reject)),
                }
                continue;
            }
            let protocol = local.client.outbox.protocol();
            let reply = run(local, state, spec, &args, self.now);
            if local.client.outbox.protocol() != protocol {
                // The replies so far keep their form.
                let replies = self.replies.iter();
                self.replies = replies.map(|reply| in_form_of(reply, protocol)).collect();
            }
            self.add(local, spec, &args, reply);
        }
        tracking::announce(state, &self.announced, Audience::All);
        local.client.burst = None;
        // A command with several replies counts as one, so as many are left behind the array.
        let rest = self.replies.split_off(self.length.min(self.replies.len()));
        let mut all = vec![Frame::array(&self.replies)];
        all.extend(rest);
        Progress::Over(all)
    }

    /// Records a script that has run.
    fn record(
        &self,
        local: &Local,
        state: &mut State,
        spec: &'static Spec,
        args: &[Bytes],
        started: Instant,
    ) {
        state.server.record(&Executed {
            spec,
            args,
            client: Some(local.client.id),
            started,
            now: self.now,
        });
    }

    pub(super) fn args(&self) -> Vec<Bytes> {
        self.args.clone()
    }

    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Adds the replies of a command.
    fn add(&mut self, local: &Local, spec: &Spec, args: &[Bytes], replies: Replies) {
        let quirks = local.client.quirks;
        if quirks.swarm && replies.is_ok() {
            self.announced.extend(upstream::announced(spec.name, args));
        }
        let reject = |reject: Reject| vec![reject.frame(quirks.line_breaks)];
        self.replies.extend(replies.unwrap_or_else(reject));
    }
}

/// Returns a reply that has the encoding of a version of RESP in both.
fn in_form_of(reply: &Frame, protocol: RespVersion) -> Frame {
    let mut wire = BytesMut::new();
    encode_frame(&mut wire, reply, protocol);
    let decoded = Decoder::new().decode_message(wire.freeze());
    decoded.unwrap_or_else(|_| reply.clone())
}

/// EXEC as on the deployed server: other commands run in between, and a blocking command blocks.
pub(super) fn exec_interleaved(
    local: &mut Local,
    state: &mut State,
    runner: Interleaver,
) -> Called {
    let commands = match begin(local, state) {
        Ok(Ok(commands)) => commands,
        Ok(Err(reply)) => {
            runner.finish("EXEC", Ok(reply));
            return Called::Done;
        }
        Err(reject) => {
            local.reply("EXEC", Err(reject));
            return Called::Done;
        }
    };
    let runner = runner.with_audience(Audience::All, state.server.ticket());
    runner.detached(|runner| async move {
        let mut replies = Vec::with_capacity(commands.len());
        let mut announced = Vec::new();
        for (spec, args) in commands {
            runner.client().faults.count(spec.name);
            let keys = runner.announced(spec, &args);
            let reply = runner.run(spec, args).await;
            match &reply {
                Ok(_) => announced.extend(keys),
                Err(reject) if reject.is_crash() => return ("EXEC", reply),
                Err(_) => {}
            }
            replies.push(runner.frame(reply));
        }
        runner.announce(&announced);
        ("EXEC", Ok(Frame::array(&replies)))
    })
}

/// Checks that a user may still run a command that was queued.
fn check_access(
    local: &Local,
    state: &mut State,
    spec: &Spec,
    args: &[Bytes],
    now: i64,
) -> Result<(), Reject> {
    if local.client.quirks.swarm {
        return Ok(());
    }
    let checked = (state.server).check_access(local.client.id, spec, args, "multi", now);
    checked.map_err(Reject::no_permission_any_more)
}

/// Runs a command of EXEC. A command that would block replies that there is no data.
fn run(
    local: &mut Local,
    state: &mut State,
    spec: &'static Spec,
    args: &[Bytes],
    now: i64,
) -> Replies {
    check_access(local, state, spec, args, now)?;
    (state.server.tracking).read(local.client.id, spec, args);
    local.client.faults.count(spec.name);
    let run = match spec.run {
        Run::Data(run) => run,
        Run::Connection(run) => {
            let replies = run(local, state, args, now);
            state.show(spec, args, Caller::Connection(local.client.id), now);
            return replies;
        }
        Run::Script | Run::Exec | Run::Container => return Ok(vec![ok()]),
    };
    state.select(local.database);
    notify::misses(&mut state.keyspace, spec, args);
    let started = Instant::now();
    let reply = run(&mut Call {
        keyspace: &mut state.keyspace,
        server: &mut state.server,
        client: &local.client,
        args,
        now,
        protocol: local.client.outbox.protocol(),
        subscribed: local.subscriptions.is_active(),
        again: false,
        ready: None,
        in_script: false,
        block: None,
    });
    state.server.record(&Executed {
        spec,
        args,
        client: Some(local.client.id),
        started,
        now,
    });
    state.show(spec, args, Caller::Connection(local.client.id), now);
    reply.map(|reply| vec![reply])
}
