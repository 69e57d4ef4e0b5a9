//! Numbers of scripts, and their text.

use mlua::{Lua, Value};

use super::super::super::float;

/// Returns the number that a value is. Text is no number.
#[expect(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
pub(super) const fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// Returns the number that Lua takes a value for: text may be one, too.
pub(super) fn coerced(lua: &Lua, value: &Value) -> Option<f64> {
    match value {
        Value::String(_) => lua.coerce_number(value.clone()).ok().flatten(),
        value => number(value),
    }
}

/// Writes a number with up to this many significant digits, as `%g` of C does.
pub(super) fn text(value: &Value, digits: u8) -> String {
    match number(value) {
        Some(number) if number.is_nan() && number.is_sign_negative() => "-nan".to_owned(),
        Some(number) if number.is_nan() => "nan".to_owned(),
        Some(number) => float::significant(number, digits),
        None => String::new(),
    }
}
