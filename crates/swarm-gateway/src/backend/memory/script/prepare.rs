//! Preparation of scripts: which text a command runs, with which keys and arguments.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};

use super::super::check;
use super::super::number;
use super::super::reject::Reject;
use super::super::{State, upstream};
use super::shebang::Flags;
use super::{Profile, Purpose, Script, Source, Threads, shebang};
use crate::backend::Client;

const NO_SCRIPT_IN_SWARM: Reject = Reject::text(
    "NOSCRIPT No matching script. Please use EVAL. Script replication is not enabled.",
);
const NO_SCRIPT: Reject = Reject::text("NOSCRIPT No matching script. Please use EVAL.");
const NEEDS_MEMORY: Reject = Reject::text(
    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
);
const WRITES_IN_RO: Reject =
    Reject::text("ERR Can not execute a script with write flag using *_ro command.");

impl Profile {
    pub(super) const fn of(client: &Client) -> Self {
        Self {
            swarm: client.quirks.swarm,
            line_breaks: client.quirks.line_breaks,
        }
    }
}

/// Returns the SHA-1 of a script in hexadecimal.
pub(super) fn digest(script: &[u8]) -> Bytes {
    HEXLOWER.encode(&Sha1::digest(script)).into()
}

/// A compiled script, and what it may do.
pub(super) struct Prepared {
    pub(super) script: Script,
    pub(super) keys: Vec<Bytes>,
    pub(super) flags: Flags,
}

pub(super) fn compile(
    text: &Bytes,
    digest: &Bytes,
    keys: &[Bytes],
    args: &[Bytes],
    profile: Profile,
    threads: &Threads,
) -> Result<Prepared, Reject> {
    let (flags, text) = match profile.swarm {
        true => (Flags::default(), text.clone()),
        false => shebang::parse(text)?,
    };
    let source = Source {
        text,
        purpose: Purpose::Script,
        label: digest.clone(),
        keys: keys.to_vec(),
        args: args.to_vec(),
        profile,
    };
    let script = Script::compile(source, threads)?;
    Ok(Prepared {
        script,
        keys: keys.to_vec(),
        flags,
    })
}

/// Prepares the function of FCALL.
fn begin_function(
    state: &mut State,
    name: &Bytes,
    args: &[Bytes],
    profile: Profile,
) -> Result<Prepared, Reject> {
    let functions = &mut state.server.functions;
    let Some((library, flags)) = functions.find(name) else {
        return Err(Reject::text("ERR Function not found"));
    };
    let [count, rest @ ..] = args else {
        return Err(Reject::SYNTAX);
    };
    let count = number::integer(count);
    let count = count.map_err(|_| Reject::text("ERR Bad number of keys provided"))?;
    let (keys, rest) = split_keys(count, rest, profile)?;
    let source = Source {
        text: library.text()?,
        purpose: Purpose::Call {
            library: library.id(),
            function: name.clone(),
        },
        label: name.clone(),
        keys: keys.to_vec(),
        args: rest.to_vec(),
        profile,
    };
    let script = functions.call(source, &state.server.threads)?;
    Ok(Prepared {
        script,
        keys: keys.to_vec(),
        flags,
    })
}

/// Splits arguments into keys, of which there are this many, and others.
fn split_keys(
    count: i64,
    args: &[Bytes],
    profile: Profile,
) -> Result<(&[Bytes], &[Bytes]), Reject> {
    let count = match usize::try_from(count) {
        Ok(count) => count,
        Err(_) if profile.swarm => return Err(Reject::NOT_INTEGER),
        Err(_) => return Err(Reject::text("ERR Number of keys can't be negative")),
    };
    args.split_at_checked(count).ok_or(Reject::text(
        "ERR Number of keys can't be greater than number of args",
    ))
}

/// Returns whether a command calls a function.
pub(super) fn is_function(args: &[Bytes]) -> bool {
    args.first().is_some_and(|name| {
        name.eq_ignore_ascii_case(b"FCALL") || name.eq_ignore_ascii_case(b"FCALL_RO")
    })
}

/// Prepares the script of EVAL, EVALSHA or FCALL with its keys and arguments.
pub(super) fn begin(
    state: &mut State,
    args: &[Bytes],
    profile: Profile,
) -> Result<Prepared, Reject> {
    let [name, script, keys, rest @ ..] = args else {
        // The command table has rejected it, except for SwarmKeyDb.
        let name = args.first().map(|name| upstream::upper(name));
        return Err(upstream::wrong_number(&name.unwrap_or_default()));
    };
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    let is_read_only = is(b"EVAL_RO") || is(b"EVALSHA_RO") || is(b"FCALL_RO");
    if is_function(args) {
        let rest = args.get(2..).unwrap_or_default();
        let prepared = begin_function(state, script, rest, profile)?;
        return checked(state, prepared, is_read_only);
    }
    let (keys, rest) = split_keys(number::integer(keys)?, rest, profile)?;
    let scripts = &mut state.server.scripts;
    let prepared = if is(b"EVALSHA") || is(b"EVALSHA_RO") {
        let digest = Bytes::from(script.to_ascii_lowercase());
        let Some(text) = scripts.get(&digest) else {
            return Err(match profile.swarm {
                true => NO_SCRIPT_IN_SWARM,
                false => NO_SCRIPT,
            });
        };
        compile(text, &digest, keys, rest, profile, &state.server.threads)?
    } else {
        let (text, digest) = (Bytes::copy_from_slice(script), digest(script));
        let prepared = compile(&text, &digest, keys, rest, profile, &state.server.threads)?;
        scripts.insert(digest, text);
        prepared
    };
    checked(state, prepared, is_read_only)
}

/// Refuses a script whose flags do not allow it to run.
fn checked(state: &State, mut prepared: Prepared, is_read_only: bool) -> Result<Prepared, Reject> {
    let flags = &mut prepared.flags;
    if is_read_only && flags.may_write() {
        return Err(WRITES_IN_RO);
    }
    if flags.are_set && !flags.ignores_memory() && check::is_memory_used_up(state) {
        return Err(NEEDS_MEMORY);
    }
    flags.no_writes |= is_read_only;
    Ok(prepared)
}
