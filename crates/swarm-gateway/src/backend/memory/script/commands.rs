//! Script commands, and execution of the commands that scripts call.

use bytes::Bytes;
use sha1::{Digest, Sha1};
use swarm_resp::Frame;

use super::super::State;
use super::super::call::{Call, Reply, ok};
use super::super::interleave::Interleaver;
use super::super::link::Local;
use super::super::number;
use super::super::reject::Reject;
use super::super::table::{self, Run, Spec};
use super::super::tracking::Audience;
use super::super::{transaction, upstream};
use super::{Script, Stop};
use crate::backend::Called;

const NO_SCRIPT: Reject = Reject::text(
    "NOSCRIPT No matching script. Please use EVAL. Script replication is not enabled.",
);
const BUSY: Reject = Reject::text("BUSY Script exceeded time limit");

/// Returns the SHA-1 of a script in hexadecimal.
fn digest(script: &[u8]) -> Bytes {
    let digest = Sha1::digest(script);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.into()
}

pub(in super::super) fn script_load(call: &mut Call<'_>) -> Reply {
    let name = digest(call.arg(2));
    let text = Bytes::copy_from_slice(call.arg(2));
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
    call.server.scripts.clear();
    Ok(ok())
}

pub(in super::super) fn script_kill(_: &mut Call<'_>) -> Reply {
    Err(Reject::text("NOTBUSY No scripts in execution right now."))
}

/// Prepares the script of EVAL or EVALSHA with its keys and arguments.
fn begin(state: &mut State, args: &[Bytes], swarm: bool) -> Result<Script, Reject> {
    let [name, script, keys, rest @ ..] = args else {
        // The command table has rejected it, except for SwarmKeyDb.
        let name = args.first().map(|name| upstream::upper(name));
        return Err(upstream::wrong_number(&name.unwrap_or_default()));
    };
    let keys = match usize::try_from(number::integer(keys)?) {
        Ok(keys) => keys,
        Err(_) if swarm => return Err(Reject::NOT_INTEGER),
        Err(_) => return Err(Reject::text("ERR Number of keys can't be negative")),
    };
    let (keys, rest) = rest.split_at_checked(keys).ok_or(Reject::text(
        "ERR Number of keys can't be greater than number of args",
    ))?;
    let scripts = &mut state.server.scripts;
    if name.eq_ignore_ascii_case(b"EVALSHA") {
        let text = scripts.get(script.to_ascii_lowercase().as_slice());
        return Script::new(text.ok_or(NO_SCRIPT)?, keys, rest, swarm);
    }
    let parsed = Script::new(script, keys, rest, swarm)?;
    scripts.insert(digest(script), Bytes::copy_from_slice(script));
    Ok(parsed)
}

/// Returns the data command that a script calls.
fn called(args: &[Bytes], swarm: bool) -> Result<&'static Spec, Reject> {
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let name = String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
    let spec = match swarm {
        true => upstream::find(args, false)?,
        false => table::find(&name, args)?,
    };
    match spec.run {
        Run::Data(_) => Ok(spec),
        Run::Connection(_) if spec.name == "SELECT" => Ok(spec),
        _ if swarm => Err(Reject::unknown_to_swarm(name.as_bytes())),
        _ => Err(Reject::text(
            "ERR This Redis command is not allowed from script",
        )),
    }
}

/// Runs a script atomically.
pub(in super::super) fn eval_whole(
    local: &mut Local,
    state: &mut State,
    args: &[Bytes],
    now: i64,
) -> Reply {
    let quirks = local.client.quirks;
    let (swarm, line_breaks) = (quirks.swarm, quirks.line_breaks);
    let mut script = begin(state, args, swarm)?;
    let count = args.get(2).and_then(|count| number::integer(count).ok());
    let count = count.and_then(|count| usize::try_from(count).ok());
    let named = args
        .get(3..3_usize.saturating_add(count.unwrap_or(0)))
        .unwrap_or_default();
    let (database, mut reply) = (local.database, None);
    loop {
        let stop = script.resume(reply.take());
        if !matches!(stop, Ok(Stop::Call(_))) {
            // SELECT in a script has no effect on the connection.
            local.use_database(state, database);
        }
        match stop? {
            Stop::Done(value) => return Ok(value.frame(line_breaks)),
            Stop::Call(args) => {
                reply = Some(match called(&args, swarm) {
                    Ok(spec) => {
                        let tracking = &mut state.server.tracking;
                        tracking.read_by_script(local.client.id, spec, named);
                        transaction::run_untracked(local, state, spec, &args, now)
                    }
                    Err(reject) => reject.frame(line_breaks),
                });
            }
        }
    }
}

/// Runs a script command by command, interleaved with other commands.
pub(in super::super) fn eval_interleaved(
    state: &mut State,
    name: &'static str,
    args: &[Bytes],
    runner: Interleaver,
) -> Called {
    let script = match begin(state, args, runner.client().quirks.swarm) {
        Ok(script) => script,
        Err(reject) => {
            runner.finish(name, Err(reject));
            return Called::Done;
        }
    };
    let runner = runner.with_audience(Audience::Nobody, state.server.ticket());
    runner.detached(move |runner| async move {
        let limit = runner.script_limit();
        let mut running = Box::pin(run(runner, script));
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

async fn run(runner: Interleaver, mut script: Script) -> Reply {
    let (swarm, line_breaks) = {
        let quirks = runner.client().quirks;
        (quirks.swarm, quirks.line_breaks)
    };
    let mut reply = None;
    loop {
        match script.resume(reply.take())? {
            Stop::Done(value) => return Ok(value.frame(line_breaks)),
            Stop::Call(args) => {
                let done = match called(&args, swarm) {
                    Ok(spec) => {
                        runner.client().faults.count(spec.name);
                        runner.run(spec, args).await
                    }
                    Err(reject) => Err(reject),
                };
                reply = Some(runner.frame(done));
                // Reads do not wait, so a long script must yield explicitly.
                tokio::task::yield_now().await;
            }
        }
    }
}
