//! `cjson`: JSON, with the conventions of the library that Redis has.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{LightUserData, Lua, MultiValue, Table, Value};
use serde_json::Value as Json;

use super::arguments::text_of;
use super::numbers;
use super::raised::Raised;

/// Nesting of tables that are encoded, as much as of text that is decoded. Redis allows 1000.
const MAX_DEPTH: usize = 100;

/// An array with more places than this, and fewer than half of them in use, is refused.
const SAFE_LENGTH: usize = 10;
const SPARSE_RATIO: usize = 2;

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let precision = Rc::new(Cell::new(14));
    let digits = precision.clone();
    let encode = lua.create_function(move |lua, args: MultiValue| {
        let mut text = Vec::new();
        let encoded =
            only(&args, "encode").and_then(|value| encode(&mut text, value, digits.get(), 0));
        match encoded {
            Ok(()) => lua.create_string(text),
            Err(what) => Err(Raised::error(lua, &what)),
        }
    })?;
    library.set("encode", encode)?;
    let decode = lua.create_function(|lua, args: MultiValue| {
        let json = only(&args, "decode")
            .and_then(|text| text_of(Some(text), 1, "decode"))
            .and_then(|text| {
                let json = serde_json::from_slice::<Json>(&text);
                json.map_err(|error| format!("the text is no JSON: {error}"))
            });
        match json {
            Ok(json) => decode(lua, json),
            Err(what) => Err(Raised::error(lua, &what)),
        }
    })?;
    library.set("decode", decode)?;
    let set_precision = lua.create_function(move |_, digits: Option<u8>| {
        if let Some(digits) = digits {
            precision.set(digits.clamp(1, 14));
        }
        Ok(precision.get())
    })?;
    library.set("encode_number_precision", set_precision)?;
    library.set(
        "null",
        Value::LightUserData(LightUserData(std::ptr::null_mut())),
    )?;
    library.set("_NAME", "cjson")?;
    library.set("_VERSION", "2.1.0")?;
    Ok(library)
}

fn only<'a>(args: &'a MultiValue, function: &str) -> Result<&'a Value, String> {
    match (args.front(), args.len()) {
        (Some(value), 1) => Ok(value),
        _ => Err(format!(
            "bad argument #1 to '{function}' (expected 1 argument)"
        )),
    }
}

fn encode(text: &mut Vec<u8>, value: &Value, digits: u8, depth: usize) -> Result<(), String> {
    match value {
        Value::Nil => text.extend(b"null"),
        Value::LightUserData(data) if data.0.is_null() => text.extend(b"null"),
        Value::Boolean(value) => text.extend(value.to_string().bytes()),
        Value::Integer(_) | Value::Number(_) => {
            if !numbers::number(value).is_some_and(f64::is_finite) {
                return Err("Cannot serialise number: must not be NaN or Inf".to_owned());
            }
            text.extend(numbers::text(value, digits).bytes());
        }
        Value::String(value) => quote(text, &value.as_bytes()),
        Value::Table(_) if depth >= MAX_DEPTH => {
            let depth = depth + 1;
            return Err(format!("Cannot serialise, excessive depth ({depth})"));
        }
        Value::Table(table) => return encode_table(text, table, digits, depth + 1),
        other => {
            let kind = other.type_name();
            return Err(format!("Cannot serialise {kind}: type not supported"));
        }
    }
    Ok(())
}

fn encode_table(text: &mut Vec<u8>, table: &Table, digits: u8, depth: usize) -> Result<(), String> {
    let pairs: Vec<(Value, Value)> =
        (table.pairs().collect::<mlua::Result<_>>()).map_err(|error| error.to_string())?;
    if let Some(length) = array_length(&pairs)? {
        text.push(b'[');
        for at in 1..=length {
            if at > 1 {
                text.push(b',');
            }
            let item = table.raw_get(at).unwrap_or(Value::Nil);
            encode(text, &item, digits, depth)?;
        }
        text.push(b']');
        return Ok(());
    }
    text.push(b'{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        match name {
            Value::String(name) => quote(text, &name.as_bytes()),
            Value::Integer(_) | Value::Number(_) => {
                quote(text, numbers::text(name, digits).as_bytes());
            }
            other => {
                let kind = other.type_name();
                return Err(format!(
                    "Cannot serialise {kind}: table key must be a number or string"
                ));
            }
        }
        text.push(b':');
        encode(text, value, digits, depth)?;
    }
    text.push(b'}');
    Ok(())
}

/// Returns the length of a table that is an array: all of its names are positive integers.
fn array_length(pairs: &[(Value, Value)]) -> Result<Option<usize>, String> {
    let mut length = 0;
    for (name, _) in pairs {
        match name {
            Value::Integer(at) if *at > 0 => {
                length = length.max(usize::try_from(*at).unwrap_or(usize::MAX));
            }
            _ => return Ok(None),
        }
    }
    if length > SAFE_LENGTH && length > pairs.len().saturating_mul(SPARSE_RATIO) {
        return Err("Cannot serialise table: excessively sparse array".to_owned());
    }
    Ok((length > 0).then_some(length))
}

fn quote(text: &mut Vec<u8>, value: &[u8]) {
    text.push(b'"');
    for byte in value {
        match byte {
            b'"' => text.extend(b"\\\""),
            b'\\' => text.extend(b"\\\\"),
            b'/' => text.extend(b"\\/"),
            0x08 => text.extend(b"\\b"),
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            0x0c => text.extend(b"\\f"),
            b'\r' => text.extend(b"\\r"),
            0..=0x1f | 0x7f => text.extend(format!("\\u{byte:04x}").bytes()),
            byte => text.push(*byte),
        }
    }
    text.push(b'"');
}

fn decode(lua: &Lua, json: Json) -> mlua::Result<Value> {
    Ok(match json {
        Json::Null => Value::LightUserData(LightUserData(std::ptr::null_mut())),
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::String(lua.create_string(text)?),
        Json::Array(items) => {
            let table = lua.create_table()?;
            for item in items {
                table.raw_push(decode(lua, item)?)?;
            }
            Value::Table(table)
        }
        Json::Object(fields) => {
            let table = lua.create_table()?;
            for (name, value) in fields {
                table.raw_set(name, decode(lua, value)?)?;
            }
            Value::Table(table)
        }
    })
}
