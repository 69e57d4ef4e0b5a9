//! `redis`: the functions with which a script calls commands and makes replies.

use std::rc::Rc;

use data_encoding::HEXLOWER;
use mlua::{Lua, MultiValue, Table, Value};
use sha1::{Digest, Sha1};
use swarm_resp::RespVersion;

use super::super::super::table::is_known;
use super::super::Profile;
use super::raised::Raised;
use super::shared::Shared;
use super::{convert, numbers};
use crate::hello::REDIS_VERSION;

const NO_ARGUMENT: &str = "ERR Please specify at least one argument for this redis lib call";
const UNKNOWN_COMMAND: &str = "ERR Invalid command passed to redis.acl_check_cmd()";

/// All replication flags.
const REPL_ALL: i64 = 3;

const WRONG_ARGUMENT: &[u8] = b"ERR wrong number or type of arguments";

/// Creates the library.
pub(super) fn library(lua: &Lua, shared: &Rc<Shared>, profile: Profile) -> mlua::Result<Table> {
    let redis = lua.create_table()?;
    for (name, raises) in [("call", true), ("pcall", false)] {
        let shared = shared.clone();
        let call = lua.create_function(move |lua, args: MultiValue| {
            call(lua, &shared, profile, &args)
                .and_then(|reply| raise(reply, raises))
                .or_else(|error| match raises {
                    true => Err(error),
                    // An error of the call itself is a value, too.
                    false => super::raised::value(lua, Value::Error(Box::new(error))),
                })
        })?;
        redis.set(name, call)?;
    }
    for (name, field) in [("status_reply", "ok"), ("error_reply", "err")] {
        let reply = lua.create_function(move |lua, args: MultiValue| {
            let mut args = args.iter();
            let (Some(Value::String(text)), None) = (args.next(), args.next()) else {
                return table_of(lua, "err", WRONG_ARGUMENT);
            };
            let text = text.as_bytes();
            match field == "err" && !profile.swarm {
                true => table_of(lua, field, &with_code(&text)),
                false => table_of(lua, field, &text),
            }
        })?;
        redis.set(name, reply)?;
    }
    if !profile.swarm {
        add_rest(lua, &redis, shared, profile)?;
    }
    Ok(redis)
}

fn call(lua: &Lua, shared: &Shared, profile: Profile, args: &MultiValue) -> mlua::Result<Value> {
    if args.is_empty() {
        return Err(Raised::reply(NO_ARGUMENT));
    }
    let args = args.iter().map(|arg| convert::argument(arg, profile));
    let reply = shared.call(args.collect::<mlua::Result<_>>()?)?;
    convert::value(lua, reply.view(), shared.resp.get(), profile)
}

/// Raises an error reply, if it is to be raised.
fn raise(reply: Value, raises: bool) -> mlua::Result<Value> {
    if let Value::Table(table) = &reply
        && raises
        && let Value::String(text) = table.raw_get::<Value>("err")?
    {
        return Err(Raised::reply(text.as_bytes().to_vec()));
    }
    Ok(reply)
}

fn table_of(lua: &Lua, field: &str, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(field, lua.create_string(text)?)?;
    Ok(table)
}

/// The first word is the code, unless there is only one word.
fn with_code(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match text.contains(&b' ') {
        true => text.to_vec(),
        false => [b"ERR ", text].concat(),
    }
}

/// Adds what SwarmKeyDb does not have.
fn add_rest(lua: &Lua, redis: &Table, shared: &Rc<Shared>, profile: Profile) -> mlua::Result<()> {
    redis.set("REDIS_VERSION", REDIS_VERSION)?;
    redis.set("REDIS_VERSION_NUM", 0x0007_000f)?;
    for (name, value) in [
        ("NONE", 0),
        ("AOF", 1),
        ("SLAVE", 2),
        ("REPLICA", 2),
        ("ALL", REPL_ALL),
    ] {
        redis.set(format!("REPL_{name}"), value)?;
    }
    let sha1hex = lua.create_function(|lua, args: MultiValue| {
        let mut args = args.iter();
        let (Some(text), None) = (args.next(), args.next()) else {
            return Err(Raised::reply("ERR wrong number of arguments"));
        };
        let text = lua.coerce_string(text.clone())?;
        let text = text.map(|text| text.as_bytes().to_vec());
        Ok(HEXLOWER.encode(&Sha1::digest(text.unwrap_or_default())))
    })?;
    redis.set("sha1hex", sha1hex)?;
    add_log(lua, redis)?;
    let (shared, own) = (shared.clone(), shared.clone());
    let setresp = lua.create_function(move |lua, args: MultiValue| {
        if args.len() != 1 {
            return Err(Raised::reply("ERR redis.setresp() requires one argument."));
        }
        shared.resp.set(match integer(lua, args.front()) {
            2 => RespVersion::Resp2,
            3 => RespVersion::Resp3,
            _ => return Err(Raised::reply("ERR RESP version must be 2 or 3.")),
        });
        Ok(())
    })?;
    redis.set("setresp", setresp)?;
    let acl_check_cmd = lua.create_function(move |_, args: MultiValue| {
        if args.is_empty() {
            return Err(Raised::reply(NO_ARGUMENT));
        }
        let args = args.iter().map(|arg| convert::argument(arg, profile));
        let args = args.collect::<mlua::Result<Vec<_>>>()?;
        match is_known(&args) {
            true => own.may_call(args),
            false => Err(Raised::reply(UNKNOWN_COMMAND)),
        }
    })?;
    redis.set("acl_check_cmd", acl_check_cmd)?;
    let set_repl = lua.create_function(|lua, args: MultiValue| match args.len() {
        1 if integer(lua, args.front()) & !REPL_ALL == 0 => Ok(()),
        1 => Err(Raised::reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        )),
        _ => Err(Raised::reply(
            "ERR redis.set_repl() requires two arguments.",
        )),
    })?;
    redis.set("set_repl", set_repl)?;
    redis.set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    redis.set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
    redis.set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)
}

/// Returns an argument as an integer; 0 if it is no number.
#[expect(clippy::cast_possible_truncation, reason = "as in C")]
fn integer(lua: &Lua, value: Option<&Value>) -> i64 {
    value
        .and_then(|value| numbers::coerced(lua, value))
        .map_or(0, |number| number as i64)
}

/// Adds `log` and its levels.
pub(super) fn add_log(lua: &Lua, redis: &Table) -> mlua::Result<()> {
    let levels = ["DEBUG", "VERBOSE", "NOTICE", "WARNING"];
    for (level, name) in levels.into_iter().enumerate() {
        redis.set(format!("LOG_{name}"), level)?;
    }
    let log = lua.create_function(|_, args: MultiValue| {
        let level = args.front().and_then(numbers::number);
        match (level, args.len()) {
            (_, 0 | 1) => Err(Raised::reply(
                "ERR redis.log() requires two arguments or more.",
            )),
            (None, _) => Err(Raised::reply(
                "ERR First argument must be a number (log level).",
            )),
            (Some(0.0..=3.0), _) => Ok(()),
            (Some(_), _) => Err(Raised::reply("ERR Invalid debug level.")),
        }
    })?;
    redis.set("log", log)
}
