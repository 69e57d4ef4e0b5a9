//! Errors that a script raises, and what it sees of them.

use std::fmt;

use mlua::{Error, Lua, Value};

/// An error of a function that scripts call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raised {
    text: Vec<u8>,
    /// Whether the text begins with an error code, as an error reply does.
    is_reply: bool,
}

impl Raised {
    /// An error reply. Error handlers receive it as a table.
    pub(super) fn reply(text: impl Into<Vec<u8>>) -> Error {
        Error::external(Self {
            text: text.into(),
            is_reply: true,
        })
    }

    /// An error of the interpreter in a library function, without a position.
    pub(super) fn plain(text: &str) -> Error {
        Error::external(Self {
            text: text.into(),
            is_reply: false,
        })
    }

    /// An error of a library function, prefixed with the position of the caller.
    pub(super) fn error(lua: &Lua, text: &str) -> Error {
        let caller = lua.inspect_stack(1, |caller| {
            let source = caller.source().short_src?.into_owned();
            Some((source, caller.current_line()?))
        });
        let text = match caller.flatten() {
            Some((source, line)) => format!("{source}:{line}: {text}"),
            None => text.to_owned(),
        };
        Error::external(Self {
            text: text.into(),
            is_reply: false,
        })
    }
}

/// Why a library function fails.
pub(super) enum Failure {
    Text(String),
    /// An error of the interpreter.
    Lua(Error),
}

impl Failure {
    pub(super) fn raise(self, lua: &Lua) -> Error {
        match self {
            Self::Text(text) => Raised::error(lua, &text),
            Self::Lua(error) => error,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lua(error)
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::error::Error for Raised {}

/// Returns the error of a function of this program, if the value is one.
fn raised(value: &Value) -> Option<Raised> {
    let Value::Error(error) = value else {
        return None;
    };
    let raised = error.chain().find_map(|cause| {
        let nested = cause.downcast_ref::<Error>();
        cause
            .downcast_ref::<Raised>()
            .or_else(|| nested.and_then(Error::downcast_ref))
    });
    Some(raised.cloned().unwrap_or_else(|| Raised {
        text: first_line(error),
        is_reply: false,
    }))
}

/// The message of an error of the interpreter, without its traceback.
fn first_line(error: &Error) -> Vec<u8> {
    let text = match error {
        Error::CallbackError { cause, .. } => cause.to_string(),
        error => error.to_string(),
    };
    text.lines().next().unwrap_or_default().into()
}

/// Returns what an error handler of a script receives.
pub(super) fn value(lua: &Lua, failure: Value) -> mlua::Result<Value> {
    let Some(raised) = raised(&failure) else {
        return Ok(failure);
    };
    let text = lua.create_string(&raised.text)?;
    if !raised.is_reply {
        return Ok(Value::String(text));
    }
    let table = lua.create_table()?;
    table.raw_set("err", text)?;
    Ok(Value::Table(table))
}

/// Returns what `pcall` of a script returns: text, if the error has any.
pub(super) fn text(lua: &Lua, failure: Value) -> mlua::Result<Value> {
    let failure = value(lua, failure)?;
    if let Value::Table(table) = &failure
        && let Ok(Value::String(text)) = table.raw_get::<Value>("err")
    {
        return Ok(Value::String(text));
    }
    Ok(failure)
}

/// Returns whether the error is an error reply.
pub(super) fn is_reply(failure: &Value) -> bool {
    raised(failure).is_some_and(|raised| raised.is_reply)
}

/// Returns the text of the error reply to a script that has failed.
pub(super) fn reply(failure: &Value) -> Vec<u8> {
    let with_code = |text: &[u8]| [b"ERR ", text].concat();
    if let Some(raised) = raised(failure) {
        return match raised.is_reply {
            true => raised.text,
            false => with_code(&raised.text),
        };
    }
    match failure {
        Value::Boolean(value) => with_code(value.to_string().as_bytes()),
        Value::Table(table) => match table.get::<Value>("err") {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            Ok(number @ (Value::Integer(_) | Value::Number(_))) => {
                super::numbers::text(&number, 14).into_bytes()
            }
            _ => with_code(b"the script has raised a table without the field `err`"),
        },
        Value::String(text) => with_code(&text.as_bytes()),
        Value::Integer(number) => with_code(number.to_string().as_bytes()),
        Value::Number(number) => with_code(number.to_string().as_bytes()),
        other => with_code(other.type_name().as_bytes()),
    }
}
