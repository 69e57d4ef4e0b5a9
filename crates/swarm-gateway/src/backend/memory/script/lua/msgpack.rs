//! `cmsgpack`: values as MessagePack.

use mlua::{Lua, MultiValue, Table, Value};

use super::arguments::{number_of, text_of};
use super::numbers;
use super::raised::{Failure, Raised};
use super::shared::MAX_MEMORY;

/// Deeper tables are packed as nil.
const MAX_PACKED_DEPTH: usize = 16;

/// Depth beyond which the stack of Redis' interpreter overflows, approximately.
const MAX_DEPTH: usize = 2_600;

/// Returns an integer that a number is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "only whole numbers pass"
)]
fn integer(number: f64) -> Option<i64> {
    let integer = number as i64;
    (number.is_finite() && number < 9.223_372_036_854_776e18 && integer as f64 == number)
        .then_some(integer)
}

/// Appends a size: in the first byte if it is small, or behind a mark for 8, 16 or 32 bits.
fn put_size(packed: &mut Vec<u8>, size: usize, small: (u8, usize), marks: [Option<u8>; 3]) {
    let (first, most) = small;
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let [.., high, low] = size.to_be_bytes();
    let [short, middle, long] = marks;
    match (size, short) {
        (size, _) if size as usize <= most => packed.push(first | low),
        (..=0xff, Some(mark)) => packed.extend([mark, low]),
        (..=0xffff, _) => packed.extend([middle.unwrap_or_default(), high, low]),
        _ => {
            packed.push(long.unwrap_or_default());
            packed.extend(size.to_be_bytes());
        }
    }
}

fn put_integer(packed: &mut Vec<u8>, number: i64) {
    let bytes = number.to_be_bytes();
    let (mark, size) = match number {
        -32..=127 => (None, 1),
        128..=0xff => (Some(0xcc), 1),
        0x100..=0xffff => (Some(0xcd), 2),
        0x1_0000..=0xffff_ffff => (Some(0xce), 4),
        0x1_0000_0000.. => (Some(0xcf), 8),
        -128..-32 => (Some(0xd0), 1),
        -32_768..-128 => (Some(0xd1), 2),
        -2_147_483_648..-32_768 => (Some(0xd2), 4),
        ..-2_147_483_648 => (Some(0xd3), 8),
    };
    packed.extend(mark);
    packed.extend(bytes.iter().skip(8 - size));
}

fn put_number(packed: &mut Vec<u8>, number: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "compared below")]
    let single = number as f32;
    if let Some(integer) = integer(number) {
        put_integer(packed, integer);
    } else if f64::from(single).to_bits() == number.to_bits() && !number.is_nan() {
        packed.push(0xca);
        packed.extend(single.to_be_bytes());
    } else {
        packed.push(0xcb);
        packed.extend(number.to_be_bytes());
    }
}

/// Returns whether the keys of a table are the integers from 1 on.
fn is_array(table: &Table) -> mlua::Result<bool> {
    let (mut count, mut most) = (0_i64, 0);
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        let key = numbers::number(&key).and_then(integer);
        let Some(key) = key.filter(|key| (1..=i64::from(i32::MAX)).contains(key)) else {
            return Ok(false);
        };
        most = most.max(key);
        count += 1;
    }
    Ok(most == count)
}

fn put(packed: &mut Vec<u8>, value: &Value, depth: usize) -> mlua::Result<()> {
    if packed.len() > MAX_MEMORY {
        return Err(mlua::Error::MemoryError("not enough memory".to_owned()));
    }
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            put_size(
                packed,
                text.len(),
                (0xa0, 31),
                [Some(0xd9), Some(0xda), Some(0xdb)],
            );
            packed.extend_from_slice(&text);
        }
        Value::Boolean(value) => packed.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(_) | Value::Number(_) => {
            put_number(packed, numbers::number(value).unwrap_or_default());
        }
        Value::Table(table) if depth < MAX_PACKED_DEPTH => {
            if is_array(table)? {
                let length = table.raw_len();
                put_size(packed, length, (0x90, 15), [None, Some(0xdc), Some(0xdd)]);
                for at in 1..=length {
                    put(packed, &table.get(at)?, depth + 1)?;
                }
                return Ok(());
            }
            // All values at once would not fit on the interpreter's stack.
            let length = table.pairs::<Value, Value>().count();
            put_size(packed, length, (0x80, 15), [None, Some(0xde), Some(0xdf)]);
            for pair in table.pairs::<Value, Value>() {
                let (key, value) = pair?;
                put(packed, &key, depth + 1)?;
                put(packed, &value, depth + 1)?;
            }
        }
        _ => packed.push(0xc0),
    }
    Ok(())
}

fn pack(args: &MultiValue) -> Result<Vec<u8>, Failure> {
    if args.is_empty() {
        let what = "bad argument #0 to 'pack' (MessagePack pack needs input.)";
        return Err(what.to_owned().into());
    }
    let mut packed = Vec::new();
    for value in args {
        put(&mut packed, value, 0)?;
    }
    Ok(packed)
}

/// Data that is read.
struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, size: usize) -> Result<&[u8], Failure> {
        let missing = || "Missing bytes in input.".to_owned();
        let (taken, rest) = self.rest.split_at_checked(size).ok_or_else(missing)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let taken = self.take(N)?.first_chunk().copied();
        taken.ok_or_else(|| "Missing bytes in input.".to_owned().into())
    }

    /// Reads an unsigned number of some bytes.
    fn unsigned(&mut self, size: usize) -> Result<u64, Failure> {
        let bytes = self.take(size)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn size(&mut self, size: usize) -> Result<usize, Failure> {
        Ok(usize::try_from(self.unsigned(size)?).unwrap_or(usize::MAX))
    }

    fn text(&mut self, size: usize) -> Result<Value, Failure> {
        let lua = self.lua;
        Ok(Value::String(lua.create_string(self.take(size)?)?))
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, Failure> {
        let table = self.lua.create_table()?;
        for at in 1..=length {
            table.set(at, self.value(depth + 1)?)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value, Failure> {
        let table = self.lua.create_table()?;
        for _ in 0..length {
            let (key, value) = (self.value(depth + 1)?, self.value(depth + 1)?);
            match &key {
                Value::Nil => return Err(Raised::plain("table index is nil").into()),
                Value::Number(number) if number.is_nan() => {
                    return Err(Raised::plain("table index is NaN").into());
                }
                _ => table.set(key, value)?,
            }
        }
        Ok(Value::Table(table))
    }

    #[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
    fn value(&mut self, depth: usize) -> Result<Value, Failure> {
        if depth > MAX_DEPTH {
            let what = "stack overflow (in function mp_decode_to_lua_array)";
            return Err(what.to_owned().into());
        }
        let [first] = self.array()?;
        let low = usize::from(first & 15);
        Ok(match first {
            0..=0x7f | 0xe0..=0xff => Value::Number(f64::from(first.cast_signed())),
            0x80..=0x8f => self.map(low, depth)?,
            0x90..=0x9f => self.list(low, depth)?,
            0xa0..=0xbf => self.text(usize::from(first & 31))?,
            0xc0 => Value::Nil,
            0xc2 | 0xc3 => Value::Boolean(first == 0xc3),
            0xca => Value::Number(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Value::Number(f64::from_be_bytes(self.array()?)),
            0xcc..=0xcf => {
                let number = self.unsigned(1 << (first - 0xcc))?;
                Value::Number(number.cast_signed() as f64)
            }
            0xd0..=0xd3 => {
                let size = 1 << (first - 0xd0);
                let number = self.unsigned(size)?.cast_signed();
                let unused = 64 - 8 * size;
                Value::Number((number << unused >> unused) as f64)
            }
            0xd9..=0xdb => {
                let size = self.size(1 << (first - 0xd9))?;
                self.text(size)?
            }
            0xdc | 0xdd => {
                let length = self.size(2 << (first - 0xdc))?;
                self.list(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.size(2 << (first - 0xde))?;
                self.map(length, depth)?
            }
            _ => return Err("Bad data format in input.".to_owned().into()),
        })
    }
}

/// Returns an argument that is an integer, as C converts it.
#[expect(clippy::cast_possible_truncation, reason = "that is what scripts get")]
fn integer_of(
    lua: &Lua,
    args: &MultiValue,
    at: usize,
    function: &str,
    default: Option<i64>,
) -> Result<i64, Failure> {
    match (args.get(at - 1), default) {
        (None | Some(Value::Nil), Some(default)) => Ok(default),
        (value, _) => Ok(number_of(lua, value, at, function)? as i64),
    }
}

/// Reads up to `limit` values from an offset on. Without both, reads all; otherwise, the first
/// result is the next offset, or -1 at the end.
fn unpack(
    lua: &Lua,
    args: &MultiValue,
    function: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<Value>, Failure> {
    let data = text_of(args.front(), 1, function)?;
    let all = limit == 0 && offset == 0;
    let length = data.len();
    let (Ok(start), Ok(most)) = (usize::try_from(offset), usize::try_from(limit)) else {
        let what = "Invalid request to unpack with offset of";
        return Err(format!("{what} {offset} and limit of {length}.").into());
    };
    let Some(rest) = data.get(start..) else {
        let what = format!("Start offset {start} greater than input length {length}.");
        return Err(what.into());
    };
    let mut reader = Reader { lua, rest };
    let mut values = Vec::new();
    while !reader.rest.is_empty() && (all || values.len() < most) {
        values.push(reader.value(0)?);
    }
    if !all {
        let next = match reader.rest.len() {
            0 => -1,
            left => i64::try_from(length - left).unwrap_or(i64::MAX),
        };
        values.insert(0, Value::Integer(next));
    }
    Ok(values)
}

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let results = |lua: &Lua, values: Result<Vec<Value>, Failure>| match values {
        Ok(values) => Ok(values.into_iter().collect::<MultiValue>()),
        Err(failure) => Err(failure.raise(lua)),
    };
    let pack = lua.create_function(|lua, args: MultiValue| match pack(&args) {
        Ok(packed) => lua.create_string(packed),
        Err(failure) => Err(failure.raise(lua)),
    })?;
    library.set("pack", pack)?;
    let unpack_all = lua.create_function(move |lua, args: MultiValue| {
        results(lua, unpack(lua, &args, "unpack", 0, 0))
    })?;
    library.set("unpack", unpack_all)?;
    let unpack_one = lua.create_function(move |lua, args: MultiValue| {
        let offset = integer_of(lua, &args, 2, "unpack_one", Some(0));
        let values = offset.and_then(|offset| unpack(lua, &args, "unpack_one", 1, offset));
        results(lua, values)
    })?;
    library.set("unpack_one", unpack_one)?;
    let unpack_limit = lua.create_function(move |lua, args: MultiValue| {
        let numbers = integer_of(lua, &args, 2, "unpack_limit", None)
            .and_then(|limit| Ok((limit, integer_of(lua, &args, 3, "unpack_limit", Some(0))?)));
        let values = numbers.and_then(|(limit, at)| unpack(lua, &args, "unpack_limit", limit, at));
        results(lua, values)
    })?;
    library.set("unpack_limit", unpack_limit)?;
    for (name, text) in [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ] {
        library.set(name, text)?;
    }
    Ok(library)
}
