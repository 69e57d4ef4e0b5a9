//! Routes of the deployed HTTP gateway, which ignore case and empty segments.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Map, Value};

use super::super::input::{Refusal, parse, text};

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NotFound,
    Bad(&'static str),
    Crash,
}

impl From<Refusal> for Refused {
    fn from(_: Refusal) -> Self {
        Self::Crash
    }
}

/// What a request is for.
pub(super) enum Target {
    Docs,
    /// The OpenAPI description.
    Description,
    Command(Route),
}

/// Route to a command.
pub(super) struct Route {
    name: &'static str,
    /// Key, channel, or pattern.
    key: Bytes,
}

/// Method, first segment, and command of the routes with a key.
const ROUTES: [(&str, &str, &str); 9] = [
    ("GET", "get", "GET"),
    ("GET", "exists", "EXISTS"),
    ("GET", "ttl", "TTL"),
    ("GET", "keys", "KEYS"),
    ("DELETE", "del", "DEL"),
    ("POST", "set", "SET"),
    ("POST", "expire", "EXPIRE"),
    ("POST", "publish", "PUBLISH"),
    ("POST", "xadd", "XADD"),
];

pub(super) fn find(method: &Method, path: &str) -> Option<Target> {
    let method = method.as_str().to_ascii_uppercase();
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        // Segments of dots are resolved, escaped or not.
        match segment.replace("%2E", ".").replace("%2e", ".").as_str() {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(decoded(segment)),
        }
    }
    let is = |segment: &str, name: &str| segment.eq_ignore_ascii_case(name);
    match (method.as_str(), segments.as_slice()) {
        ("GET", [page]) if is(page, "docs") => Some(Target::Docs),
        ("GET", [page]) if is(page, "openapi.json") => Some(Target::Description),
        ("POST", [command]) if is(command, "cmd") => Some(Target::Command(Route {
            name: "",
            key: Bytes::new(),
        })),
        (_, [first, key]) => {
            let route = ROUTES
                .iter()
                .find(|(with, name, _)| *with == method && is(first, name));
            route.map(|(_, _, name)| {
                let key = Bytes::copy_from_slice(key.as_bytes());
                Target::Command(Route { name, key })
            })
        }
        _ => None,
    }
}

impl Route {
    /// Returns the command of a request with this body.
    pub(super) fn command(self, body: &str) -> Result<Vec<Bytes>, Refused> {
        let Self { name, key } = self;
        let args = match name {
            "" => return command(&object(body, true)?),
            "SET" => set(&object(body, true)?)?,
            "EXPIRE" => {
                let body = object(body, false)?;
                let seconds = body.get("seconds").and_then(Value::as_i64);
                let missing = "ERR 'seconds' field is required and must be an integer.";
                vec![seconds.ok_or(Refused::Bad(missing))?.to_string().into()]
            }
            "PUBLISH" => {
                let missing = "ERR 'message' field is required and must be a string.";
                vec![string(&object(body, false)?, "message")?.ok_or(Refused::Bad(missing))?]
            }
            "XADD" => xadd(&object(body, false)?)?,
            _ => Vec::new(),
        };
        Ok([vec![name.into(), key], args].concat())
    }
}

/// Parses a body. An empty one is an empty object, unless a body is required.
fn object(body: &str, required: bool) -> Result<Map<String, Value>, Refused> {
    if body.trim().is_empty() {
        return match required {
            true => Err(Refused::Bad("ERR request body must be valid JSON.")),
            false => Ok(Map::new()),
        };
    }
    match parse(body) {
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Refused::Crash),
        None => Err(Refused::Bad("ERR malformed JSON request body.")),
    }
}

fn string(object: &Map<String, Value>, name: &str) -> Result<Option<Bytes>, Refused> {
    let text = object.get(name).map(text).transpose()?.flatten();
    Ok(text.map(|text| Bytes::copy_from_slice(text.as_bytes())))
}

fn command(body: &Map<String, Value>) -> Result<Vec<Bytes>, Refused> {
    const NO_NAME: Refused = Refused::Bad("ERR 'cmd' field is required and must be a string.");
    const NO_ARGS: Refused = Refused::Bad("ERR 'args' field must be an array of strings.");
    let name = string(body, "cmd")?.ok_or(NO_NAME)?;
    if String::from_utf8_lossy(&name).trim().is_empty() {
        return Err(NO_NAME);
    }
    let args = match body.get("args") {
        None => &[][..],
        Some(Value::Array(args)) => args,
        Some(_) => return Err(NO_ARGS),
    };
    let mut command = vec![name];
    for arg in args {
        let arg = text(arg)?.ok_or(NO_ARGS)?;
        command.push(Bytes::copy_from_slice(arg.as_bytes()));
    }
    Ok(command)
}

fn set(body: &Map<String, Value>) -> Result<Vec<Bytes>, Refused> {
    let missing = "ERR 'value' field is required and must be a string.";
    let value = string(body, "value")?.ok_or(Refused::Bad(missing))?;
    let Some(seconds) = body.get("ex") else {
        return Ok(vec![value]);
    };
    let seconds = seconds.as_i64().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or(Refused::Bad("ERR 'ex' must be a positive integer."))?;
    Ok(vec![value, "EX".into(), seconds.to_string().into()])
}

fn xadd(body: &Map<String, Value>) -> Result<Vec<Bytes>, Refused> {
    let Some(Value::Object(fields)) = body.get("fields") else {
        return Err(Refused::Bad("ERR 'fields' object is required."));
    };
    if fields.is_empty() {
        let text = "ERR 'fields' object must include at least one field.";
        return Err(Refused::Bad(text));
    }
    let id = string(body, "id")?.unwrap_or_else(|| "*".into());
    let mut args = vec![id];
    for (field, value) in fields {
        let not_text = Refused::Bad("ERR 'fields' values must be strings.");
        let value = text(value)?.ok_or(not_text)?;
        args.push(Bytes::copy_from_slice(field.as_bytes()));
        args.push(Bytes::copy_from_slice(value.as_bytes()));
    }
    Ok(args)
}

/// Form-decodes a text. Invalid escapes stand for themselves, and bytes that are not UTF-8 become
/// U+FFFD.
fn decoded(part: &str) -> String {
    String::from_utf8_lossy(&super::route::decoded(part)).into_owned()
}
