//! Maps method, path, and body to a command.

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::answer::Answer;
use crate::json;

/// Commands that need connection state, which HTTP lacks.
const STATEFUL: [&[u8]; 12] = [
    b"AUTH",
    b"DISCARD",
    b"EXEC",
    b"HELLO",
    b"MULTI",
    b"PSUBSCRIBE",
    b"PUNSUBSCRIBE",
    b"RESET",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"UNWATCH",
    b"WATCH",
];

/// Returns the answer to a request that needs no password: the description of the routes.
pub(super) fn description(method: &Method, path: &str) -> Option<Answer> {
    match (method, path) {
        (&Method::GET, "/openapi.json") => Some(Answer::description()),
        (&Method::GET, "/docs") => Some(Answer::docs()),
        _ => None,
    }
}

/// Returns the command that a request runs.
pub(super) fn command(method: &Method, path: &str, body: &Bytes) -> Result<Vec<Bytes>, Answer> {
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (name, key) = (parts.next().unwrap_or_default(), parts.next());
    let key = key.map(decoded);
    Ok(match (method.as_str(), name, key) {
        ("POST", "cmd", None) => {
            let args = json::command(body).map_err(|what| bad(&what))?;
            stateless(&args)?;
            args
        }
        ("GET", "get", Some(key)) => vec!["GET".into(), key],
        ("GET", "exists", Some(key)) => vec!["EXISTS".into(), key],
        ("GET", "ttl", Some(key)) => vec!["TTL".into(), key],
        ("GET", "keys", Some(key)) => vec!["KEYS".into(), key],
        ("DELETE", "del", Some(key)) => vec!["DEL".into(), key],
        ("POST", "set", Some(key)) => set(key, &Body::parse(body)?)?,
        ("POST", "expire", Some(key)) => {
            let body = Body::parse(body)?;
            let seconds = body.number("seconds")?.or(body.number("ex")?);
            let seconds = seconds.ok_or_else(|| bad("\"seconds\" is missing"))?;
            vec!["EXPIRE".into(), key, seconds]
        }
        ("POST", "publish", Some(key)) => {
            let message = Body::parse(body)?.string("message")?;
            vec!["PUBLISH".into(), key, message]
        }
        ("POST", "xadd", Some(key)) => xadd(key, &Body::parse(body)?)?,
        _ => {
            let text = "ERR unknown route; GET /openapi.json lists them";
            return Err(Answer::error(StatusCode::NOT_FOUND, text));
        }
    })
}

fn bad(what: &str) -> Answer {
    Answer::error(StatusCode::BAD_REQUEST, &format!("ERR {what}"))
}

fn stateless(args: &[Bytes]) -> Result<(), Answer> {
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let tracking = matches!(
        (name.as_deref(), args.get(1)),
        (Some(b"CLIENT"), Some(sub)) if sub.eq_ignore_ascii_case(b"TRACKING")
    );
    let name = name.unwrap_or_default();
    if tracking || STATEFUL.contains(&name.as_slice()) {
        let name = String::from_utf8_lossy(&name);
        return Err(bad(&format!(
            "'{name}' needs a persistent connection; use WebSocket or TCP"
        )));
    }
    Ok(())
}

/// JSON object in a request body.
struct Body(Value);

impl Body {
    fn parse(body: &[u8]) -> Result<Self, Answer> {
        match serde_json::from_slice(body) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            _ => Err(bad("the body must be a JSON object")),
        }
    }

    fn string(&self, name: &str) -> Result<Bytes, Answer> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(text.clone().into()),
            _ => Err(bad(&format!("\"{name}\" must be a string"))),
        }
    }

    fn number(&self, name: &str) -> Result<Option<Bytes>, Answer> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.to_string().into())),
            Some(_) => Err(bad(&format!("\"{name}\" must be a number"))),
        }
    }
}

fn set(key: Bytes, body: &Body) -> Result<Vec<Bytes>, Answer> {
    let mut args = vec!["SET".into(), key, body.string("value")?];
    if let Some(seconds) = body.number("ex")? {
        args.extend(["EX".into(), seconds]);
    }
    Ok(args)
}

fn xadd(key: Bytes, body: &Body) -> Result<Vec<Bytes>, Answer> {
    let id = match body.0.get("id") {
        None => "*".into(),
        Some(_) => body.string("id")?,
    };
    let Some(Value::Object(fields)) = body.0.get("fields") else {
        return Err(bad("\"fields\" must be an object of strings"));
    };
    let mut args = vec!["XADD".into(), key, id];
    for (field, value) in fields {
        let Value::String(value) = value else {
            return Err(bad("\"fields\" must be an object of strings"));
        };
        args.extend([field.clone().into(), value.clone().into()]);
    }
    Ok(args)
}

/// Form-decodes a path segment or a field: `%20` and `+` are spaces. Invalid escapes stand for
/// themselves.
pub(super) fn decoded(part: &str) -> Bytes {
    let mut rest = part.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    let digit = |byte: u8| {
        (byte as char)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    loop {
        rest = match rest {
            [] => return decoded.into(),
            [b'+', rest @ ..] => {
                decoded.push(b' ');
                rest
            }
            [b'%', high, low, rest @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                let (high, low) = (digit(*high).unwrap_or(0), digit(*low).unwrap_or(0));
                decoded.push(high << 4 | low);
                rest
            }
            [byte, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
        };
    }
}
