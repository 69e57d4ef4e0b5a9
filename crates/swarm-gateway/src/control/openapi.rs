//! Description of the door for clients and their generators: OpenAPI 3.1.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::Failure;
use super::route::{Describe, Route};

/// Describes operations.
pub(super) fn document(routes: &[Route]) -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let failure = schemas.subschema_for::<Failure>();
    let failed = json!({
        "description": "The request failed; `code` tells why.",
        "content": { "application/json": { "schema": failure } }
    });
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation.into());
        }
    }
    let text = "Faults, clock, counts and data of a SwarmKeyDb test gateway. Requests with an \
                Origin header are refused.";
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Control door of swarm-gateway",
            "description": text,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "responses": { "Failed": failed }
        }
    });
    match document {
        Value::Object(document) => document,
        _ => Map::new(),
    }
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Map<String, Value> {
    let mut content = |describe: Describe| {
        let schema = describe(schemas);
        json!({ "application/json": { "schema": schema } })
    };
    let mut success = Map::new();
    success.insert("description".into(), "Success.".into());
    if let Some(describe) = route.response {
        success.insert("content".into(), content(describe));
    }
    let responses = json!({
        route.status.as_str(): success,
        "default": { "$ref": "#/components/responses/Failed" }
    });
    let mut operation = Map::new();
    operation.insert("operationId".into(), route.id.into());
    operation.insert("summary".into(), route.summary.into());
    operation.insert("responses".into(), responses);
    if let Some(parameter) = &route.parameter {
        operation.insert("parameters".into(), json!([parameter]));
    }
    if let Some(describe) = route.request {
        let body = json!({ "required": true, "content": content(describe) });
        operation.insert("requestBody".into(), body);
    }
    operation
}
