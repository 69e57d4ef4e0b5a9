//! Each operation takes effect.

use std::time::Duration;

use serde_json::json;
use swarm_gateway::Gateway;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::door::{Door, gateway};
use crate::peer::{Listener, Peer};

#[tokio::test]
async fn a_dropped_reply_an_expired_key_and_a_restored_snapshot() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    let fault = door
        .fault(r#"{"type":"missing_reply","command":"set"}"#)
        .await;
    client.send("SET k v PX 1000").await;
    let wait = r#"{"count":1}"#;
    let seen = door.ok(&format!("POST {fault}/wait"), wait).await;
    assert_eq!(
        (&seen["applied"], &seen["remaining"]),
        (&json!(1), &json!(0))
    );
    let executions = door.ok("GET /executions/set", "").await;
    assert_eq!(executions, json!({ "command": "SET", "executions": 1 }));
    // The reply is missing: the next one is that of the next command.
    assert_eq!(client.call("PTTL k").await, "1000");

    let before = door.ok("GET /clock", "").await["unix_ms"].as_i64().unwrap();
    door.ok("POST /clock/advance", r#"{"milliseconds":400}"#)
        .await;
    let snapshot = door.ok("GET /snapshot", "").await.to_string();
    let after = door
        .ok("POST /clock/advance", r#"{"milliseconds":600}"#)
        .await;
    assert_eq!(after, json!({ "manual": true, "unix_ms": before + 1000 }));
    assert_eq!(client.call("GET k").await, "nil");
    assert_eq!(client.call("SET other 1").await, "\"OK\"");

    door.ok("POST /flush", "").await;
    assert_eq!(client.call("EXISTS other").await, "0");
    door.ok("PUT /snapshot", &snapshot).await;
    assert_eq!(client.call("GET k").await, "\"v\"");
    assert_eq!(client.call("PTTL k").await, "600");
}

#[tokio::test]
async fn deleting_a_fault_ends_it() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut client = Peer::connect(&gateway, Listener::Ws).await;
    for kind in [
        r#""cut_after""#,
        r#""cut_within","bytes":1"#,
        r#""surplus_reply""#,
        r#""missing_reply""#,
        r#""delay","milliseconds":600000"#,
        r#""answer","reply":{"type":"error","value":"ERR planned"}"#,
        r#""hold""#,
    ] {
        let fault = format!(r#"{{"type":{kind},"command":"PING"}}"#);
        let fault = door.fault(&fault).await;
        door.ok(&format!("DELETE {fault}"), "").await;
        assert_eq!(client.call("PING").await, "\"PONG\"", "{kind}");
        assert_eq!(
            door.error(&format!("GET {fault}"), "").await.1,
            "no_such_fault"
        );
    }
    let hold = door.fault(r#"{"type":"hold","command":"PING"}"#).await;
    client.send("PING").await;
    door.ok(&format!("POST {hold}/wait"), r#"{"count":1}"#)
        .await;
    door.fault(r#"{"type":"lose_pushes"}"#).await;
    assert_eq!(door.ok("DELETE /faults", "").await, json!({ "deleted": 2 }));
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn faults_apply_and_count() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut client = Peer::connect(&gateway, Listener::Ws).await;
    let answer = json!({
        "type": "answer",
        "command": "GET",
        "times": 2,
        "reply": { "type": "array", "value": [
            { "type": "integer", "value": 7 },
            { "type": "bulk", "value": { "base64": "/w==" } },
            { "type": "null" },
            { "type": "map", "value": [[
                { "type": "simple", "value": "ok" },
                { "type": "boolean", "value": true }
            ]] }
        ] }
    });
    let answer = door.fault(&answer.to_string()).await;
    client.send("GET k").await;
    let frame = client.reply().await;
    let items: Vec<_> = frame.items().unwrap().collect();
    assert_eq!(items[0].as_integer(), Some(7));
    assert_eq!(items[1].as_bytes(), Some(&b"\xff"[..]));
    assert!(items[2].is_null());
    let seen = door.ok(&format!("GET {answer}"), "").await;
    assert_eq!(
        (&seen["applied"], &seen["remaining"]),
        (&json!(1), &json!(1))
    );
    client.send("GET k").await;
    client.reply().await;
    assert_eq!(client.call("GET k").await, "nil");
    assert_eq!(gateway.executions("GET"), 1);

    client.call("SUBSCRIBE news").await;
    let hold = door.fault(r#"{"type":"hold_pushes"}"#).await;
    let mut publisher = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(publisher.call("PUBLISH news hello").await, "1");
    door.ok(&format!("POST {hold}/wait"), r#"{"count":1}"#)
        .await;
    let wait = format!("POST {hold}/wait");
    let late = r#"{"count":2,"timeout_ms":1}"#;
    let (status, code, message) = door.error(&wait, late).await;
    assert_eq!((status, code.as_str()), (504, "timed_out"));
    assert!(message.contains("1 of 2 times within 1 ms"), "{message}");
    door.ok(&format!("DELETE {hold}"), "").await;
    assert!(client.reply().await.to_string().contains("hello"));

    let freeze = door.fault(r#"{"type":"freeze"}"#).await;
    publisher.send("PING").await;
    let silence = timeout(Duration::from_millis(50), publisher.reply()).await;
    assert!(silence.is_err());
    let error = door
        .error(&format!("POST {freeze}/wait"), r#"{"count":1}"#)
        .await;
    assert_eq!((error.0, error.1.as_str()), (409, "not_countable"));
    door.ok(&format!("DELETE {freeze}"), "").await;
    assert_eq!(publisher.reply().await.as_str(), Some("PONG"));

    let refuse = door.fault(r#"{"type":"refuse"}"#).await;
    let refused = Peer::connect(&gateway, Listener::Tcp).await;
    refused.closed().await;
    door.ok(&format!("DELETE {refuse}"), "").await;
    let mut admitted = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(admitted.call("PING").await, "\"PONG\"");

    let first = door.fault(r#"{"type":"hold","command":"ECHO"}"#).await;
    let waiting = {
        let (door, first) = (door.clone(), first.clone());
        tokio::spawn(async move {
            door.error(&format!("POST {first}/wait"), r#"{"count":1}"#)
                .await
        })
    };
    door.fault(r#"{"type":"hold","command":"ECHO"}"#).await;
    assert_eq!(waiting.await.unwrap().1, "replaced");
}

#[tokio::test]
async fn connections_are_listed_and_cut() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut ws = Peer::connect(&gateway, Listener::Ws).await;
    let id = ws.call("CLIENT ID").await;
    let mut tcp = Peer::connect(&gateway, Listener::Tcp).await;
    tcp.call("SUBSCRIBE news").await;
    let seen = door.ok("GET /connections", "").await;
    assert_eq!(seen["opened"], 2);
    let [first, second] = &seen["connections"].as_array().unwrap()[..] else {
        panic!("{seen}");
    };
    assert_eq!(first["listener"], "ws");
    assert_eq!(first["client_id"].to_string(), id);
    assert_eq!(first["subscriber"], false);
    assert_eq!(
        (&second["listener"], &second["subscriber"]),
        (&json!("tcp"), &json!(true))
    );
    assert!(second["remote"].as_str().unwrap().starts_with("127.0.0.1:"));

    let pushed = door.ok("POST /connections/push", r#"{"words":["invalidate","k"]}"#);
    assert_eq!(pushed.await, json!({ "connections": 2 }));
    assert!(ws.reply().await.to_string().contains("invalidate"));

    let cut = door.ok("POST /connections/cut", r#"{"which":"subscribers"}"#);
    assert_eq!(cut.await, json!({ "connections": 1 }));
    tcp.closed().await;
    door.ok(&format!("DELETE /connections/{}", first["id"]), "")
        .await;
    ws.closed().await;
    let other = Peer::connect(&gateway, Listener::Ws).await;
    let cut = door.ok("POST /connections/cut", r#"{"which":"all"}"#).await;
    assert_eq!(cut, json!({ "connections": 1 }));
    other.closed().await;
    assert_eq!(gateway.connections_opened(), 3);
}

#[tokio::test]
async fn a_gateway_stops_and_starts_on_the_same_ports() {
    let mut gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    client.call("SET k v").await;
    let status = door.ok("GET /status", "").await;
    assert_eq!(status["running"], true);
    assert_eq!(status["tcp_url"], gateway.tcp_url());
    assert_eq!(door.ok("POST /stop", "").await["running"], false);
    assert!(!gateway.is_running().await);
    client.closed().await;
    let address = gateway.tcp_url().trim_start_matches("redis://").to_owned();
    let taken = TcpListener::bind(&address).await.unwrap();
    let error = door.error("POST /start", "").await;
    assert_eq!((error.0, error.1.as_str()), (409, "cannot_start"));
    drop(taken);
    assert_eq!(door.ok("POST /start", "{}").await, status);
    assert_eq!(door.ok("POST /restart", "").await, status);
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(client.call("GET k").await, "\"v\"");
    // The owner and the door act on the same gateway.
    door.ok("POST /stop", "").await;
    gateway.start().await.unwrap();
    assert_eq!(door.ok("GET /status", "").await, status);
}

#[tokio::test]
async fn executions_are_counted_by_command() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let waiting = {
        let door = door.clone();
        tokio::spawn(async move {
            door.ok("POST /executions/client%7Cid/wait", r#"{"count":2}"#)
                .await
        })
    };
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    client.call("CLIENT ID").await;
    client.call("CLIENT ID").await;
    client.call("PING").await;
    let counted = json!({ "command": "CLIENT|ID", "executions": 2 });
    assert_eq!(waiting.await.unwrap(), counted);
    let all = json!({ "executions": { "CLIENT|ID": 2, "PING": 1 } });
    assert_eq!(door.ok("GET /executions", "").await, all);
    let late = r#"{"count":2,"timeout_ms":1}"#;
    let (_, code, message) = door.error("POST /executions/PING/wait", late).await;
    assert_eq!(code, "timed_out");
    assert!(message.contains("PING has run 1 of 2 times"), "{message}");
}

#[tokio::test]
async fn the_clock_of_the_system_cannot_be_advanced() {
    let builder = Gateway::builder().control("127.0.0.1:0");
    let gateway = builder.start().await.unwrap();
    let door = Door::of(&gateway);
    assert_eq!(door.ok("GET /clock", "").await["manual"], false);
    let error = door
        .error("POST /clock/advance", r#"{"milliseconds":1}"#)
        .await;
    assert_eq!((error.0, error.1.as_str()), (409, "clock_not_manual"));
}

#[tokio::test]
async fn the_door_closes_with_the_gateway() {
    let gateway = gateway().await;
    let address = gateway.control_url().trim_start_matches("http://");
    let address = address.to_owned();
    let mut open = TcpStream::connect(&address).await.unwrap();
    drop(gateway);
    // An end or a reset.
    assert!(matches!(open.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(&address).await.is_err());
}
