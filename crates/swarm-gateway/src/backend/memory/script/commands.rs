//! Script commands, and execution of the commands that scripts call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use swarm_resp::{Frame, RespVersion};
use swarm_transport::facts::{self, Access};

use super::super::call::{Call, Reply, ok};
use super::super::check;
use super::super::interleave::Interleaver;
use super::super::link::{self, Local};
use super::super::monitor::Caller;
use super::super::record::Executed;
use super::super::reject::Reject;
use super::super::table::{self, Run, Spec};
use super::super::tracking::Audience;
use super::super::traits::Traits;
use super::super::{State, Store, upstream};
use super::busy::Busy;
use super::prepare::{Prepared, begin, compile, digest, is_function};
use super::shebang::Flags;
use super::{Profile, Stop, functions};
use crate::backend::{Called, Client};

const BUSY: Reject = Reject::text("BUSY Script exceeded time limit");
const KILLED: Reject = Reject::text("ERR Script killed by user with SCRIPT KILL...");
const TOO_LONG: Reject =
    Reject::text("ERR the script of a script ran longer than busy-reply-threshold, and was ended");

/// Longest time that a script may keep all other commands waiting, if it is not limited.
const LONGEST: Duration = Duration::from_secs(3600);

/// Time for a script to end once it is killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

pub(in super::super) fn script_load(call: &mut Call<'_>) -> Reply {
    let text = Bytes::copy_from_slice(call.arg(2));
    let name = digest(&text);
    if !call.client.quirks.swarm && !call.server.scripts.contains_key(&name) {
        let profile = Profile::of(call.client);
        compile(&text, &name, &[], &[], profile, &call.server.threads)?;
    }
    call.server.scripts.insert(name.clone(), text);
    Ok(Frame::bulk(name))
}

pub(in super::super) fn script_exists(call: &mut Call<'_>) -> Reply {
    let known = |name: &Bytes| {
        let name = name.to_ascii_lowercase();
        i64::from(call.server.scripts.contains_key(name.as_slice()))
    };
    let known: Vec<_> = call
        .rest(2)
        .iter()
        .map(|name| Frame::integer(known(name)))
        .collect();
    Ok(Frame::array(&known))
}

pub(in super::super) fn script_flush(call: &mut Call<'_>) -> Reply {
    if !call.client.quirks.swarm && !functions::is_flush_mode(call.rest(2)) {
        return Err(Reject::text(
            "ERR SCRIPT FLUSH only support SYNC|ASYNC option",
        ));
    }
    call.server.scripts.clear();
    Ok(ok())
}

const NOT_ALLOWED: Reject = Reject::text("ERR This Redis command is not allowed from script");

/// Returns whether Redis does not allow scripts to call a command that this store lacks.
fn is_refused_elsewhere(name: &str, args: &[Bytes]) -> bool {
    let sub = args.get(1).map_or(&[][..], Bytes::as_ref);
    let sub = String::from_utf8_lossy(sub).to_ascii_uppercase();
    let traits = Traits::of(&format!("{name}|{sub}")).or_else(|| Traits::of(name));
    traits.is_some_and(|traits| traits.has("noscript"))
}

fn writes(spec: &Spec) -> bool {
    let (name, sub) = spec.name.split_once('|').unwrap_or((spec.name, ""));
    facts::named(name.as_bytes(), sub.as_bytes()).access == Access::Write
}

/// Returns the data command that a script calls.
fn called(
    state: &State,
    args: &[Bytes],
    flags: Flags,
    swarm: bool,
) -> Result<&'static Spec, Reject> {
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let name = String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
    if swarm {
        let spec = upstream::find(args, false)?;
        return match spec.run {
            Run::Data(_) | Run::Script => Ok(spec),
            _ => Err(Reject::unknown_to_swarm(name.as_bytes())),
        };
    }
    let Ok(spec) = table::lookup(&name, args) else {
        if is_refused_elsewhere(&name, args) {
            return Err(NOT_ALLOWED);
        }
        return Err(Reject::text("ERR Unknown Redis command called from script"));
    };
    if !spec.accepts(args.len()) {
        return Err(Reject::text(
            "ERR Wrong number of args calling Redis command from script",
        ));
    }
    let is_allowed = (matches!(spec.run, Run::Data(_)) || spec.name == "SELECT")
        && !Traits::of(spec.name).is_some_and(|traits| traits.has("noscript"));
    if !is_allowed {
        return Err(Reject::text(
            "ERR This Redis command is not allowed from script",
        ));
    }
    if flags.no_writes && writes(spec) {
        return Err(Reject::text(
            "ERR Write commands are not allowed from read-only scripts.",
        ));
    }
    match !flags.ignores_memory() && check::is_out_of_memory(state, spec) {
        true => Err(Reject::OUT_OF_MEMORY),
        false => Ok(spec),
    }
}

/// A script that runs without other commands in between.
struct Whole {
    prepared: Prepared,
    client: Client,
    /// The database that it has selected, which has no effect on the connection.
    database: usize,
    has_written: bool,
    begun: Instant,
}

impl Whole {
    fn begin(
        state: &mut State,
        client: &Client,
        database: usize,
        args: &[Bytes],
    ) -> Result<Self, Reject> {
        let mut prepared = begin(state, args, Profile::of(client))?;
        prepared.script.resume(None);
        Ok(Self {
            prepared,
            client: client.clone(),
            database,
            has_written: false,
            begun: Instant::now(),
        })
    }

    /// Runs until the script ends, or until a deadline.
    fn run(&mut self, state: &mut State, now: i64, deadline: Instant) -> Option<Reply> {
        loop {
            match self.prepared.script.wait(deadline)? {
                Stop::Done(reply) => return Some(reply),
                Stop::Loaded(_) => {}
                Stop::Call {
                    args,
                    only_checks: true,
                    ..
                } => self.answer_check(state, &args),
                Stop::Call { args, protocol, .. } => self.call(state, &args, protocol, now),
            }
        }
    }

    /// Runs a command, and lets the script go on with its reply.
    fn call(&mut self, state: &mut State, args: &[Bytes], protocol: RespVersion, now: i64) {
        let quirks = self.client.quirks;
        state.select(self.database);
        let found = called(state, args, self.prepared.flags, quirks.swarm);
        let found = found.and_then(|spec| {
            let checked = state
                .server
                .check_access(self.client.id, spec, args, "lua", now);
            checked.map_err(Reject::no_permission_in_script)?;
            Ok(spec)
        });
        let reply = match found {
            Ok(spec) if spec.name == "SELECT" => self.select(state, args),
            Ok(spec) => {
                self.has_written |= writes(spec);
                let tracking = &mut state.server.tracking;
                tracking.read_by_script(self.client.id, spec, &self.prepared.keys);
                self.run_command(state, spec, args, protocol, now)
            }
            Err(reject) => Err(reject),
        };
        let frame = reply.unwrap_or_else(|reject| reject.frame(quirks.line_breaks));
        self.prepared.script.resume(Some(frame));
    }

    /// Tells the script whether its user may run a command.
    fn answer_check(&mut self, state: &State, args: &[Bytes]) {
        let allowed = state.server.may_run(self.client.id, args);
        self.prepared
            .script
            .resume(Some(Frame::integer(allowed.into())));
    }

    fn select(&mut self, state: &State, args: &[Bytes]) -> Reply {
        let number = args.get(1).map_or(&[][..], Bytes::as_ref);
        self.database = state.server.databases.parse(number)?;
        Ok(ok())
    }

    /// Runs a command of the script. A command that would block replies that there is no data.
    fn run_command(
        &self,
        state: &mut State,
        spec: &'static Spec,
        args: &[Bytes],
        protocol: RespVersion,
        now: i64,
    ) -> Reply {
        self.client.faults.count(spec.name);
        // For everything else, time stands still.
        let now = match spec.name {
            "TIME" => {
                let passed = self.begun.elapsed().as_millis();
                now.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
            }
            _ => now,
        };
        if matches!(spec.name, "XREAD" | "XREADGROUP") && !self.client.quirks.swarm {
            let options = args
                .iter()
                .take_while(|arg| !arg.eq_ignore_ascii_case(b"STREAMS"));
            if options
                .skip(1)
                .any(|arg| arg.eq_ignore_ascii_case(b"BLOCK"))
            {
                let name = args.first().map_or(&[][..], Bytes::as_ref);
                let what: &[u8] = b" command is not allowed with BLOCK option from scripts";
                return Err(Reject::joined(&[b"ERR ", name, what]));
            }
        }
        match spec.run {
            Run::Data(run) => {
                let started = Instant::now();
                let reply = run(&mut Call {
                    keyspace: &mut state.keyspace,
                    server: &mut state.server,
                    client: &self.client,
                    args,
                    now,
                    protocol,
                    subscribed: false,
                    again: false,
                    ready: None,
                    in_script: true,
                    block: None,
                });
                state.server.record(&Executed {
                    spec,
                    args,
                    client: None,
                    started,
                    now,
                });
                state.show(spec, args, Caller::Script, now);
                reply
            }
            Run::Script => nested(state, &self.client, self.database, args, now),
            Run::Connection(_) | Run::Exec | Run::Container => Ok(ok()),
        }
    }
}

/// When a script that starts now has run for so long that other commands are rejected.
fn limit(state: &State) -> Instant {
    let limit = match state.server.config.number("busy-reply-threshold") {
        0 => LONGEST,
        limit => Duration::from_millis(u64::try_from(limit).unwrap_or(u64::MAX)).min(LONGEST),
    };
    Instant::now() + limit
}

/// Runs a script atomically. If it takes long, it goes on while other commands are rejected.
pub(in super::super) fn eval_whole(
    local: &Local,
    store: &Arc<Store>,
    state: &mut State,
    spec: &'static Spec,
    args: &[Bytes],
    now: i64,
) -> Called {
    let name = spec.name;
    local.client.faults.count(name);
    let id = local.client.id;
    let started = Instant::now();
    let record = move |state: &mut State, args: &[Bytes]| {
        state.server.record(&Executed {
            spec,
            args,
            client: Some(id),
            started,
            now,
        });
    };
    let long = match eval(local, store, state, args, now) {
        Ok(Ran::Ended(reply)) => {
            record(state, args);
            local.reply(name, reply);
            return Called::Done;
        }
        Ok(Ran::Long(long)) => long,
        Err(reject) => {
            local.reply(name, Err(reject));
            return Called::Done;
        }
    };
    let (store, client) = (store.clone(), local.client.clone());
    let args = args.to_vec();
    let over = Box::pin(async move {
        let reply = long.await;
        let mut state = store.lock();
        record(&mut state, &args);
        state.server.busy = None;
        link::settle(&store, &mut state, Audience::AllBut(client.id), now);
        drop(state);
        link::reply(&client, name, reply);
    });
    Called::Detached {
        over,
        blocked: tokio::sync::watch::channel(false).1,
    }
}

/// A script that has been run.
pub(in super::super) enum Ran {
    Ended(Reply),
    /// It takes long. Until it has ended, and its caller says so, other commands are rejected.
    Long(BoxFuture<'static, Reply>),
}

/// Runs a script atomically, alone or in EXEC.
pub(in super::super) fn eval(
    local: &Local,
    store: &Arc<Store>,
    state: &mut State,
    args: &[Bytes],
    now: i64,
) -> Result<Ran, Reject> {
    let deadline = limit(state);
    let mut whole = Whole::begin(state, &local.client, local.database, args)?;
    let ended = whole.run(state, now, deadline);
    state.select(local.database);
    if let Some(reply) = ended {
        return Ok(Ran::Ended(reply));
    }
    state.server.busy = Some(Busy {
        kill: whole.prepared.script.kill_switch(),
        has_written: whole.has_written,
        function: is_function(args).then(|| args.to_vec()),
        started: now,
    });
    let store = store.clone();
    Ok(Ran::Long(Box::pin(async move {
        let kill = whole.prepared.script.kill_switch();
        let mut ends = Box::pin(async {
            kill.killed().await;
            tokio::time::sleep(KILL_TIMEOUT).await;
        });
        loop {
            let stop = tokio::select! {
                stop = whole.prepared.script.stop() => stop,
                // It is in a function that looks at nothing, and is left alone.
                () = &mut ends => {
                    whole.prepared.script.abandon();
                    Stop::Done(Err(KILLED))
                }
            };
            match stop {
                Stop::Done(reply) => return reply,
                Stop::Loaded(_) => {}
                Stop::Call {
                    args,
                    only_checks: true,
                    ..
                } => whole.answer_check(&store.lock(), &args),
                Stop::Call { args, protocol, .. } => {
                    let mut state = store.lock();
                    whole.call(&mut state, &args, protocol, now);
                    if let Some(busy) = &mut state.server.busy {
                        busy.has_written = whole.has_written;
                    }
                }
            }
        }
    })))
}

/// Runs a script that a script of SwarmKeyDb calls. It must end in time.
fn nested(state: &mut State, client: &Client, database: usize, args: &[Bytes], now: i64) -> Reply {
    let deadline = limit(state);
    let mut whole = Whole::begin(state, client, database, args)?;
    if let Some(reply) = whole.run(state, now, deadline) {
        return reply;
    }
    if whole.has_written {
        // It must not be cut in half. Redis does not kill it, either.
        let ended = whole.run(state, now, Instant::now() + LONGEST);
        return ended.unwrap_or(Err(TOO_LONG));
    }
    whole.prepared.script.kill_switch().kill();
    let ended = whole.run(state, now, Instant::now() + KILL_TIMEOUT);
    if ended.is_none() {
        whole.prepared.script.abandon();
    }
    Err(TOO_LONG)
}

/// Runs a script command by command, interleaved with other commands.
pub(in super::super) fn eval_interleaved(
    state: &mut State,
    name: &'static str,
    args: &[Bytes],
    runner: Interleaver,
) -> Called {
    let prepared = match begin(state, args, Profile::of(runner.client())) {
        Ok(prepared) => prepared,
        Err(reject) => {
            runner.finish(name, Err(reject));
            return Called::Done;
        }
    };
    let runner = runner.with_audience(Audience::Nobody, state.server.ticket());
    runner.detached(move |runner| async move {
        let limit = runner.script_limit();
        let mut running = Box::pin(run_interleaved(runner, prepared));
        tokio::select! {
            biased;
            reply = &mut running => (name, reply),
            () = limit => {
                // The client has received BUSY, but the script keeps running.
                tokio::spawn(running);
                (name, Err(BUSY))
            }
        }
    })
}

async fn run_interleaved(runner: Interleaver, mut prepared: Prepared) -> Reply {
    let profile = Profile::of(runner.client());
    prepared.script.resume(None);
    loop {
        match prepared.script.stop().await {
            Stop::Done(reply) => return reply,
            Stop::Loaded(_) => {}
            // Users are checked before a script runs.
            Stop::Call {
                only_checks: true, ..
            } => prepared.script.resume(Some(Frame::integer(1))),
            Stop::Call { args, .. } => {
                let found = called(&runner.lock(), &args, prepared.flags, profile.swarm);
                let done = match found {
                    Ok(spec) if matches!(spec.run, Run::Script) => {
                        let nested = begin(&mut runner.lock(), &args, profile);
                        match nested {
                            Ok(nested) => Box::pin(run_interleaved(runner.clone(), nested)).await,
                            Err(reject) => Err(reject),
                        }
                    }
                    Ok(spec) => {
                        runner.client().faults.count(spec.name);
                        runner.run(spec, args).await
                    }
                    Err(reject) => Err(reject),
                };
                prepared.script.resume(Some(runner.frame(done)));
                // Reads do not wait, so a long script must yield explicitly.
                tokio::task::yield_now().await;
            }
        }
    }
}
