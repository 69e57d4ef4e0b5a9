//! Arguments of library functions, and the errors that Lua's own libraries raise for them.

use mlua::{Lua, Value};

use super::numbers;

/// Returns an argument that is text, or a number as text.
pub(super) fn text_of(value: Option<&Value>, at: usize, function: &str) -> Result<Vec<u8>, String> {
    match value {
        Some(Value::String(text)) => Ok(text.as_bytes().to_vec()),
        Some(number @ (Value::Integer(_) | Value::Number(_))) => {
            Ok(numbers::text(number, 14).into_bytes())
        }
        other => Err(expected("string", other, at, function)),
    }
}

/// Returns an argument that is a number, or text that is one for Lua.
pub(super) fn number_of(
    lua: &Lua,
    value: Option<&Value>,
    at: usize,
    function: &str,
) -> Result<f64, String> {
    let number = value.and_then(|value| numbers::coerced(lua, value));
    number.ok_or_else(|| expected("number", value, at, function))
}

fn expected(kind: &str, found: Option<&Value>, at: usize, function: &str) -> String {
    let found = match found {
        None => "no value",
        Some(Value::LightUserData(_)) => "userdata",
        Some(found) => found.type_name(),
    };
    format!("bad argument #{at} to '{function}' ({kind} expected, got {found})")
}
