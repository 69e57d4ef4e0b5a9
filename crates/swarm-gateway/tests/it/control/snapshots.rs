//! Snapshots: what they keep, which dialects load them, and what is refused.

use serde_json::{Value, json};
use swarm_gateway::{Clock, Dialect, Gateway, Quirk, Snapshot, StoreError};
use swarm_resp::Request;

use super::door::{Door, gateway};
use crate::peer::{Listener, Peer};

/// Starts a gateway with a manual clock and a dialect without delays.
async fn dialect(dialect: Dialect) -> (Gateway, Clock) {
    let clock = Clock::manual();
    let builder = Gateway::builder().clock(clock.clone());
    let dialect = dialect.without(Quirk::WriteQueue);
    (builder.dialect(dialect).start().await.unwrap(), clock)
}

/// Fills a store through commands that all dialects have.
async fn fill(client: &mut Peer) {
    for line in [
        "SET greeting hello",
        "SET fleeting soon PX 5000",
        "XADD s 1-1 f v",
        "XADD s 2-1 f v g w",
        "XADD s 3-1 f v",
        "XGROUP CREATE s g 0-0",
        "XREADGROUP GROUP g ann COUNT 2 STREAMS s >",
        "XACK s g 1-1",
        "XTRIM s MAXLEN 2",
        "XGROUP CREATE empty h 0-0 MKSTREAM",
    ] {
        let reply = client.call(line).await;
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

/// Reads everything that `fill` wrote.
async fn read(client: &mut Peer) -> Vec<String> {
    let mut replies = Vec::new();
    for line in [
        "GET greeting",
        "PTTL greeting",
        "PTTL fleeting",
        "XRANGE s - +",
        "XPENDING s g - + 10",
        "XLEN empty",
        "XPENDING empty h",
        "XADD s 3-1 f late",
        "XREADGROUP GROUP g bob COUNT 9 STREAMS s >",
    ] {
        replies.push(format!("{line}: {}", client.call(line).await));
    }
    replies
}

#[tokio::test]
async fn every_dialect_loads_every_snapshot() {
    let dialects = [Dialect::STANDARD, Dialect::UPSTREAM];
    for from in dialects {
        let (source, clock) = dialect(from).await;
        let mut client = Peer::connect(&source, Listener::Tcp).await;
        fill(&mut client).await;
        clock.advance(std::time::Duration::from_millis(1000));
        let snapshot = source.snapshot().unwrap();
        let document = snapshot.to_json();
        let read_back = Snapshot::from_json(document.as_bytes()).unwrap();
        assert_eq!(read_back, snapshot);
        for into in dialects {
            let (target, _) = dialect(into).await;
            target.restore(&read_back).unwrap();
            let mut copied = Peer::connect(&target, Listener::Tcp).await;
            assert_eq!(copied.call("GET greeting").await, "\"hello\"");
            // SwarmKeyDb rounds down.
            let left = copied.call("PTTL fleeting").await;
            assert!(matches!(left.as_str(), "4000" | "3999"), "{left}");
            let pending = copied.call("XPENDING s g - + 10").await;
            assert!(
                pending.contains("\"2-1\"") && pending.contains("1000"),
                "{pending}"
            );
            if from == into {
                assert_eq!(target.snapshot().unwrap(), snapshot);
                source.restore(&read_back).unwrap();
                assert_eq!(read(&mut copied).await, read(&mut client).await);
                source.restore(&read_back).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_keeps_bytes_that_are_not_text_and_what_xinfo_shows() {
    let gateway = gateway().await;
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    let set = Request::new("SET", [&b"k\xff"[..], b"\0\r\n\xfe"]);
    client.request(&set).await;
    client.reply().await;
    for line in [
        "XADD s 1-1 f v",
        "XADD s 2-1 f v",
        "XDEL s 2-1",
        "XGROUP CREATE s g 1-1",
    ] {
        client.call(line).await;
    }
    let info = client.call("XINFO STREAM s FULL").await;
    let document = gateway.snapshot().unwrap().to_json();
    let parsed: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(parsed["keys"][0]["key"], json!({ "base64": "a/8=" }));
    assert_eq!(
        parsed["keys"][1]["value"]["stream"]["max_deleted_id"],
        "2-1"
    );
    gateway.flush().unwrap();
    assert_eq!(client.call("DBSIZE").await, "0");
    let snapshot = Snapshot::from_json(document.as_bytes()).unwrap();
    gateway.restore(&snapshot).unwrap();
    assert_eq!(client.call("XINFO STREAM s FULL").await, info);
    client.request(&Request::new("GET", [&b"k\xff"[..]])).await;
    assert_eq!(client.reply().await.as_bytes(), Some(&b"\0\r\n\xfe"[..]));
}

#[tokio::test]
async fn a_restore_serves_blocked_commands_and_fails_transactions() {
    let gateway = gateway().await;
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    client.call("XADD s 1-1 f v").await;
    client.call("SET k v").await;
    let snapshot = gateway.snapshot().unwrap();
    client.call("WATCH k").await;
    gateway.flush().unwrap();
    let mut blocked = Peer::connect(&gateway, Listener::Tcp).await;
    blocked.send("XREAD BLOCK 0 STREAMS s 0").await;
    // Until the other connection is blocked.
    loop {
        client.send("CLIENT LIST").await;
        let list = client.reply().await;
        if list.as_str().unwrap().contains("flags=b") {
            break;
        }
    }
    gateway.restore(&snapshot).unwrap();
    assert!(blocked.reply().await.to_string().contains("1-1"));
    client.call("MULTI").await;
    client.call("GET k").await;
    assert_eq!(client.call("EXEC").await, "nil");
}

#[tokio::test]
async fn contradictory_snapshots_are_refused_and_change_nothing() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    client.call("SET k v").await;
    let group = |consumers: Value, pending: Value| {
        json!({ "string": null, "stream": { "entries": [], "last_id": "9-0", "groups": [{
            "name": "g", "last_delivered_id": "0-0", "consumers": consumers, "pending": pending
        }] } })
    };
    let entries = |ids: &[&str], last: &str| {
        let entry = |id: &&str| json!({ "id": id, "fields": ["f", "v"] });
        let entries: Vec<_> = ids.iter().map(entry).collect();
        json!({ "stream": { "entries": entries, "last_id": last } })
    };
    let pending = json!({ "id": "1-0", "consumer": "ann", "idle_ms": 0, "deliveries": 1 });
    let ann = json!({ "name": "ann", "idle_ms": 0 });
    let only = |mut value: Value| {
        value.as_object_mut().unwrap().remove("string");
        json!([{ "key": "s", "value": value }])
    };
    let text = json!({ "key": "t", "value": { "string": "v" } });
    for (keys, names) in [
        (json!([text, text]), "key \"t\": listed twice"),
        (
            json!([{ "key": "t", "value": { "string": "v" }, "ttl_ms": 0 }]),
            "`ttl_ms` is 0",
        ),
        (
            json!([{ "key": "t", "value": { "string": "v" }, "ttl_ms": u64::MAX }]),
            "`ttl_ms` too large",
        ),
        (
            only(entries(&["2-0", "1-0"], "9-0")),
            "entry 1-0 is not behind",
        ),
        (
            only(entries(&["1-0", "1-0"], "9-0")),
            "entry 1-0 is not behind",
        ),
        (
            only(entries(&["2-0"], "1-0")),
            "`last_id` 1-0 is before the last entry",
        ),
        (only(entries(&["2"], "3-0")), "\"2\" is no complete ID"),
        (only(entries(&["x-1"], "3-0")), "\"x-1\" is no complete ID"),
        (
            only(group(json!([]), json!([pending]))),
            "which is no consumer of group \"g\"",
        ),
        (
            only(group(json!([ann]), json!([pending, pending]))),
            "pending entry 1-0 is listed twice",
        ),
        (
            json!([{ "key": "s", "value": { "stream": {
                "entries": [{ "id": "1-0", "fields": ["f"] }], "last_id": "1-0"
            } } }]),
            "entry 1-0 needs pairs",
        ),
        (
            json!([{ "key": "s", "value": { "stream": {
                "entries": [{ "id": "1-0", "fields": ["f", "v"] }],
                "last_id": "1-0",
                "entries_added": 0
            } } }]),
            "`entries_added` 0 is less",
        ),
    ] {
        let document = json!({ "version": "1", "keys": keys });
        let (status, code, message) = door.error("PUT /snapshot", &document.to_string()).await;
        assert_eq!(
            (status, code.as_str()),
            (422, "invalid_snapshot"),
            "{message}"
        );
        assert!(message.contains(names), "{message}");
        assert_eq!(client.call("GET k").await, "\"v\"");
    }
    for (document, code, names) in [
        ("{}", "invalid_request", "`version`"),
        (r#"{"version":"3","keys":[]}"#, "invalid_request", "`3`"),
        (
            r#"{"version":"1","keys":[],"more":1}"#,
            "unknown_field",
            "`more`",
        ),
        (
            r#"{"version":"1","keys":[{"key":"k","value":{"cube":1}}]}"#,
            "invalid_request",
            "`cube`",
        ),
    ] {
        let (status, got, message) = door.error("PUT /snapshot", document).await;
        assert_eq!((status, got.as_str()), (400, code), "{message}");
        assert!(message.contains(names), "{message}");
    }
    let error = Snapshot::from_json(b"[]").unwrap_err();
    assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_snapshot_keeps_databases_and_lists() {
    let (source, target) = (gateway().await, gateway().await);
    let mut client = Peer::connect(&source, Listener::Tcp).await;
    for line in ["SET k zero", "SELECT 3", "SET k three", "RPUSH l a b"] {
        client.call(line).await;
    }
    let document = source.snapshot().unwrap().to_json();
    let parsed: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(parsed["version"], "2");
    assert_eq!(parsed["keys"][0].get("database"), None);
    assert_eq!(parsed["keys"][1]["database"], 3);
    assert_eq!(parsed["keys"][2]["value"], json!({ "list": ["a", "b"] }));
    target
        .restore(&Snapshot::from_json(document.as_bytes()).unwrap())
        .unwrap();
    let mut copied = Peer::connect(&target, Listener::Tcp).await;
    assert_eq!(copied.call("GET k").await, "\"zero\"");
    copied.call("SELECT 3").await;
    assert_eq!(copied.call("GET k").await, "\"three\"");
    assert_eq!(
        copied.call("LRANGE l 0 -1").await,
        client.call("LRANGE l 0 -1").await
    );
    // A deployed server has one database.
    let (single, _) = dialect(Dialect::UPSTREAM).await;
    let snapshot = source.snapshot().unwrap();
    let error = single.restore(&snapshot).unwrap_err().to_string();
    assert!(error.contains("no such `database`"), "{error}");
    // Version 1 has no databases.
    let older = document.replace(r#""version":"2""#, r#""version":"1""#);
    let older = Snapshot::from_json(older.as_bytes()).unwrap();
    let error = target.restore(&older).unwrap_err().to_string();
    assert!(error.contains("version 1 has no `database`"), "{error}");
}

#[tokio::test]
async fn a_real_server_keeps_its_data() {
    let store = swarm_gateway::test().await.unwrap();
    let builder = Gateway::builder().redis(store.tcp_url());
    let front = builder.control("127.0.0.1:0").start().await.unwrap();
    assert!(matches!(front.snapshot(), Err(StoreError::NotEmbedded)));
    let door = Door::of(&front);
    for request in ["GET /snapshot", "POST /flush"] {
        let (status, code, _) = door.error(request, "").await;
        assert_eq!((status, code.as_str()), (409, "not_embedded"));
    }
}
