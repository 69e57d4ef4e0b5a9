//! Encoder of `cjson`.

use mlua::{Table, Value};

use super::super::numbers;
use super::super::shared::MAX_MEMORY;
use super::{InvalidNumbers, MAX_LEVELS, Settings};

impl Settings {
    pub(super) fn encode(
        &self,
        text: &mut Vec<u8>,
        value: &Value,
        depth: usize,
    ) -> Result<(), String> {
        // A value may be contained many times.
        if text.len() > MAX_MEMORY {
            return Err("not enough memory".to_owned());
        }
        match value {
            Value::Nil => text.extend(b"null"),
            Value::LightUserData(data) if data.0.is_null() => text.extend(b"null"),
            Value::Boolean(value) => text.extend(value.to_string().bytes()),
            Value::Integer(_) | Value::Number(_) => self.encode_number(text, value)?,
            Value::String(value) => quote(text, &value.as_bytes()),
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.encode_depth.get().min(MAX_LEVELS) {
                    return Err(format!("Cannot serialise, excessive nesting ({depth})"));
                }
                return self.encode_table(text, table, depth);
            }
            other => {
                let kind = kind(other);
                return Err(format!("Cannot serialise {kind}: type not supported"));
            }
        }
        Ok(())
    }

    fn encode_number(&self, text: &mut Vec<u8>, value: &Value) -> Result<(), String> {
        let number = numbers::number(value).unwrap_or_default();
        match self.invalid_numbers.get() {
            _ if number.is_finite() => text.extend(self.number(value).bytes()),
            InvalidNumbers::Refused => {
                return Err("Cannot serialise number: must not be NaN or Inf".to_owned());
            }
            InvalidNumbers::Null => text.extend(b"null"),
            InvalidNumbers::Encoded if number.is_nan() => text.extend(b"nan"),
            InvalidNumbers::Encoded => text.extend(self.number(value).bytes()),
        }
        Ok(())
    }

    fn number(&self, number: &Value) -> String {
        let digits = u8::try_from(self.precision.get()).unwrap_or(u8::MAX);
        numbers::text(number, digits)
    }

    fn encode_table(&self, text: &mut Vec<u8>, table: &Table, depth: usize) -> Result<(), String> {
        if let Some(length) = self.array_length(table)? {
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
        // All values at once would not fit on the interpreter's stack.
        for (at, pair) in table.pairs::<Value, Value>().enumerate() {
            let (name, value) = pair.map_err(|error| error.to_string())?;
            if at > 0 {
                text.push(b',');
            }
            match &name {
                Value::String(name) => quote(text, &name.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    text.push(b'"');
                    self.encode_number(text, &name)?;
                    text.push(b'"');
                }
                other => {
                    let kind = kind(other);
                    return Err(format!(
                        "Cannot serialise {kind}: table key must be a number or string"
                    ));
                }
            }
            text.push(b':');
            self.encode(text, &value, depth)?;
        }
        text.push(b'}');
        Ok(())
    }

    /// Returns the length of a table that is an array: all of its names are positive integers.
    fn array_length(&self, table: &Table) -> Result<Option<usize>, String> {
        let (mut last, mut count) = (0, 0_usize);
        for pair in table.pairs::<Value, Value>() {
            let (name, _) = pair.map_err(|error| error.to_string())?;
            count += 1;
            match name {
                Value::Integer(at) if at > 0 => {
                    if at > i64::from(last) {
                        // What does not fit becomes the smallest integer, as in C.
                        last = i32::try_from(at).unwrap_or(i32::MIN);
                    }
                }
                Value::Number(at) if at >= 1.0 && at.fract() == 0.0 => last = i32::MIN,
                _ => return Ok(None),
            }
        }
        let length = usize::try_from(last).unwrap_or(0);
        let most = count.saturating_mul(self.sparse_ratio.get());
        let is_sparse =
            self.sparse_ratio.get() > 0 && length > self.safe_length.get() && length > most;
        match (is_sparse, self.convert_sparse.get()) {
            (true, true) => Ok(None),
            (true, false) => Err("Cannot serialise table: excessively sparse array".to_owned()),
            (false, _) => Ok((length > 0).then_some(length)),
        }
    }
}

/// Name of a type, for an error text.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::LightUserData(_) => "userdata",
        other => other.type_name(),
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
