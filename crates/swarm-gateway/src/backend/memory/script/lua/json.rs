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

/// What a script may set.
struct Settings {
    /// Significant digits of numbers.
    precision: Cell<usize>,
    encode_depth: Cell<usize>,
    decode_depth: Cell<usize>,
    /// Whether NaN and infinite numbers are encoded.
    invalid_numbers: Cell<bool>,
    /// An array with more places than this, and too few of them in use, is refused.
    safe_length: Cell<usize>,
    sparse_ratio: Cell<usize>,
    /// Whether such an array becomes an object instead.
    convert_sparse: Cell<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            precision: Cell::new(14),
            encode_depth: Cell::new(MAX_DEPTH),
            decode_depth: Cell::new(MAX_DEPTH),
            invalid_numbers: Cell::new(false),
            safe_length: Cell::new(10),
            sparse_ratio: Cell::new(2),
            convert_sparse: Cell::new(false),
        }
    }
}

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let settings = Rc::new(Settings::default());
    let used = settings.clone();
    let encode = lua.create_function(move |lua, args: MultiValue| {
        let mut text = Vec::new();
        let encoded = only(&args, "encode").and_then(|value| used.encode(&mut text, value, 0));
        match encoded {
            Ok(()) => lua.create_string(text),
            Err(what) => Err(Raised::error(lua, &what)),
        }
    })?;
    library.set("encode", encode)?;
    let used = settings.clone();
    let decode = lua.create_function(move |lua, args: MultiValue| {
        let json = only(&args, "decode")
            .and_then(|text| text_of(Some(text), 1, "decode"))
            .and_then(|text| {
                let json = serde_json::from_slice::<Json>(&text);
                json.map_err(|error| format!("the text is no JSON: {error}"))
            })
            .and_then(|json| match depth(&json) > used.decode_depth.get() {
                true => Err("Found too many nested data structures".to_owned()),
                false => Ok(json),
            });
        match json {
            Ok(json) => decode(lua, json),
            Err(what) => Err(Raised::error(lua, &what)),
        }
    })?;
    library.set("decode", decode)?;
    add_settings(lua, &library, &settings)?;
    library.set(
        "null",
        Value::LightUserData(LightUserData(std::ptr::null_mut())),
    )?;
    library.set("_NAME", "cjson")?;
    library.set("_VERSION", "2.1.0")?;
    Ok(library)
}

/// Adds the functions that return settings, and change them if they are called with a value.
fn add_settings(lua: &Lua, library: &Table, settings: &Rc<Settings>) -> mlua::Result<()> {
    type Limit = fn(&Settings) -> &Cell<usize>;
    let limits: [(&str, Limit, usize); 3] = [
        (
            "encode_number_precision",
            |settings| &settings.precision,
            14,
        ),
        (
            "encode_max_depth",
            |settings| &settings.encode_depth,
            MAX_DEPTH,
        ),
        (
            "decode_max_depth",
            |settings| &settings.decode_depth,
            MAX_DEPTH,
        ),
    ];
    for (name, limit, most) in limits {
        let settings = settings.clone();
        let function = lua.create_function(move |_, value: Option<usize>| {
            let limit = limit(&settings);
            if let Some(value) = value {
                limit.set(value.clamp(1, most));
            }
            Ok(limit.get())
        })?;
        library.set(name, function)?;
    }
    let used = settings.clone();
    let invalid_numbers = lua.create_function(move |_, value: Option<bool>| {
        if let Some(value) = value {
            used.invalid_numbers.set(value);
        }
        Ok(used.invalid_numbers.get())
    })?;
    library.set("encode_invalid_numbers", invalid_numbers)?;
    let used = settings.clone();
    let sparse = lua.create_function(
        move |_, (convert, ratio, safe): (Option<bool>, Option<usize>, Option<usize>)| {
            used.convert_sparse
                .set(convert.unwrap_or(used.convert_sparse.get()));
            used.sparse_ratio
                .set(ratio.unwrap_or(used.sparse_ratio.get()));
            used.safe_length.set(safe.unwrap_or(used.safe_length.get()));
            Ok((
                used.convert_sparse.get(),
                used.sparse_ratio.get(),
                used.safe_length.get(),
            ))
        },
    )?;
    library.set("encode_sparse_array", sparse)?;
    // Invalid numbers are never decoded, and there is no buffer to keep.
    for name in ["decode_invalid_numbers", "encode_keep_buffer"] {
        library.set(name, lua.create_function(|_, _: MultiValue| Ok(false))?)?;
    }
    Ok(())
}

/// Nesting of arrays and objects.
fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn only<'a>(args: &'a MultiValue, function: &str) -> Result<&'a Value, String> {
    match (args.front(), args.len()) {
        (Some(value), 1) => Ok(value),
        _ => Err(format!(
            "bad argument #1 to '{function}' (expected 1 argument)"
        )),
    }
}

impl Settings {
    fn encode(&self, text: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), String> {
        match value {
            Value::Nil => text.extend(b"null"),
            Value::LightUserData(data) if data.0.is_null() => text.extend(b"null"),
            Value::Boolean(value) => text.extend(value.to_string().bytes()),
            Value::Integer(_) | Value::Number(_) => {
                let is_finite = numbers::number(value).is_some_and(f64::is_finite);
                if !is_finite && !self.invalid_numbers.get() {
                    return Err("Cannot serialise number: must not be NaN or Inf".to_owned());
                }
                text.extend(self.number(value).bytes());
            }
            Value::String(value) => quote(text, &value.as_bytes()),
            Value::Table(_) if depth >= self.encode_depth.get() => {
                let depth = depth + 1;
                return Err(format!("Cannot serialise, excessive depth ({depth})"));
            }
            Value::Table(table) => return self.encode_table(text, table, depth + 1),
            other => {
                let kind = other.type_name();
                return Err(format!("Cannot serialise {kind}: type not supported"));
            }
        }
        Ok(())
    }

    fn number(&self, number: &Value) -> String {
        let digits = u8::try_from(self.precision.get()).unwrap_or(u8::MAX);
        numbers::text(number, digits)
    }

    fn encode_table(&self, text: &mut Vec<u8>, table: &Table, depth: usize) -> Result<(), String> {
        let pairs: Vec<(Value, Value)> =
            (table.pairs().collect::<mlua::Result<_>>()).map_err(|error| error.to_string())?;
        if let Some(length) = self.array_length(&pairs)? {
            text.push(b'[');
            for at in 1..=length {
                if at > 1 {
                    text.push(b',');
                }
                let item = table.raw_get(at).unwrap_or(Value::Nil);
                self.encode(text, &item, depth)?;
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
                Value::Integer(_) | Value::Number(_) => quote(text, self.number(name).as_bytes()),
                other => {
                    let kind = other.type_name();
                    return Err(format!(
                        "Cannot serialise {kind}: table key must be a number or string"
                    ));
                }
            }
            text.push(b':');
            self.encode(text, value, depth)?;
        }
        text.push(b'}');
        Ok(())
    }

    /// Returns the length of a table that is an array: all of its names are positive integers.
    fn array_length(&self, pairs: &[(Value, Value)]) -> Result<Option<usize>, String> {
        let mut length = 0;
        for (name, _) in pairs {
            match name {
                Value::Integer(at) if *at > 0 => {
                    length = length.max(usize::try_from(*at).unwrap_or(usize::MAX));
                }
                _ => return Ok(None),
            }
        }
        let most = pairs.len().saturating_mul(self.sparse_ratio.get());
        let is_sparse =
            self.sparse_ratio.get() > 0 && length > self.safe_length.get() && length > most;
        match (is_sparse, self.convert_sparse.get()) {
            (true, true) => Ok(None),
            (true, false) => Err("Cannot serialise table: excessively sparse array".to_owned()),
            (false, _) => Ok((length > 0).then_some(length)),
        }
    }
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
