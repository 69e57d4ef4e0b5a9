//! Requests as the deployed HTTP gateway answers them.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, ORIGIN, TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use swarm_resp::{Frame, RespVersion};

use super::answer::Answer as Refusal;
use super::upstream_route::{Refused, Target, find};
use super::{Cut, auth, body, cors, run};
use crate::json::{escaped, escaped_value};
use crate::session::Shared;
use crate::stream::Addresses;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const DOCS: &str = include_str!("docs.html");

/// Status and body.
struct Answer {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: String,
}

impl Answer {
    fn json(status: StatusCode, body: String) -> Self {
        Self {
            status,
            content_type: Some(JSON),
            body,
        }
    }

    fn error(status: StatusCode, text: &str) -> Self {
        Self::json(status, format!(r#"{{"error":{}}}"#, escaped(text)))
    }

    fn page(content_type: HeaderValue, body: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some(content_type),
            body: body.into(),
        }
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::error(StatusCode::NOT_FOUND, "ERR endpoint not found."),
            Refused::Bad(text) => Self::error(StatusCode::BAD_REQUEST, text),
            Refused::Crash => Self::crash(),
        }
    }
}

impl Answer {
    fn crash() -> Self {
        let text = "ERR internal server error.";
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

pub(super) async fn answer(
    shared: &Arc<Shared>,
    addresses: Addresses,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let origin = head.headers.get(ORIGIN).cloned();
    if !cors::admits(&shared.origins, origin.as_ref()) {
        let text = "ERR CORS origin forbidden";
        return Ok(response(Answer::error(StatusCode::FORBIDDEN, text)));
    }
    let has_length = [CONTENT_LENGTH, TRANSFER_ENCODING]
        .iter()
        .any(|name| head.headers.contains_key(name));
    if matches!(head.method.as_str(), "POST" | "PUT") && !has_length {
        let html = HeaderValue::from_static("text/html");
        return Ok(response(Answer {
            status: StatusCode::LENGTH_REQUIRED,
            ..Answer::page(html, "<h1>Length Required</h1>")
        }));
    }
    let mut response = match routed(shared, addresses, &head, body).await? {
        Ok(answer) => response(answer),
        Err(refused) => refused.into(),
    };
    cors::allow(&shared.origins, origin, response.headers_mut());
    Ok(response)
}

/// Returns a response, which closes the connection if the request was bad.
fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body.into()));
    *response.status_mut() = answer.status;
    if let Some(content_type) = answer.content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    if matches!(answer.status.as_u16(), 400 | 411 | 500) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Returns the answer, or that of a body that cannot be read.
async fn routed(
    shared: &Arc<Shared>,
    addresses: Addresses,
    head: &Parts,
    body: Incoming,
) -> Result<Result<Answer, Refusal>, Cut> {
    if head.method.as_str() == "OPTIONS" {
        return Ok(Ok(Answer {
            status: StatusCode::NO_CONTENT,
            content_type: None,
            body: String::new(),
        }));
    }
    let target = find(&head.method, head.uri.path());
    match target {
        Some(Target::Docs) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            return Ok(Ok(Answer::page(html, DOCS)));
        }
        Some(Target::Description) => return Ok(Ok(Answer::page(JSON, description()))),
        _ => {}
    }
    if let Err(text) = auth::check(shared, head) {
        return Ok(Ok(Answer::error(StatusCode::UNAUTHORIZED, text)));
    }
    let Some(Target::Command(route)) = target else {
        return Ok(Ok(Refused::NotFound.into()));
    };
    let body = match body::read(body, shared.max_message).await {
        Ok(body) => body,
        Err(refused) => return Ok(Err(refused)),
    };
    let args = match route.command(&text(head, &body)) {
        Ok(args) => args,
        Err(refused) => return Ok(Ok(refused.into())),
    };
    let protocol = protocol(head);
    let is_exists = (args.first()).is_some_and(|name| name.eq_ignore_ascii_case(b"EXISTS"));
    let Some(frame) = run(shared, addresses, args, protocol).await? else {
        return Ok(Ok(Answer::crash()));
    };
    Ok(Ok(reply(&frame, protocol, is_exists)))
}

fn reply(frame: &Frame, protocol: RespVersion, is_exists: bool) -> Answer {
    if let Some(error) = frame.error_bytes() {
        return Answer::error(StatusCode::BAD_REQUEST, &String::from_utf8_lossy(error));
    }
    let result = match frame.as_integer() {
        // With typed JSON, the number of keys is lost.
        Some(count) if is_exists && protocol == RespVersion::Resp3 => (count > 0).to_string(),
        _ => escaped_value(frame.view(), protocol),
    };
    Answer::json(StatusCode::OK, format!(r#"{{"result":{result}}}"#))
}

/// Decodes a body, whose encoding is UTF-8 unless the request states another one.
fn text(head: &Parts, body: &Bytes) -> String {
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let content_type = String::from_utf8_lossy(content_type.unwrap_or_default()).to_lowercase();
    if content_type.contains("charset=iso-8859-1") {
        return body.iter().map(|byte| char::from(*byte)).collect();
    }
    let text = String::from_utf8_lossy(body);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

/// `Accept: application/json; resp=3` requests typed JSON.
fn protocol(head: &Parts) -> RespVersion {
    let accept = head.headers.get(ACCEPT).map(|accept| accept.as_bytes());
    let accept = String::from_utf8_lossy(accept.unwrap_or_default()).to_lowercase();
    match accept.contains("application/json") && accept.contains("resp=3") {
        true => RespVersion::Resp3,
        false => RespVersion::Resp2,
    }
}

/// Returns the body of `/openapi.json`.
fn description() -> String {
    let responses = r#""responses":{"200":{"description":"The reply."}}"#;
    let operation = |method: &str, path: &str, summary: &str| {
        format!(r#""{path}":{{"{method}":{{"summary":"{summary}",{responses}}}}}"#)
    };
    let paths = [
        operation("post", "/cmd", "Runs a command"),
        operation("get", "/get/{key}", "GET"),
        operation("get", "/exists/{key}", "EXISTS"),
        operation("get", "/ttl/{key}", "TTL"),
        operation("get", "/keys/{pattern}", "KEYS"),
        operation("post", "/set/{key}", "SET"),
        operation("post", "/expire/{key}", "EXPIRE"),
        operation("delete", "/del/{key}", "DEL"),
        operation("post", "/publish/{channel}", "PUBLISH"),
        operation("post", "/xadd/{stream}", "XADD"),
    ]
    .join(",");
    let version = env!("CARGO_PKG_VERSION");
    let info = format!(r#"{{"title":"SwarmKeyDb HTTP REST Gateway","version":"{version}"}}"#);
    format!(r#"{{"openapi":"3.0.3","info":{info},"paths":{{{paths}}}}}"#)
}
