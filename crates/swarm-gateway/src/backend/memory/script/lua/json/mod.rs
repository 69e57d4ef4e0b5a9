//! `cjson`: JSON, with the conventions of the library that Redis has.

mod decode;
mod encode;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{LightUserData, Lua, MultiValue, Table, Value};

use super::arguments::{number_of, text_of};
use super::raised::Raised;
use decode::decode;

/// Nesting that is allowed unless a script sets another limit.
const MAX_DEPTH: usize = 1000;

/// Nesting that no script can exceed. Redis ends near it, too, where the stack of Lua does.
const MAX_LEVELS: usize = 2500;

const MAX_INTEGER: usize = i32::MAX as usize;

/// What becomes of NaN and infinite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InvalidNumbers {
    Refused,
    Encoded,
    Null,
}

/// What a script may set.
struct Settings {
    /// Significant digits of numbers.
    precision: Cell<usize>,
    encode_depth: Cell<usize>,
    decode_depth: Cell<usize>,
    invalid_numbers: Cell<InvalidNumbers>,
    /// Whether NaN, infinite and hexadecimal numbers are decoded.
    decodes_invalid_numbers: Cell<bool>,
    /// Has no effect.
    keeps_buffer: Cell<bool>,
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
            invalid_numbers: Cell::new(InvalidNumbers::Refused),
            decodes_invalid_numbers: Cell::new(true),
            keeps_buffer: Cell::new(true),
            safe_length: Cell::new(10),
            sparse_ratio: Cell::new(2),
            convert_sparse: Cell::new(false),
        }
    }
}

fn null() -> Value {
    Value::LightUserData(LightUserData(std::ptr::null_mut()))
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
        let text = only(&args, "decode").and_then(|text| text_of(Some(text), 1, "decode"));
        let text = text.map_err(|what| Raised::error(lua, &what))?;
        decode(lua, &used, &text).map_err(|failure| failure.raise(lua))
    })?;
    library.set("decode", decode)?;
    add_limits(lua, &library, &settings)?;
    add_choices(lua, &library, &settings)?;
    library.set(
        "new",
        lua.create_function(|lua, _: MultiValue| self::library(lua))?,
    )?;
    library.set("null", null())?;
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

/// Adds a function that returns settings, and changes them if it is called with values.
fn add(
    lua: &Lua,
    library: &Table,
    name: &'static str,
    most: usize,
    run: impl Fn(&Arguments<'_>) -> Result<Vec<Value>, String> + 'static,
) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, args: MultiValue| {
        let args = Arguments {
            lua,
            args: &args,
            function: name,
        };
        let values = args.at_most(most).and_then(|()| run(&args));
        let values = values.map_err(|what| Raised::error(lua, &what))?;
        Ok(values.into_iter().collect::<MultiValue>())
    })?;
    library.set(name, function)
}

/// Arguments of a function that changes settings.
struct Arguments<'a> {
    lua: &'a Lua,
    args: &'a MultiValue,
    function: &'static str,
}

impl Arguments<'_> {
    fn bad(&self, at: usize, what: &str) -> String {
        let function = self.function;
        format!("bad argument #{at} to '{function}' ({what})")
    }

    fn at_most(&self, count: usize) -> Result<(), String> {
        match self.args.len() > count {
            true => Err(self.bad(count + 1, "found too many arguments")),
            false => Ok(()),
        }
    }

    fn given(&self, at: usize) -> Option<&Value> {
        self.args.get(at - 1).filter(|value| !value.is_nil())
    }

    /// Sets a number, if there is one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what does not fit is refused"
    )]
    fn set_number(
        &self,
        at: usize,
        setting: &Cell<usize>,
        least: usize,
        most: usize,
    ) -> Result<(), String> {
        if let Some(value) = self.given(at) {
            let number = number_of(self.lua, Some(value), at, self.function)? as i64 as i32;
            let number = usize::try_from(number).ok();
            let number = number.filter(|number| (least..=most).contains(number));
            // The library names the first argument, whichever it is.
            let what = || self.bad(1, &format!("expected integer between {least} and {most}"));
            setting.set(number.ok_or_else(what)?);
        }
        Ok(())
    }

    /// Returns which of some words an argument is, if there is one. The first two are booleans.
    fn choice(&self, at: usize, words: &[&str]) -> Result<Option<usize>, String> {
        let Some(value) = self.given(at) else {
            return Ok(None);
        };
        if let Value::Boolean(value) = value {
            return Ok(Some(usize::from(*value)));
        }
        let text = text_of(Some(value), at, self.function)?;
        let found = words.iter().position(|word| word.as_bytes() == text);
        let unknown = || {
            let text = String::from_utf8_lossy(&text);
            self.bad(at, &format!("invalid option '{text}'"))
        };
        found.map(Some).ok_or_else(unknown)
    }

    fn set_switch(&self, at: usize, setting: &Cell<bool>) -> Result<(), String> {
        if let Some(choice) = self.choice(at, &["off", "on"])? {
            setting.set(choice > 0);
        }
        Ok(())
    }
}

fn integer(setting: &Cell<usize>) -> Value {
    Value::Integer(i64::try_from(setting.get()).unwrap_or(i64::MAX))
}

/// Adds the functions that set numbers.
fn add_limits(lua: &Lua, library: &Table, settings: &Rc<Settings>) -> mlua::Result<()> {
    type Limit = fn(&Settings) -> &Cell<usize>;
    let limits: [(&str, Limit, usize); 3] = [
        ("encode_number_precision", |used| &used.precision, 14),
        ("encode_max_depth", |used| &used.encode_depth, MAX_INTEGER),
        ("decode_max_depth", |used| &used.decode_depth, MAX_INTEGER),
    ];
    for (name, limit, most) in limits {
        let used = settings.clone();
        add(lua, library, name, 1, move |args| {
            args.set_number(1, limit(&used), 1, most)?;
            Ok(vec![integer(limit(&used))])
        })?;
    }
    Ok(())
}

/// Adds the functions that set what has a name.
fn add_choices(lua: &Lua, library: &Table, settings: &Rc<Settings>) -> mlua::Result<()> {
    type Switch = fn(&Settings) -> &Cell<bool>;
    let switches: [(&str, Switch); 2] = [
        ("decode_invalid_numbers", |used| {
            &used.decodes_invalid_numbers
        }),
        ("encode_keep_buffer", |used| &used.keeps_buffer),
    ];
    for (name, switch) in switches {
        let used = settings.clone();
        add(lua, library, name, 1, move |args| {
            args.set_switch(1, switch(&used))?;
            Ok(vec![Value::Boolean(switch(&used).get())])
        })?;
    }
    let used = settings.clone();
    add(lua, library, "encode_invalid_numbers", 1, move |args| {
        let all = [
            InvalidNumbers::Refused,
            InvalidNumbers::Encoded,
            InvalidNumbers::Null,
        ];
        let choice = args.choice(1, &["off", "on", "null"])?;
        if let Some(choice) = choice.and_then(|choice| all.get(choice)) {
            used.invalid_numbers.set(*choice);
        }
        Ok(vec![match used.invalid_numbers.get() {
            InvalidNumbers::Refused => Value::Boolean(false),
            InvalidNumbers::Encoded => Value::Boolean(true),
            InvalidNumbers::Null => {
                let text = args.lua.create_string("null");
                Value::String(text.map_err(|error| error.to_string())?)
            }
        }])
    })?;
    let used = settings.clone();
    add(lua, library, "encode_sparse_array", 3, move |args| {
        args.set_switch(1, &used.convert_sparse)?;
        args.set_number(2, &used.sparse_ratio, 0, MAX_INTEGER)?;
        args.set_number(3, &used.safe_length, 0, MAX_INTEGER)?;
        let converts = Value::Boolean(used.convert_sparse.get());
        Ok(vec![
            converts,
            integer(&used.sparse_ratio),
            integer(&used.safe_length),
        ])
    })
}
