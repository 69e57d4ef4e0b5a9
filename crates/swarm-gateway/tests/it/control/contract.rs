//! The description at `/openapi.json` is true: it lists every route, every route it lists is
//! answered, and requests and responses fit its schemas. Python's validators check the latter.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::door::{Door, gateway};
use super::python;
use crate::peer::{Listener, Peer};

/// Operations that the tests drive, with a body that is accepted, and one that is not.
const OPERATIONS: &[(&str, &str, &str, &str)] = &[
    ("GET", "/openapi.json", "", ""),
    ("GET", "/status", "", ""),
    (
        "POST",
        "/faults",
        r#"{"type":"hold","command":"GET"}"#,
        r#"{"type":"hold"}"#,
    ),
    (
        "POST",
        "/faults",
        r#"{"type":"delay","command":"GET","milliseconds":1}"#,
        "[]",
    ),
    (
        "POST",
        "/faults",
        r#"{"type":"answer","command":"GET","reply":{"type":"bulk","value":{"base64":"/w=="}}}"#,
        r#"{"type":"answer","command":"GET","reply":{"type":"bulk","value":{"hex":"ff"}}}"#,
    ),
    (
        "POST",
        "/faults",
        r#"{"type":"answer","command":"X","reply":{"type":"array","value":[{"type":"null"}]}}"#,
        r#"{"type":"answer","command":"X","reply":{"type":"array","value":["x"]}}"#,
    ),
    (
        "POST",
        "/faults",
        r#"{"type":"freeze"}"#,
        r#"{"type":"freeze","command":"GET"}"#,
    ),
    ("GET", "/faults", "", ""),
    ("GET", "/faults/{id}", "", ""),
    ("DELETE", "/faults/{id}", "", ""),
    ("DELETE", "/faults", "", ""),
    (
        "POST",
        "/faults/{id}/wait",
        r#"{"count":0}"#,
        r#"{"count":-1}"#,
    ),
    ("GET", "/executions", "", ""),
    ("GET", "/executions/{command}", "", ""),
    (
        "POST",
        "/executions/{command}/wait",
        r#"{"count":1}"#,
        r#"{"timeout_ms":1}"#,
    ),
    ("GET", "/connections", "", ""),
    (
        "POST",
        "/connections/push",
        r#"{"words":["x"]}"#,
        r#"{"words":"x"}"#,
    ),
    (
        "POST",
        "/connections/cut",
        r#"{"which":"subscribers"}"#,
        r#"{"which":"none"}"#,
    ),
    ("DELETE", "/connections/{id}", "", ""),
    ("GET", "/clock", "", ""),
    (
        "POST",
        "/clock/advance",
        r#"{"milliseconds":1}"#,
        r#"{"milliseconds":"1"}"#,
    ),
    ("GET", "/snapshot", "", ""),
    (
        "PUT",
        "/snapshot",
        r#"{"version":"1","keys":[{"key":"k","value":{"string":"v"}}]}"#,
        r#"{"version":"1","keys":[{"key":"k"}]}"#,
    ),
    ("POST", "/flush", "", ""),
    ("POST", "/stop", "", ""),
    ("POST", "/start", "", ""),
    ("POST", "/restart", "", ""),
];

/// Returns the described operations as pairs of method and path.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| (method.to_ascii_uppercase(), path.clone()))
    });
    operations.collect()
}

/// Sends the accepted and the refused body of each operation, and returns what was exchanged.
async fn drive() -> (Value, Vec<Value>) {
    let mut exchanges = Vec::new();
    let mut document = Value::Null;
    for (method, path, accepted, refused) in OPERATIONS {
        let gateway = gateway().await;
        let door = Door::of(&gateway);
        document = door.ok("GET /openapi.json", "").await;
        let mut client = Peer::connect(&gateway, Listener::Ws).await;
        client.call("SET k v EX 10").await;
        client.call("XADD s 1-1 f v").await;
        client.call("XGROUP CREATE s g 0-0").await;
        client.call("XREADGROUP GROUP g ann STREAMS s >").await;
        door.fault(r#"{"type":"hold","command":"GET"}"#).await;
        let request = format!("{method} {path}");
        let request = request.replace("{id}", "1").replace("{command}", "SET");
        for (body, fits) in [(accepted, true), (refused, false)] {
            if !fits && body.is_empty() {
                continue;
            }
            let (status, response) = door.send(&request, body).await;
            assert_eq!(
                (200..300).contains(&status),
                fits,
                "{request} {body}: {response}"
            );
            let body = serde_json::from_str(body).unwrap_or(Value::Null);
            exchanges.push(json!({
                "method": method, "path": path, "status": status,
                "request": body, "response": response, "fits": fits
            }));
        }
    }
    (document, exchanges)
}

#[tokio::test]
async fn the_description_lists_every_route_and_no_other() {
    let gateway = gateway().await;
    let document = Door::of(&gateway).ok("GET /openapi.json", "").await;
    let driven: BTreeSet<_> = (OPERATIONS.iter())
        .map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described(&document), driven);
    // A path that is described has no other methods, which the door itself tells.
    let door = Door::of(&gateway);
    for (_, path) in described(&document) {
        let request = format!("PATCH {}", path.replace("{id}", "1"));
        let (status, _, message) = door.error(&request, "").await;
        assert_eq!(status, 405, "{path}");
        let methods = message.rsplit("only ").next().unwrap().split(", ");
        let methods: BTreeSet<_> = methods
            .map(|method| (method.to_owned(), path.clone()))
            .collect();
        assert!(methods.is_subset(&driven), "{path}: {message}");
    }
}

#[tokio::test]
async fn exchanges_fit_the_schemas() {
    let (document, exchanges) = drive().await;
    for exchange in &exchanges {
        let method = exchange["method"].as_str().unwrap().to_ascii_lowercase();
        let operation = &document["paths"][exchange["path"].as_str().unwrap()][method];
        let status = exchange["status"].to_string();
        let is_described = operation["responses"][&status].is_object();
        assert_eq!(is_described, exchange["fits"] == true, "{exchange}");
        let has_body = operation["requestBody"].is_object();
        assert_eq!(has_body, !exchange["request"].is_null(), "{exchange}");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("control_exchanges.json");
    let exchanged = json!({ "document": document, "exchanges": exchanges });
    fs::write(&file, exchanged.to_string()).unwrap();
    let file = file.to_string_lossy().into_owned();
    if let Some(output) =
        python::run_with(&["openapi-spec-validator>=0.7"], "contract.py", &[file]).await
    {
        assert_eq!(output, format!("{} exchanges fit\n", exchanges.len()));
    }
}
