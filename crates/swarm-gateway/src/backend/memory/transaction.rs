//! Transactions: MULTI, EXEC, and WATCH.

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Frame, RespVersion, encode_frame};

use super::State;
use super::call::{Call, ok};
use super::interleave::Interleaver;
use super::link::{Local, Replies};
use super::notify;
use super::reject::Reject;
use super::script;
use super::table::{Run, Spec};
use super::tracking::{self, Audience};
use super::upstream;
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

pub(super) fn exec(local: &mut Local, state: &mut State, _: &[Bytes], now: i64) -> Replies {
    let commands = match begin(local, state)? {
        Ok(commands) => commands,
        Err(reply) => return Ok(vec![reply]),
    };
    local.client.burst = Some(state.server.ticket());
    let mut announced = Vec::new();
    let mut replies = Vec::with_capacity(commands.len());
    let length = commands.len();
    for (spec, args) in commands {
        let protocol = local.client.outbox.protocol();
        let reply = run(local, state, spec, &args, now);
        let reply =
            reply.unwrap_or_else(|reject| vec![reject.frame(local.client.quirks.line_breaks)]);
        if local.client.outbox.protocol() != protocol {
            // The replies so far keep their form.
            replies = replies
                .iter()
                .map(|reply| in_form_of(reply, protocol))
                .collect();
        }
        let is_error = reply
            .first()
            .is_some_and(|reply| reply.as_error().is_some());
        if local.client.quirks.swarm && !is_error {
            announced.extend(upstream::announced(spec.name, &args));
        }
        replies.extend(reply);
    }
    tracking::announce(state, &announced, Audience::All);
    local.client.burst = None;
    // A command with several replies counts as one, so as many are left behind the array.
    let rest = replies.split_off(length.min(replies.len()));
    let mut all = vec![Frame::array(&replies)];
    all.extend(rest);
    Ok(all)
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

/// Runs a command of EXEC. A command that would block replies that there is no data.
fn run(
    local: &mut Local,
    state: &mut State,
    spec: &'static Spec,
    args: &[Bytes],
    now: i64,
) -> Replies {
    (state.server.tracking).read(local.client.id, spec, args);
    local.client.faults.count(spec.name);
    let run = match spec.run {
        Run::Data(run) => run,
        Run::Script => {
            return script::eval_in_transaction(local, state, args, now).map(|reply| vec![reply]);
        }
        Run::Connection(run) => return run(local, state, args, now),
        Run::Container => return Ok(vec![ok()]),
    };
    state.select(local.database);
    notify::misses(&mut state.keyspace, spec, args);
    let reply = run(&mut Call {
        keyspace: &mut state.keyspace,
        server: &mut state.server,
        client: &local.client,
        args,
        now,
        protocol: local.client.outbox.protocol(),
        subscribed: local.subscriptions.count() > 0,
        again: false,
        ready: None,
        in_script: false,
        block: None,
    });
    reply.map(|reply| vec![reply])
}
