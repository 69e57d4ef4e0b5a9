//! `struct`: values as bytes in a given layout.

use mlua::{Lua, MultiValue, Table, Value};

use super::arguments::{number_of, text_of};
use super::numbers;
use super::raised::Raised;

/// Largest size of an integer, in bytes.
const MAX_INTEGER: usize = 32;

/// One option of a format.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Integer {
        size: usize,
        is_signed: bool,
    },
    Float,
    Double,
    /// Text up to its first NUL.
    Text,
    /// Text of a size, or of the size that the previous value says.
    Chars(usize),
    Padding,
}

/// Byte order and alignment, as set so far.
#[derive(Debug, Clone, Copy)]
struct Layout {
    is_little: bool,
    align: usize,
}

/// Reads a format option by option.
struct Format<'a> {
    rest: &'a [u8],
    /// The function that reads it, for error texts.
    function: &'static str,
    layout: Layout,
}

impl<'a> Format<'a> {
    const fn new(format: &'a [u8], function: &'static str) -> Self {
        let layout = Layout {
            is_little: cfg!(target_endian = "little"),
            align: 1,
        };
        Self {
            rest: format,
            function,
            layout,
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

    fn integer(&mut self, default: usize) -> Result<usize, String> {
        match self.count(default)? {
            size @ 1..=MAX_INTEGER => Ok(size),
            size => Err(format!(
                "integral size {size} is larger than limit of {MAX_INTEGER}"
            )),
        }
    }

    /// Returns the next option that stands for bytes, and the alignment of its size.
    fn next(&mut self) -> Result<Option<Item>, String> {
        while let Some((option, rest)) = self.rest.split_first() {
            self.rest = rest;
            let integer = |size, is_signed| Ok(Some(Item::Integer { size, is_signed }));
            match option {
                b'b' => return integer(1, true),
                b'B' => return integer(1, false),
                b'h' => return integer(2, true),
                b'H' => return integer(2, false),
                b'l' => return integer(8, true),
                b'L' | b'T' => return integer(8, false),
                b'i' => return integer(self.integer(4)?, true),
                b'I' => return integer(self.integer(4)?, false),
                b'f' => return Ok(Some(Item::Float)),
                b'd' => return Ok(Some(Item::Double)),
                b's' => return Ok(Some(Item::Text)),
                b'c' => return Ok(Some(Item::Chars(self.count(1)?))),
                b'x' => return Ok(Some(Item::Padding)),
                b'>' => self.layout.is_little = false,
                b'<' => self.layout.is_little = true,
                b'!' => {
                    self.layout.align = self.integer(8)?;
                    if !self.layout.align.is_power_of_two() {
                        return Err("alignment is not a power of 2".to_owned());
                    }
                }
                b' ' => {}
                other => {
                    let option = char::from(*other);
                    let function = self.function;
                    return Err(format!(
                        "bad argument #1 to '{function}' (invalid format option '{option}')"
                    ));
                }
            }
        }
        Ok(None)
    }

    /// Number of bytes to leave out before an option at an offset.
    const fn gap(&self, item: Item, offset: usize) -> usize {
        let size = match item {
            Item::Integer { size, .. } => size,
            Item::Float => 4,
            Item::Double => 8,
            _ => return 0,
        };
        let align = if size < self.layout.align {
            size
        } else {
            self.layout.align
        };
        if align <= 1 || !align.is_power_of_two() {
            return 0;
        }
        (align - (offset & (align - 1))) & (align - 1)
    }
}

/// Puts bytes that are least significant first into the order of the layout.
fn ordered(mut bytes: Vec<u8>, layout: Layout) -> Vec<u8> {
    if !layout.is_little {
        bytes.reverse();
    }
    bytes
}

fn pack(args: &MultiValue) -> Result<Vec<u8>, String> {
    let mut args = args.iter();
    let format = text_of(args.next(), 1, "pack")?;
    let mut format = Format::new(&format, "pack");
    let mut packed = Vec::new();
    let mut at = 1;
    while let Some(item) = format.next()? {
        packed.resize(packed.len() + format.gap(item, packed.len()), 0);
        if item == Item::Padding {
            packed.push(0);
            continue;
        }
        at += 1;
        let value = args.next();
        let layout = format.layout;
        match item {
            Item::Integer { size, .. } => {
                #[expect(clippy::cast_possible_truncation, reason = "as in the library")]
                let number = number_of(value, at, "pack")? as i64;
                let fill = if number < 0 { 0xff } else { 0 };
                let mut bytes = number.to_le_bytes().to_vec();
                bytes.resize(size, fill);
                packed.extend(ordered(bytes, layout));
            }
            Item::Float => {
                #[expect(clippy::cast_possible_truncation, reason = "that is the format")]
                let number = number_of(value, at, "pack")? as f32;
                packed.extend(ordered(number.to_le_bytes().to_vec(), layout));
            }
            Item::Double => {
                let number = number_of(value, at, "pack")?;
                packed.extend(ordered(number.to_le_bytes().to_vec(), layout));
            }
            Item::Text => {
                packed.extend(text_of(value, at, "pack")?);
                packed.push(0);
            }
            Item::Chars(size) => {
                let text = text_of(value, at, "pack")?;
                let size = if size == 0 { text.len() } else { size };
                let text = text.get(..size);
                packed.extend(
                    text.ok_or(format!("bad argument #{at} to 'pack' (string too short)"))?,
                );
            }
            Item::Padding => {}
        }
    }
    Ok(packed)
}

#[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
fn unpack(lua: &Lua, args: &MultiValue) -> mlua::Result<Result<MultiValue, String>> {
    let mut args = args.iter();
    let parts = (|| {
        let format = text_of(args.next(), 1, "unpack")?;
        let data = text_of(args.next(), 2, "unpack")?;
        let start = match args.next() {
            None | Some(Value::Nil) => 1.0,
            start => number_of(start, 3, "unpack")?,
        };
        Ok((format, data, start))
    })();
    let (format, data, start) = match parts {
        Ok(parts) => parts,
        Err(what) => return Ok(Err(what)),
    };
    if start < 1.0 {
        return Ok(Err("offset must be 1 or greater".to_owned()));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and too large ones lie behind the data"
    )]
    let mut offset = start as usize - 1;
    let mut format = Format::new(&format, "unpack");
    let mut values = MultiValue::new();
    let mut list = Vec::new();
    loop {
        let item = match format.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(what) => return Ok(Err(what)),
        };
        offset = offset.saturating_add(format.gap(item, offset));
        let rest = data.get(offset..).unwrap_or_default();
        let size = match item {
            Item::Integer { size, .. } => size,
            Item::Float => 4,
            Item::Double => 8,
            Item::Padding => 1,
            Item::Text => match rest.iter().position(|byte| *byte == 0) {
                Some(length) => length + 1,
                None => return Ok(Err("unfinished string in data".to_owned())),
            },
            Item::Chars(0) => {
                let Some(size) = list.pop().as_ref().and_then(numbers::number) else {
                    return Ok(Err("format 'c0' needs a previous size".to_owned()));
                };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "too large ones lie behind the data"
                )]
                let size = size as usize;
                size
            }
            Item::Chars(size) => size,
        };
        let Some(bytes) = rest.get(..size) else {
            return Ok(Err(
                "bad argument #2 to 'unpack' (data string too short)".to_owned()
            ));
        };
        offset += size;
        let little = ordered(bytes.to_vec(), format.layout);
        match item {
            Item::Integer { is_signed, .. } => {
                let is_negative = is_signed && little.last().is_some_and(|byte| byte & 0x80 > 0);
                let mut wide = little;
                wide.resize(wide.len().max(8), if is_negative { 0xff } else { 0 });
                let low = wide.first_chunk().copied().unwrap_or_default();
                let number = match is_signed {
                    true => i64::from_le_bytes(low) as f64,
                    false => u64::from_le_bytes(low) as f64,
                };
                list.push(Value::Number(number));
            }
            Item::Float => {
                let bits = little.first_chunk().copied().unwrap_or_default();
                list.push(Value::Number(f64::from(f32::from_le_bytes(bits))));
            }
            Item::Double => {
                let bits = little.first_chunk().copied().unwrap_or_default();
                list.push(Value::Number(f64::from_le_bytes(bits)));
            }
            Item::Text => {
                let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
                list.push(Value::String(lua.create_string(text)?));
            }
            Item::Chars(_) => list.push(Value::String(lua.create_string(bytes)?)),
            Item::Padding => {}
        }
    }
    list.push(Value::Number((offset + 1) as f64));
    values.extend(list);
    Ok(Ok(values))
}

fn size(format: &[u8]) -> Result<usize, String> {
    let mut format = Format::new(format, "size");
    let mut size = 0;
    while let Some(item) = format.next()? {
        size += format.gap(item, size);
        size += match item {
            Item::Integer { size, .. } => size,
            Item::Float => 4,
            Item::Double => 8,
            Item::Padding => 1,
            Item::Chars(size @ 1..) => size,
            Item::Text => {
                return Err("bad argument #1 to 'size' (option 's' has no fixed size)".to_owned());
            }
            Item::Chars(0) => {
                return Err("bad argument #1 to 'size' (option 'c0' has no fixed size)".to_owned());
            }
        };
    }
    Ok(size)
}

/// Creates the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    let pack = lua.create_function(|lua, args: MultiValue| match pack(&args) {
        Ok(packed) => lua.create_string(packed),
        Err(what) => Err(Raised::error(lua, &what)),
    })?;
    library.set("pack", pack)?;
    let unpack = lua.create_function(|lua, args: MultiValue| match unpack(lua, &args)? {
        Ok(values) => Ok(values),
        Err(what) => Err(Raised::error(lua, &what)),
    })?;
    library.set("unpack", unpack)?;
    let size = lua.create_function(|lua, args: MultiValue| {
        let size = text_of(args.front(), 1, "size").and_then(|format| size(&format));
        size.map_err(|what| Raised::error(lua, &what))
    })?;
    library.set("size", size)?;
    Ok(library)
}
