//! Session of one connection with the embedded store: queued commands, watches, and subscriptions.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use swarm_resp::{Frame, RespVersion};

use super::call::{Call, Reply};
use super::interleave::Interleaver;
use super::monitor::Caller;
use super::notify;
use super::pubsub::Subscriptions;
use super::record::Executed;
use super::reject::Reject;
use super::server::Peer;
use super::table::{self, Run, Spec};
use super::tracking::{self, Audience};
use super::transaction::{self, Execution, Progress, Transaction};
use super::{
    State, Store, acl, blocking, check, connection, deadlines, evict, pause, script, upstream,
};
use crate::backend::{Called, Client, Link};
use crate::outbox::{Ending, Muted};

/// A connection, from its first command to its end.
pub(super) struct MemoryLink {
    store: Arc<Store>,
    local: Local,
    /// The time of the current turn, once a command has needed it.
    now: Option<i64>,
}

/// State that belongs to a single connection.
pub(super) struct Local {
    pub(super) client: Client,
    pub(super) transaction: Transaction,
    pub(super) subscriptions: Subscriptions,
    /// EXEC that waits for a script that takes long.
    execution: Option<Execution>,
    /// Number of the selected database.
    pub(super) database: usize,
    /// Command that waits for the end of a pause: its name and arguments.
    postponed: Option<(&'static str, Vec<Bytes>)>,
}

impl MemoryLink {
    pub(super) fn open(store: Arc<Store>, client: Client) -> Self {
        let peer = Peer::new(&client, store.clock.unix_millis());
        let mut state = store.lock();
        state.server.peers.insert(client.id, peer);
        state.server.connections += 1;
        drop(state);
        Self {
            store,
            local: Local {
                client,
                transaction: Transaction::default(),
                subscriptions: Subscriptions::default(),
                execution: None,
                database: 0,
                postponed: None,
            },
            now: None,
        }
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        let mut state = self.store.lock();
        if self.local.execution.is_some() {
            state.server.busy = None;
        }
        self.local.reset(&mut state);
        state.server.peers.remove(&self.local.client.id);
    }
}

impl Link for MemoryLink {
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called {
        let mut state = self.store.lock();
        let now = *(self.now).get_or_insert_with(|| self.store.clock.unix_millis());
        if state.server.busy.is_none() {
            state.expire_due(now, self.store.pace.is_none());
            blocking::settle(&mut state, Audience::All, now);
        }
        let found = self.local.find(name, &args);
        let found = found.and_then(|spec| check::not_while_busy(&state, spec));
        if let (Ok(spec), Some(peer)) = (&found, state.server.peers.get_mut(&self.local.client.id))
        {
            peer.command = spec.name;
            peer.active = now;
            peer.queued = self.local.transaction.queued();
        }
        let called = match found {
            Ok(spec) => {
                if !matches!(spec.run, Run::Data(_)) {
                    // Scripts and EXEC may take long.
                    self.now = None;
                }
                (self.local).dispatch(&self.store, &mut state, spec, args, now)
            }
            Err(reject) => {
                let reject = self.local.refused(&mut state, name, reject);
                self.local.reply(name, Err(reject));
                Called::Done
            }
        };
        if name != "CLIENT" && !self.local.transaction.is_open() {
            state.server.tracking.end_caching(self.local.client.id);
        }
        let audience = Audience::AllBut(self.local.client.id);
        settle(&self.store, &mut state, audience, now);
        if matches!(name, "CLIENT" | "ACL" | "EXEC") {
            let peer = state.server.peers.get(&self.local.client.id);
            if peer.is_some_and(|peer| peer.killed) {
                self.local.client.outbox.end(Ending::Killed);
            }
        }
        called
    }

    fn go_on(&mut self) -> Called {
        if let Some((name, args)) = self.local.postponed.take() {
            self.now = None;
            return self.call(name, args);
        }
        let Some(execution) = self.local.execution.take() else {
            return Called::Done;
        };
        let mut state = self.store.lock();
        let now = execution.now();
        state.server.busy = None;
        let called = self.local.go_on(&self.store, &mut state, execution);
        let audience = Audience::AllBut(self.local.client.id);
        settle(&self.store, &mut state, audience, now);
        called
    }

    fn begin_turn(&mut self) {
        self.now = None;
    }

    fn in_transaction(&self) -> bool {
        self.local.transaction.is_open()
    }

    fn starts_authenticated(&self) -> Option<bool> {
        let client = &self.local.client;
        let acl = &self.store.lock().server.acl;
        (!client.quirks.swarm).then(|| acl.is_open(client.password.as_ref()))
    }

    fn authenticate(
        &mut self,
        command: &'static str,
        credentials: &[Bytes],
    ) -> Option<Result<(), String>> {
        let client = &self.local.client;
        let now = self.store.clock.unix_millis();
        let mut state = self.store.lock();
        if client.quirks.swarm {
            return None;
        }
        if let Some(peer) = state.server.peers.get_mut(&client.id) {
            peer.command = command;
            peer.active = now;
            peer.queued = None;
        }
        Some(state.server.log_in(client, command, credentials, now))
    }

    fn greet(
        &mut self,
        _: Option<RespVersion>,
        name: Option<&Bytes>,
    ) -> BoxFuture<'static, Result<u64, String>> {
        let id = self.local.client.id;
        let mut state = self.store.lock();
        let named = name.map_or(Ok(()), |name| {
            connection::set_name(&mut state.server, id, name)
        });
        let greeted = named.map(|()| id).map_err(|reject| reject.to_string());
        future::ready(greeted).boxed()
    }
}

impl Local {
    /// Returns the command that `args` call, if the connection may call it.
    fn find(&self, name: &str, args: &[Bytes]) -> Result<&'static Spec, Reject> {
        if !self.client.quirks.swarm {
            return table::find(name, args);
        }
        if self.subscriptions.count() > 0 {
            upstream::while_subscribed(&upstream::upper(args.first().unwrap_or(&Bytes::new())))?;
        }
        upstream::find(args, self.client.is_http).map_err(|reject| {
            if self.transaction.is_open() {
                let name = args.first().map_or(&[][..], Bytes::as_ref);
                upstream::unknown_in_transaction(&upstream::upper(name))
            } else {
                reject
            }
        })
    }

    /// Runs, queues, or rejects a command.
    fn dispatch(
        &mut self,
        store: &Arc<Store>,
        state: &mut State,
        spec: &'static Spec,
        args: Vec<Bytes>,
        now: i64,
    ) -> Called {
        let swarm = self.client.quirks.swarm;
        state.select(self.database);
        let subscribed = self.subscriptions.is_active();
        let protocol = self.client.outbox.protocol();
        if !swarm {
            if let Err(reject) = self.check(state, spec, &args, now) {
                let reject = self.refused(state, spec.name, reject);
                self.reply(spec.name, Err(reject));
                return Called::Done;
            }
            let (id, transaction) = (self.client.id, &self.transaction);
            if let Some(over) = pause::postpone(store, state, id, spec, transaction, now) {
                let name = spec.name.split('|').next().unwrap_or(spec.name);
                self.postponed = Some((name, args));
                return Called::Blocked(over);
            }
        }
        let immediate = spec.immediate || swarm && upstream::is_immediate(spec, &args);
        if self.transaction.is_open() && !immediate {
            let queueable = match swarm || store.pace.is_some() {
                true => upstream::queueable(spec),
                false => Ok(spec),
            };
            let queued = match queueable {
                Ok(spec) => Ok(self.transaction.queue(spec, args)),
                Err(reject) => {
                    self.transaction.spoil();
                    Err(reject)
                }
            };
            self.reply(spec.name, queued);
            return Called::Done;
        }
        if let Some(pace) = &store.pace {
            let interleaver = Interleaver::new(store, pace, &self.client, subscribed);
            match spec.run {
                Run::Data(_) => return interleaver.start(state, spec, args),
                Run::Script => {
                    return script::eval_interleaved(state, spec.name, &args, interleaver);
                }
                Run::Exec => {
                    return transaction::exec_interleaved(self, state, interleaver);
                }
                _ => {}
            }
        }
        let id = self.client.id;
        let ran = |args, started| Executed {
            spec,
            args,
            client: Some(id),
            started,
            now,
        };
        let started = Instant::now();
        let caller = Caller::Connection(id);
        match spec.run {
            Run::Data(run) => {
                let tracking = &mut state.server.tracking;
                tracking.read(self.client.id, spec, &args);
                notify::misses(&mut state.keyspace, spec, &args);
                let mut call = Call {
                    keyspace: &mut state.keyspace,
                    server: &mut state.server,
                    client: &self.client,
                    args: &args,
                    now,
                    protocol,
                    subscribed,
                    again: false,
                    ready: None,
                    in_script: false,
                    block: None,
                };
                let reply = run(&mut call);
                if let Some(block) = call.block {
                    state.show(spec, &args, caller, now);
                    return blocking::wait(store, state, &self.client, spec, block);
                }
                self.client.faults.count(spec.name);
                if reply.is_err() {
                    *state.server.failed.entry(spec.name).or_default() += 1;
                }
                if swarm && reply.is_ok() {
                    let keys = upstream::announced(spec.name, &args);
                    tracking::announce(state, &keys, Audience::of(&self.client));
                }
                self.reply(spec.name, reply);
                state.server.record(&ran(&args, started));
                state.show(spec, &args, caller, now);
            }
            Run::Connection(run) => {
                match run(self, state, &args, now) {
                    Ok(replies) => {
                        self.client.faults.count(spec.name);
                        let fault = self.client.faults.reply_fault(spec.name);
                        self.client.outbox.replies(replies, fault);
                    }
                    Err(reject) => self.reply(spec.name, Err(reject)),
                }
                state.server.record(&ran(&args, started));
                state.show(spec, &args, caller, now);
            }
            Run::Script => {
                state.show(spec, &args, caller, now);
                return script::eval_whole(self, store, state, spec, &args, now);
            }
            Run::Exec => return self.exec(store, state, args, now),
            // The table resolves a subcommand or rejects it.
            Run::Container => {}
        }
        Called::Done
    }

    /// Runs the commands of a transaction.
    fn exec(
        &mut self,
        store: &Arc<Store>,
        state: &mut State,
        args: Vec<Bytes>,
        now: i64,
    ) -> Called {
        let called = args.clone();
        match Execution::begin(self, state, args, now) {
            Ok(execution) => self.go_on(store, state, execution),
            Err(reply) => {
                self.executed(reply.map(|reply| vec![reply]));
                self.record_exec(state, &called, Instant::now(), now);
                Called::Done
            }
        }
    }

    /// Goes on with a transaction.
    fn go_on(&mut self, store: &Arc<Store>, state: &mut State, execution: Execution) -> Called {
        let (now, started) = (execution.now(), execution.started());
        let args = execution.args();
        match execution.run(self, store, state) {
            Progress::Over(replies) => {
                self.executed(Ok(replies));
                self.record_exec(state, &args, started, now);
                Called::Done
            }
            Progress::Long(execution, over) => {
                self.execution = Some(execution);
                Called::Detached {
                    over,
                    blocked: tokio::sync::watch::channel(false).1,
                }
            }
        }
    }

    /// Records an EXEC that has run.
    fn record_exec(&self, state: &mut State, args: &[Bytes], started: Instant, now: i64) {
        let Some(spec) = table::named("EXEC") else {
            return;
        };
        state.server.record(&Executed {
            spec,
            args,
            client: Some(self.client.id),
            started,
            now,
        });
        let caller = Caller::Connection(self.client.id);
        state.show(spec, args, caller, now);
    }

    /// Replies to EXEC.
    fn executed(&self, replies: Replies) {
        let replies = match replies {
            Ok(replies) => replies,
            Err(reject) => return self.reply("EXEC", Err(reject)),
        };
        let faults = &self.client.faults;
        faults.count("EXEC");
        let inside = replies.iter().filter_map(Frame::items).flatten();
        inside.for_each(|reply| faults.count_error(reply));
        self.client
            .outbox
            .replies(replies, faults.reply_fault("EXEC"));
    }

    /// Handles a rejected command: marks the transaction as failed, and ends it if the command was
    /// EXEC.
    fn refused(&mut self, state: &mut State, name: &str, reject: Reject) -> Reject {
        let swarm = self.client.quirks.swarm;
        if !swarm || self.subscriptions.count() == 0 {
            self.transaction.spoil();
        }
        if swarm || name != "EXEC" {
            return reject;
        }
        self.transaction.discard(state);
        let reason = reject.to_string();
        let reason = reason.strip_prefix("ERR ").unwrap_or(&reason);
        Reject::new(format!(
            "EXECABORT Transaction discarded because of: {reason}"
        ))
    }

    /// Puts a reply into the outbox, subject to any planned fault.
    pub(super) fn reply(&self, name: &str, reply: Reply) {
        self::reply(&self.client, name, reply);
    }

    /// Selects a database for the following commands.
    pub(super) fn use_database(&mut self, state: &mut State, database: usize) {
        self.database = database;
        state.select(database);
        if let Some(peer) = state.server.peers.get_mut(&self.client.id) {
            peer.database = database;
        }
    }

    /// Releases everything that the connection holds in the store.
    pub(super) fn reset(&mut self, state: &mut State) {
        self.transaction.discard(state);
        self.use_database(state, 0);
        self.subscriptions
            .clear(&mut state.server.pubsub, self.client.id);
        state.server.tracking.forget(self.client.id);
        state.server.monitors.remove(&self.client.id);
        self.client.outbox.set_muted(Muted::No);
        if let Some(peer) = state.server.peers.get_mut(&self.client.id) {
            peer.name = Bytes::new();
            peer.user = Bytes::from_static(acl::DEFAULT.as_bytes());
        }
    }
}

/// Puts a reply into a client's outbox, subject to any planned fault.
pub(super) fn reply(client: &Client, name: &str, reply: Reply) {
    if reply.as_ref().is_err_and(Reject::is_crash) {
        return client.outbox.crash();
    }
    let fault = client.faults.reply_fault(name);
    let line_breaks = client.quirks.line_breaks;
    let frame = reply.unwrap_or_else(|reject| reject.frame(line_breaks));
    client.faults.count_error(frame.view());
    client.outbox.reply(frame, fault);
}

/// After commands: evicts keys if memory is used up, wakes blocked commands, and notifies
/// `audience` of the keys that have changed.
pub(super) fn settle(store: &Arc<Store>, state: &mut State, audience: Audience, now: i64) {
    evict::evict(state, now);
    blocking::settle(state, audience, now);
    state.server.limit_tracking();
    deadlines::watch(store, state);
}

/// `RESET`.
pub(super) fn reset(local: &mut Local, state: &mut State, _: &[Bytes], _: i64) -> Replies {
    local.reset(state);
    Ok(vec![Frame::simple("RESET")])
}

/// Replies of a connection command; one frame per channel for the SUBSCRIBE family.
pub(super) type Replies = Result<Vec<Frame>, Reject>;
