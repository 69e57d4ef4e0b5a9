//! An operation: what serves it, and what describes it.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::door::{Door, Wait};
use super::problem::{Code, Problem};
use crate::snapshot::Snapshot;

type Answer = Result<Bytes, Problem>;
type Run =
    Box<dyn Fn(Door, &str, &[u8]) -> Result<BoxFuture<'static, Answer>, Problem> + Send + Sync>;
pub(super) type Describe = fn(&mut SchemaGenerator) -> Schema;

/// An operation.
pub(super) struct Route {
    pub(super) method: Method,
    /// A part in braces is a parameter.
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Status of a response that reports success.
    pub(super) status: StatusCode,
    pub(super) parameter: Option<Value>,
    pub(super) request: Option<Describe>,
    pub(super) response: Option<Describe>,
    /// Whether the request may be as large as the data.
    pub(super) is_large: bool,
    run: Run,
}

/// Parameter in a path.
pub(super) trait Parameter: Sized + Send + 'static {
    /// Name and schema.
    fn describe() -> Option<(&'static str, Value)>;

    fn parse(text: &str) -> Result<Self, Problem>;
}

impl Parameter for () {
    fn describe() -> Option<(&'static str, Value)> {
        None
    }

    fn parse(_: &str) -> Result<Self, Problem> {
        Ok(())
    }
}

impl Parameter for u64 {
    fn describe() -> Option<(&'static str, Value)> {
        Some(("id", json!({ "type": "integer", "minimum": 1 })))
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |_| Problem::new(Code::InvalidRequest, format!("{text:?} is no ID"));
        text.parse().map_err(invalid)
    }
}

/// Name of a command in upper case.
pub(super) struct CommandName(pub(super) String);

impl Parameter for CommandName {
    fn describe() -> Option<(&'static str, Value)> {
        Some(("command", json!({ "type": "string" })))
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let name = percent_decode_str(text).decode_utf8();
        let invalid = |_| Problem::new(Code::InvalidRequest, "the command's name is not UTF-8");
        Ok(Self(name.map_err(invalid)?.to_ascii_uppercase()))
    }
}

/// Body of a request or a response.
pub(super) trait Body: JsonSchema {
    const IS_EMPTY: bool = false;
}

/// An empty body. A request may also send an empty object.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl Body for Nothing {
    const IS_EMPTY: bool = true;
}

impl Body for Snapshot {}
impl Body for Wait {}

/// Returns the schema of a body, unless it is empty.
fn described<B: Body>() -> Option<Describe> {
    (!B::IS_EMPTY).then_some(SchemaGenerator::subschema_for::<B> as Describe)
}

impl Route {
    pub(super) fn new<P, Q, R, F>(
        (method, path): (Method, &'static str),
        id: &'static str,
        summary: &'static str,
        handler: impl Fn(Door, P, Q) -> F + Send + Sync + 'static,
    ) -> Self
    where
        P: Parameter,
        Q: Body + DeserializeOwned,
        R: Body + Serialize,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        let run: Run = Box::new(move |door, parameter, body| {
            let body = match body {
                // All fields may be optional.
                [] => b"{}",
                body => body,
            };
            let request = serde_json::from_slice(body).map_err(|error| Problem::of_json(&error))?;
            let answering = handler(door, P::parse(parameter)?, request);
            Ok(async move { encoded(&answering.await?) }.boxed())
        });
        Self {
            method,
            path,
            id,
            summary,
            status: match R::IS_EMPTY {
                true => StatusCode::NO_CONTENT,
                false => StatusCode::OK,
            },
            parameter: P::describe().map(|(name, schema)| {
                json!({ "name": name, "in": "path", "required": true, "schema": schema })
            }),
            request: described::<Q>(),
            response: described::<R>(),
            is_large: false,
            run,
        }
    }

    /// Sets the status of success to 201.
    pub(super) fn creates(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// Allows requests that are as large as the data.
    pub(super) const fn large(mut self) -> Self {
        self.is_large = true;
        self
    }

    /// Returns the parameter in a path, empty if the operation has none, if the path is this one's.
    pub(super) fn parameter<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut parameter = "";
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return Some(parameter),
                (Some(own), Some(given)) if own.starts_with('{') && !given.is_empty() => {
                    parameter = given;
                }
                (Some(own), Some(given)) if own == given => {}
                _ => return None,
            }
        }
    }

    /// Runs the operation.
    pub(super) async fn run(&self, door: Door, parameter: &str, body: Bytes) -> Answer {
        let running = (self.run)(door, parameter, &body)?;
        drop(body);
        running.await
    }
}

fn encoded<R: Body + Serialize>(response: &R) -> Answer {
    if R::IS_EMPTY {
        return Ok(Bytes::new());
    }
    let encoded = serde_json::to_vec(response).map(Bytes::from);
    encoded.map_err(|error| Problem::of_json(&error))
}
