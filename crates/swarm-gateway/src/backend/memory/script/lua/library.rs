//! `redis` while a library is loaded: it registers the functions of the library.

use std::rc::Rc;

use bytes::Bytes;
use mlua::{Function, Lua, MultiValue, Table, Value};

use super::super::{FLAGS, Registered};
use super::numbers;
use super::raised::Raised;
use super::redis;
use super::shared::Shared;

const BAD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and \
                        must be at least one character long";

/// Creates the functions that a library has while it is loaded.
pub(super) fn library(lua: &Lua, shared: &Rc<Shared>) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    redis::add_log(lua, &library)?;
    let shared = shared.clone();
    let register = lua.create_function(move |_, args: MultiValue| {
        let (known, function) = parse(&args).map_err(Raised::reply)?;
        let mut registry = shared.registry.borrow_mut();
        if registry
            .iter()
            .any(|(other, _)| other.is_called(&known.name))
        {
            return Err(Raised::reply("ERR Function already exists in the library"));
        }
        registry.push((known, function));
        Ok(())
    })?;
    library.set("register_function", register)?;
    Ok(library)
}

fn parse(args: &MultiValue) -> Result<(Registered, Function), &'static str> {
    let (name, function, description, flags) = match (args.front(), args.get(1), args.len()) {
        (Some(Value::Table(named)), _, 1) => parse_named(named)?,
        (_, _, 1) => {
            return Err(
                "ERR calling redis.register_function with a single argument is only \
                        applicable to Lua table (representing named arguments).",
            );
        }
        (Some(name), Some(Value::Function(function)), 2) => {
            let name = text_of(name);
            let name =
                name.ok_or("ERR first argument to redis.register_function must be a string")?;
            (name, function.clone(), None, Vec::new())
        }
        (_, _, 2) => {
            return Err("ERR second argument to redis.register_function must be a function");
        }
        _ => return Err("ERR wrong number of arguments to redis.register_function"),
    };
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_word) {
        return Err(BAD_NAME);
    }
    let known = Registered {
        name: name.into(),
        description,
        flags,
    };
    Ok((known, function))
}

/// Returns text, or a number as text.
fn text_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(_) | Value::Number(_) => Some(numbers::text(value, 14).into_bytes()),
        _ => None,
    }
}

type Parts = (Vec<u8>, Function, Option<Bytes>, Vec<&'static str>);

fn parse_named(args: &Table) -> Result<Parts, &'static str> {
    let (mut name, mut function, mut description, mut flags) = (None, None, None, Vec::new());
    for (field, value) in args.pairs::<Value, Value>().filter_map(Result::ok) {
        let Value::String(field) = field else {
            return Err("ERR named argument key given to redis.register_function is not a string");
        };
        match (&*field.as_bytes(), value) {
            (b"function_name", value) => {
                let text = text_of(&value).ok_or(
                    "ERR function_name argument given to redis.register_function must be a string",
                )?;
                name = Some(text);
            }
            (b"description", value) => {
                let text = text_of(&value).ok_or(
                    "ERR description argument given to redis.register_function must be a string",
                )?;
                description = Some(text.into());
            }
            (b"callback", Value::Function(callback)) => function = Some(callback),
            (b"callback", _) => {
                return Err(
                    "ERR callback argument given to redis.register_function must be a function",
                );
            }
            (b"flags", Value::Table(names)) => flags = parse_flags(&names)?,
            (b"flags", _) => {
                return Err(
                    "ERR flags argument to redis.register_function must be a table \
                            representing function flags",
                );
            }
            _ => return Err("ERR unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("ERR redis.register_function must get a function name argument")?;
    let function = function.ok_or("ERR redis.register_function must get a callback argument")?;
    Ok((name, function, description, flags))
}

fn parse_flags(names: &Table) -> Result<Vec<&'static str>, &'static str> {
    let names = names.sequence_values::<Value>().filter_map(Result::ok);
    names
        .map(|name| {
            let Value::String(name) = name else {
                return Err("ERR unknown flag given");
            };
            let known = FLAGS.into_iter();
            let mut known = known.filter(|flag| *name.as_bytes() == *flag.as_bytes());
            known.next().ok_or("ERR unknown flag given")
        })
        .collect()
}
