//! Replies as values of a script, and values of a script as arguments and replies.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use mlua::{Lua, Table, Value};
use swarm_resp::{Frame, FrameRef, Kind, RespVersion, encode_frame};

use super::super::super::reject::Reject;
use super::super::Profile;
use super::numbers;
use super::raised::Raised;
use crate::fragments;

/// Nesting from which a result is refused. Redis ends where the stack of Lua does, but clients do
/// not decode thousands of levels.
const MAX_DEPTH: usize = 100;

/// Values in a result. A table that contains another one twice, and so on, has more than any
/// memory holds.
const MAX_VALUES: usize = 1 << 20;

/// As many values as a table counts as.
const TABLE: usize = 16;

const TOO_LARGE: Reject = Reject::text("ERR script output too large");

const DEEP: &str = "ERR reached lua stack limit";

const BAD_ARGUMENT: &str = "ERR Lua redis lib command arguments must be strings or integers";

/// Converts a value to an argument of a command.
pub(super) fn argument(value: &Value, profile: Profile) -> mlua::Result<Bytes> {
    match value {
        Value::String(text) => Ok(Bytes::copy_from_slice(&text.as_bytes())),
        Value::Integer(_) | Value::Number(_) => Ok(numbers::text(value, 17).into()),
        Value::Boolean(_) if profile.swarm => Ok(Bytes::new()),
        _ => Err(Raised::reply(BAD_ARGUMENT)),
    }
}

/// Converts a reply to a value.
pub(super) fn value(
    lua: &Lua,
    reply: FrameRef<'_>,
    resp: RespVersion,
    profile: Profile,
) -> mlua::Result<Value> {
    let convert = |reply| value(lua, reply, resp, profile);
    let text = |text: &[u8]| Ok(Value::String(lua.create_string(text)?));
    let field = |name: &str, value: Value| {
        let table = lua.create_table()?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    };
    let bytes = || reply.to_bytes().unwrap_or_default();
    if let Some(error) = reply.error_bytes() {
        return field("err", text(error)?);
    }
    let is_resp3 = resp == RespVersion::Resp3;
    if reply.is_null() {
        return Ok(match is_resp3 {
            true => Value::Nil,
            false => Value::Boolean(false),
        });
    }
    match reply.kind() {
        Kind::SimpleString if !profile.swarm => field("ok", text(&bytes())?),
        Kind::Integer => Ok(number(reply.as_integer().unwrap_or_default())),
        Kind::Boolean if is_resp3 => Ok(Value::Boolean(reply.as_bool().unwrap_or_default())),
        Kind::Boolean => Ok(number(reply.as_bool().unwrap_or_default().into())),
        Kind::Double if is_resp3 => {
            let double = reply.as_double().unwrap_or_default();
            field("double", Value::Number(double))
        }
        Kind::BigNumber if is_resp3 => field("big_number", text(&bytes())?),
        Kind::VerbatimString if is_resp3 => {
            let table = lua.create_table()?;
            let format = reply.verbatim_format().unwrap_or(b"txt");
            table.raw_set("format", lua.create_string(format)?)?;
            table.raw_set("string", text(&bytes())?)?;
            field("verbatim_string", Value::Table(table))
        }
        Kind::Map if is_resp3 => {
            let map = lua.create_table()?;
            for (name, value) in reply.pairs().into_iter().flatten() {
                map.raw_set(convert(name)?, convert(value)?)?;
            }
            field("map", Value::Table(map))
        }
        Kind::Set if is_resp3 => {
            let set = lua.create_table()?;
            for member in reply.items().into_iter().flatten() {
                set.raw_set(convert(member)?, true)?;
            }
            field("set", Value::Table(set))
        }
        Kind::Map => {
            let list = lua.create_table()?;
            for (name, value) in reply.pairs().into_iter().flatten() {
                list.raw_push(convert(name)?)?;
                list.raw_push(convert(value)?)?;
            }
            Ok(Value::Table(list))
        }
        Kind::Double => text(&double_text(reply)),
        _ => match reply.items() {
            Some(items) => {
                let list = lua.create_table()?;
                for (at, item) in items.enumerate() {
                    list.raw_set(at + 1, convert(item)?)?;
                }
                Ok(Value::Table(list))
            }
            None => text(&bytes()),
        },
    }
}

/// Lua's numbers are doubles.
#[expect(clippy::cast_precision_loss, reason = "as in Redis")]
const fn number(number: i64) -> Value {
    Value::Number(number as f64)
}

/// A double as the text that RESP2 carries.
fn double_text(reply: FrameRef<'_>) -> Vec<u8> {
    let mut wire = BytesMut::new();
    encode_frame(&mut wire, &reply.to_frame(), RespVersion::Resp2);
    let mut lines = (wire[..]).split(|byte: &u8| *byte == b'\n');
    let text = lines.nth(1).unwrap_or_default();
    text.strip_suffix(b"\r").unwrap_or(text).to_vec()
}

/// Converts the result of a script to a reply.
///
/// # Errors
///
/// The result has too many values.
pub(super) fn frame(value: &Value, resp: RespVersion, profile: Profile) -> Result<Frame, Reject> {
    let left = Cell::new(MAX_VALUES);
    let converter = Converter {
        resp,
        profile,
        left: &left,
    };
    let frame = converter.frame(value, 0);
    match left.get() {
        0 => Err(TOO_LARGE),
        _ => Ok(frame),
    }
}

#[derive(Clone, Copy)]
struct Converter<'a> {
    resp: RespVersion,
    profile: Profile,
    /// How many more values the result may have.
    left: &'a Cell<usize>,
}

impl Converter<'_> {
    fn frame(self, value: &Value, depth: usize) -> Frame {
        let cost = if value.is_table() { TABLE } else { 1 };
        self.left.set(self.left.get().saturating_sub(cost));
        if self.left.get() == 0 {
            return Frame::null();
        }
        if depth > MAX_DEPTH {
            return Frame::error(DEEP);
        }
        match value {
            Value::String(text) => Frame::bulk(Bytes::copy_from_slice(&text.as_bytes())),
            Value::Integer(number) => Frame::integer(*number),
            Value::Number(number) => Frame::integer(self.integer(*number)),
            Value::Boolean(value) if self.resp == RespVersion::Resp3 => {
                Frame::build(|reply| reply.boolean(*value))
            }
            Value::Boolean(true) => Frame::integer(1),
            Value::Table(table) => self.table(table, depth + 1),
            _ => Frame::null(),
        }
    }

    /// Redis converts in C, where a number that does not fit becomes the smallest one.
    fn integer(self, number: f64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "that is what scripts get")]
        let truncated = number as i64;
        let fits = (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number);
        match fits || self.profile.swarm {
            true => truncated,
            false => i64::MIN,
        }
    }

    fn table(self, table: &Table, depth: usize) -> Frame {
        let field = |name: &str| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
        let line_breaks = self.profile.line_breaks;
        if let Value::String(text) = field("err") {
            let text = text.as_bytes();
            return match self.profile.swarm {
                true => Reject::new(text.to_vec()),
                // A C string.
                false => Reject::quoting(&[&text]),
            }
            .frame(line_breaks);
        }
        if let Value::String(text) = field("ok") {
            return status(&text.as_bytes(), line_breaks);
        }
        if !self.profile.swarm {
            let double = field("double");
            if numbers::number(&double).is_some() {
                return Frame::build(|reply| reply.double_text(&numbers::text(&double, 17)));
            }
            if let Value::Table(map) = field("map") {
                let pairs: Vec<_> = map
                    .pairs::<Value, Value>()
                    .filter_map(Result::ok)
                    .map(|(name, value)| (self.frame(&name, depth), self.frame(&value, depth)))
                    .collect();
                return Frame::map(pairs.iter().map(|(name, value)| (name, value)));
            }
            if let Value::Table(set) = field("set") {
                let members: Vec<_> = set
                    .pairs::<Value, Value>()
                    .filter_map(Result::ok)
                    .map(|(member, _)| self.frame(&member, depth))
                    .collect();
                return Frame::set(&members);
            }
            if let Value::String(digits) = field("big_number") {
                let digits = String::from_utf8_lossy(&digits.as_bytes()).replace(['\r', '\n'], " ");
                return Frame::big_number(&digits);
            }
            if let Value::Table(verbatim) = field("verbatim_string")
                && let (Ok(Value::String(format)), Ok(Value::String(text))) =
                    (verbatim.raw_get("format"), verbatim.raw_get("string"))
                && let Some(format) = format.as_bytes().first_chunk::<3>().copied()
            {
                return Frame::verbatim(format, &text.as_bytes());
            }
        }
        let mut items = Vec::new();
        for at in 1.. {
            if self.left.get() == 0 {
                break;
            }
            match table.raw_get::<Value>(at) {
                Ok(Value::Nil) | Err(_) => break,
                Ok(item) => items.push(self.frame(&item, depth)),
            }
        }
        Frame::array(&items)
    }
}

fn status(text: &[u8], keeps_line_breaks: bool) -> Frame {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    if keeps_line_breaks && text.iter().any(is_break) {
        return fragments::status(text);
    }
    let text: Vec<u8> = text
        .iter()
        .map(|byte| if is_break(byte) { b' ' } else { *byte })
        .collect();
    Frame::simple(text)
}
