//! HTTP responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use swarm_resp::{Frame, RespVersion};

use crate::json;

/// Page at `/docs`.
const DOCS: &str = include_str!("docs.html");

/// Status and body.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Body,
    /// Whether the connection ends, because the rest of the request is not read.
    closes: bool,
}

#[derive(Debug)]
enum Body {
    Empty,
    Json(Value),
    Html(&'static str),
}

impl Answer {
    const fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            body,
            closes: false,
        }
    }

    pub(super) fn error(status: StatusCode, text: &str) -> Self {
        Self::new(status, Body::Json(json!({ "error": text })))
    }

    /// Returns the answer to OPTIONS.
    pub(super) const fn empty() -> Self {
        Self::new(StatusCode::NO_CONTENT, Body::Empty)
    }

    /// Ends the connection after this answer.
    pub(super) const fn and_close(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Returns `{"result":…}`, or `{"error":…}` if the command failed.
    pub(super) fn reply(frame: &Frame, protocol: RespVersion) -> Self {
        if let Some(error) = frame.as_error() {
            return Self::error(StatusCode::BAD_REQUEST, error.as_str());
        }
        let body = json!({ "result": json::value(frame.view(), protocol) });
        Self::new(StatusCode::OK, Body::Json(body))
    }

    /// Returns the page at `/docs`.
    pub(super) const fn docs() -> Self {
        Self::new(StatusCode::OK, Body::Html(DOCS))
    }

    /// Returns the body of `/openapi.json`.
    pub(super) fn description() -> Self {
        let text = json!({
            "type": "object",
            "properties": { "result": {}, "error": { "type": "string" } }
        });
        let content = json!({ "application/json": { "schema": text } });
        let responses = json!({
            "200": { "description": "The reply, in `result`.", "content": content },
            "400": { "description": "The command failed; `error` says why.", "content": content },
            "401": { "description": "The password is missing or wrong.", "content": content }
        });
        let parameter = |name: &str| {
            let schema = json!({ "type": "string" });
            json!([{ "name": name, "in": "path", "required": true, "schema": schema }])
        };
        let operation = |summary: &str| json!({ "summary": summary, "responses": responses });
        let with_key = |method: &str, summary: &str| {
            let operation = operation(summary);
            json!({ method: operation, "parameters": parameter("key") })
        };
        let body = json!({
            "openapi": "3.0.3",
            "info": { "title": "SwarmKeyDb HTTP gateway", "version": env!("CARGO_PKG_VERSION") },
            "paths": {
                "/cmd": {
                    "post": operation("Runs a command: {\"cmd\":\"SET\",\"args\":[\"k\",\"v\"]}.")
                },
                "/get/{key}": with_key("get", "GET"),
                "/exists/{key}": with_key("get", "EXISTS"),
                "/ttl/{key}": with_key("get", "TTL"),
                "/keys/{key}": with_key("get", "KEYS, where the key is a pattern"),
                "/set/{key}": with_key("post", "SET: {\"value\":\"v\",\"ex\":10}"),
                "/expire/{key}": with_key("post", "EXPIRE: {\"seconds\":10}"),
                "/del/{key}": with_key("delete", "DEL"),
                "/publish/{key}": with_key("post", "PUBLISH to a channel: {\"message\":\"m\"}"),
                "/xadd/{key}": with_key("post", "XADD: {\"id\":\"*\",\"fields\":{\"f\":\"v\"}}")
            }
        });
        Self::new(StatusCode::OK, Body::Json(body))
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let (body, content_type) = match answer.body {
            Body::Empty => (Bytes::new(), None),
            Body::Json(value) => (value.to_string().into(), Some("application/json")),
            Body::Html(page) => (page.into(), Some("text/html; charset=utf-8")),
        };
        let mut response = Self::new(Full::new(body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if answer.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
