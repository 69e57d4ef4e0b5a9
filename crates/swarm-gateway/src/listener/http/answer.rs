//! HTTP responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use swarm_resp::{Frame, RespVersion};

use crate::json;

/// Status and JSON body.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    pub(super) fn error(status: StatusCode, text: &str) -> Self {
        let body = json!({ "error": text });
        Self { status, body }
    }

    /// Returns `{"result":…}`, or `{"error":…}` if the command failed.
    pub(super) fn reply(frame: &Frame, protocol: RespVersion) -> Self {
        if let Some(error) = frame.as_error() {
            return Self::error(StatusCode::BAD_REQUEST, error.as_str());
        }
        Self {
            status: StatusCode::OK,
            body: json!({ "result": json::value(frame.view(), protocol) }),
        }
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
        let status = StatusCode::OK;
        Self { status, body }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Full::new(answer.body.to_string().into()));
        *response.status_mut() = answer.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}
