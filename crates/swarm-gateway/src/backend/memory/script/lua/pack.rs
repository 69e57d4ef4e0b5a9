//! `struct`: values as bytes in a given layout.

use mlua::{Lua, MultiValue, Table, Value};

use super::arguments::{number_of, text_of};
use super::numbers;
use super::raised::{Failure, Raised};

/// Largest size of an integer, in bytes.
const MAX_INTEGER: usize = 32;

/// One option of a format.
#[derive(Debug, Clone, Copy)]
struct Item {
    option: u8,
    /// Number of bytes, or 0 for what has none, or whose size follows from the data.
    size: usize,
}

/// Reads a format option by option.
struct Format<'a> {
    rest: &'a [u8],
    /// The function that reads it, for error texts.
    function: &'static str,
    is_little: bool,
    align: usize,
}

impl<'a> Format<'a> {
    fn new(format: &'a [u8], function: &'static str) -> Self {
        Self {
            // A C string.
            rest: format.split(|byte| *byte == 0).next().unwrap_or_default(),
            function,
            is_little: cfg!(target_endian = "little"),
            align: 1,
        }
    }

    fn count(&mut self, default: usize) -> Result<usize, String> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(digits.count());
        self.rest = rest;
        if digits.is_empty() {
            return Ok(default);
        }
        let number = std::str::from_utf8(digits).ok();
        let number = number.and_then(|digits| digits.parse::<i32>().ok());
        number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| "integral size overflow".to_owned())
    }

    fn next(&mut self) -> Result<Option<Item>, String> {
        let Some((option, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1)?,
            b'i' | b'I' => match self.count(4)? {
                size @ ..=MAX_INTEGER => size,
                size => {
                    return Err(format!(
                        "integral size {size} is larger than limit of {MAX_INTEGER}"
                    ));
                }
            },
            _ => 0,
        };
        Ok(Some(Item {
            option: *option,
            size,
        }))
    }

    /// Applies an option that stands for no bytes.
    fn control(&mut self, option: u8) -> Result<(), String> {
        match option {
            b' ' => {}
            b'>' => self.is_little = false,
            b'<' => self.is_little = true,
            b'!' => {
                let align = self.count(8)?;
                if !align.is_power_of_two() {
                    return Err(format!("alignment {align} is not a power of 2"));
                }
                self.align = align;
            }
            other => {
                let what = format!("invalid format option '{}'", char::from(other));
                return Err(self.bad(1, &what));
            }
        }
        Ok(())
    }

    fn bad(&self, at: usize, what: &str) -> String {
        let function = self.function;
        format!("bad argument #{at} to '{function}' ({what})")
    }

    /// Number of bytes to leave out before an option at an offset.
    fn gap(&self, item: Item, offset: usize) -> usize {
        let align = item.size.min(self.align);
        if align == 0 || item.option == b'c' {
            return 0;
        }
        // The library does not require a power of two.
        (align - (offset & (align - 1))) & (align - 1)
    }

    /// Puts bytes that are least significant first into the order of the format, or back.
    fn ordered(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if !self.is_little {
            bytes.reverse();
        }
        bytes
    }
}

/// Returns the bits of an integer, as C converts it on x86-64.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is what scripts get"
)]
fn integer(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let fits =
        |number: f64| (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number);
    if fits(number) {
        return number as i64 as u64;
    }
    if number >= 9.223_372_036_854_776e18 {
        let rest = number - 9.223_372_036_854_776e18;
        return if fits(rest) { rest as u64 ^ SIGN } else { 0 };
    }
    SIGN
}

fn pack(lua: &Lua, args: &MultiValue) -> Result<Vec<u8>, String> {
    let format = text_of(args.front(), 1, "pack")?;
    let mut format = Format::new(&format, "pack");
    let mut packed = Vec::new();
    let mut at = 1;
    while let Some(item) = format.next()? {
        packed.resize(packed.len() + format.gap(item, packed.len()), 0);
        // What is missing is nil.
        let value = args.get(at).unwrap_or(&Value::Nil);
        let number = || number_of(lua, Some(value), at + 1, "pack");
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let mut bytes = integer(number()?).to_le_bytes().to_vec();
                bytes.resize(item.size, 0);
                packed.extend(format.ordered(bytes));
            }
            b'f' => {
                #[expect(clippy::cast_possible_truncation, reason = "that is the format")]
                let number = number()? as f32;
                packed.extend(format.ordered(number.to_le_bytes().to_vec()));
            }
            b'd' => packed.extend(format.ordered(number()?.to_le_bytes().to_vec())),
            b'x' => {
                packed.push(0);
                continue;
            }
            b'c' | b's' => {
                let text = text_of(Some(value), at + 1, "pack")?;
                let size = if item.size == 0 {
                    text.len()
                } else {
                    item.size
                };
                // The library names the argument behind it.
                let text = text
                    .get(..size)
                    .ok_or_else(|| format.bad(at + 2, "string too short"))?;
                packed.extend(text);
                if item.option == b's' {
                    packed.push(0);
                }
            }
            other => {
                format.control(other)?;
                continue;
            }
        }
        at += 1;
    }
    Ok(packed)
}

#[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
fn unpack(lua: &Lua, args: &MultiValue) -> Result<Vec<Value>, Failure> {
    let format = text_of(args.front(), 1, "unpack")?;
    let data = text_of(args.get(1), 2, "unpack")?;
    let mut format = Format::new(&format, "unpack");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "negative ones lie behind the data"
    )]
    let start = match args.get(2).filter(|start| !start.is_nil()) {
        None => 1,
        start => number_of(lua, start, 3, "unpack")? as i64 as usize,
    };
    let offset = start.checked_sub(1);
    let mut offset = offset.ok_or_else(|| format.bad(3, "offset must be 1 or greater"))?;
    let mut values = Vec::new();
    while let Some(item) = format.next()? {
        offset = offset.saturating_add(format.gap(item, offset));
        let too_short = || format.bad(2, "data string too short");
        let rest = data.get(offset..).ok_or_else(too_short)?;
        let bytes = rest.get(..item.size).ok_or_else(too_short)?;
        let little = format.ordered(bytes.to_vec());
        let mut size = item.size;
        match item.option {
            b'b' | b'h' | b'l' | b'i' => {
                let is_negative = little.last().is_some_and(|byte| byte & 0x80 > 0);
                let fill = if is_negative { 0xff } else { 0 };
                values.push(Value::Number(i64::from_le_bytes(low(little, fill)) as f64));
            }
            b'B' | b'H' | b'L' | b'T' | b'I' => {
                values.push(Value::Number(u64::from_le_bytes(low(little, 0)) as f64));
            }
            b'f' => {
                let bits = little.first_chunk().copied().unwrap_or_default();
                values.push(Value::Number(f64::from(f32::from_le_bytes(bits))));
            }
            b'd' => values.push(Value::Number(f64::from_le_bytes(low(little, 0)))),
            b'x' => {}
            b'c' => {
                let text = match size {
                    0 => {
                        size = previous_size(lua, values.pop())?;
                        rest.get(..size).ok_or_else(too_short)?
                    }
                    _ => bytes,
                };
                values.push(Value::String(lua.create_string(text)?));
            }
            b's' => {
                let end = rest.iter().position(|byte| *byte == 0);
                let end = end.ok_or_else(|| "unfinished string in data".to_owned())?;
                let text = rest.get(..end).unwrap_or_default();
                values.push(Value::String(lua.create_string(text)?));
                size = end + 1;
            }
            other => format.control(other)?,
        }
        offset += size;
    }
    values.push(Value::Number((offset + 1) as f64));
    Ok(values)
}

/// The lowest 64 bits of a number whose least significant byte is first.
fn low(mut little: Vec<u8>, fill: u8) -> [u8; 8] {
    little.resize(little.len().max(8), fill);
    little.first_chunk().copied().unwrap_or_default()
}

/// The size of a text that the value before it says.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative and too large ones lie behind the data"
)]
fn previous_size(lua: &Lua, value: Option<Value>) -> Result<usize, String> {
    let size = value.and_then(|value| numbers::coerced(lua, &value));
    let size = size.ok_or_else(|| "format 'c0' needs a previous size".to_owned())?;
    Ok(match size < 0.0 {
        true => usize::MAX,
        false => size as usize,
    })
}

fn size(format: &[u8]) -> Result<usize, String> {
    let mut format = Format::new(format, "size");
    let mut size = 0;
    while let Some(item) = format.next()? {
        size += format.gap(item, size);
        match item {
            Item { option: b's', .. } => {
                return Err(format.bad(1, "option 's' has no fixed size"));
            }
            Item {
                option: b'c',
                size: 0,
            } => {
                return Err(format.bad(1, "option 'c0' has no fixed size"));
            }
            // The library does not refuse unknown letters here.
            Item { option, .. } if option.is_ascii_alphanumeric() => size += item.size,
            Item { option, .. } => format.control(option)?,
        }
    }
    Ok(size)
}

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let pack = lua.create_function(|lua, args: MultiValue| match pack(lua, &args) {
        Ok(packed) => lua.create_string(packed),
        Err(what) => Err(Raised::error(lua, &what)),
    })?;
    library.set("pack", pack)?;
    let unpack = lua.create_function(|lua, args: MultiValue| match unpack(lua, &args) {
        Ok(values) => Ok(values.into_iter().collect::<MultiValue>()),
        Err(failure) => Err(failure.raise(lua)),
    })?;
    library.set("unpack", unpack)?;
    let size = lua.create_function(|lua, args: MultiValue| {
        let size = text_of(args.front(), 1, "size").and_then(|format| size(&format));
        size.map_err(|what| Raised::error(lua, &what))
    })?;
    library.set("size", size)?;
    Ok(library)
}
