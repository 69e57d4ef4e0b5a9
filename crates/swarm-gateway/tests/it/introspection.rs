//! What clients ask about the server: INFO, CLIENT, and COMMAND.

use std::collections::HashMap;
use std::time::Duration;

use swarm_gateway::{Clock, Gateway};

use crate::client::Client;

/// Returns the fields of `key:value` or `key=value` text.
fn fields(text: &str, separator: char) -> HashMap<&str, &str> {
    (text.split_ascii_whitespace())
        .filter_map(|field| field.split_once(separator))
        .collect()
}

async fn text(client: &mut Client, line: &str) -> String {
    client.send(line).await;
    client.reply().await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn info_has_the_fields_that_clients_parse() {
    let clock = Clock::manual();
    let gateway = Gateway::builder().clock(clock.clone());
    let gateway = gateway.start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("SET k value").await;
    client.call("SET gone value PX 1").await;
    client.call("XADD s 1-1 f v").await;
    client.call("CONFIG SET maxmemory 1gb").await;
    clock.advance(Duration::from_secs(90_000));
    let info = text(&mut client, "INFO").await;
    let fields = fields(&info, ':');
    for (name, value) in [
        ("redis_version", "7.0.15"),
        ("redis_mode", "standalone"),
        ("arch_bits", "64"),
        ("uptime_in_seconds", "90000"),
        ("uptime_in_days", "1"),
        ("connected_clients", "1"),
        ("maxmemory", "1073741824"),
        ("maxmemory_policy", "noeviction"),
        ("loading", "0"),
        ("aof_enabled", "0"),
        ("total_connections_received", "1"),
        ("total_commands_processed", "4"),
        ("expired_keys", "1"),
        ("role", "master"),
        ("cluster_enabled", "0"),
        ("db0", "keys=2,expires=0,avg_ttl=0"),
    ] {
        assert_eq!(fields.get(name), Some(&value), "{name} in {info}");
    }
    let used: usize = fields["used_memory"].parse().unwrap();
    client
        .call(&format!("SET large {}", "x".repeat(10_000)))
        .await;
    let info = text(&mut client, "INFO memory").await;
    let grown: usize = self::fields(&info, ':')["used_memory"].parse().unwrap();
    assert!(grown >= used + 10_000, "{used} {grown}");
    // Statistics of commands are shown on request only.
    let stats = text(&mut client, "INFO commandstats").await;
    assert!(stats.contains("cmdstat_set:calls=3,"), "{stats}");
    assert!(stats.contains("cmdstat_config|set:calls=1,"), "{stats}");
    assert!(!text(&mut client, "INFO").await.contains("cmdstat_"));
    assert!(text(&mut client, "INFO all").await.contains("cmdstat_"));
    assert_eq!(text(&mut client, "INFO nosuch").await, "");
}

#[tokio::test]
async fn connections_are_described() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    other.call("HELLO 3").await;
    other.call("CLIENT SETNAME other").await;
    assert_eq!(other.call("CLIENT SETINFO LIB-NAME lib").await, "\"OK\"");
    assert_eq!(other.call("CLIENT SETINFO lib-ver 1.2").await, "\"OK\"");
    let refused = other.call("CLIENT SETINFO foo 1").await;
    assert_eq!(refused, "-ERR Unrecognized option 'foo'");
    other.call("SUBSCRIBE a b").await;
    other.reply().await;
    other.call("PSUBSCRIBE c").await;
    let list = text(&mut client, "CLIENT LIST").await;
    let lines: Vec<_> = list.lines().map(|line| fields(line, '=')).collect();
    let port = gateway.ws_url().trim_start_matches("ws://");
    let port = port.trim_end_matches('/');
    let expected = [
        [
            ("cmd", "client|list"),
            ("flags", "N"),
            ("sub", "0"),
            ("psub", "0"),
            ("resp", "2"),
        ],
        [
            ("cmd", "psubscribe"),
            ("flags", "P"),
            ("sub", "2"),
            ("psub", "1"),
            ("resp", "3"),
        ],
    ];
    assert_eq!(lines.len(), expected.len(), "{list}");
    for (line, expected) in lines.iter().zip(expected) {
        for (name, value) in expected {
            assert_eq!(line[name], value, "{name} in {list}");
        }
        assert_eq!((line["laddr"], line["multi"]), (port, "-1"), "{list}");
        assert!(
            line["addr"].starts_with("127.0.0.1:") && line["addr"] != port,
            "{list}"
        );
    }
    let names = ["name", "lib-name", "lib-ver"].map(|name| lines[1][name]);
    assert_eq!(names, ["other", "lib", "1.2"]);
    for (options, count) in [("TYPE normal", 1), ("TYPE PUBSUB", 1), ("TYPE master", 0)] {
        let list = text(&mut client, &format!("CLIENT LIST {options}")).await;
        assert_eq!(list.lines().count(), count, "{options}");
    }
    let id = lines[1]["id"];
    let list = text(&mut client, &format!("CLIENT LIST ID {id} 999")).await;
    assert_eq!((list.lines().count(), fields(&list, '=')["id"]), (1, id));
    for line in ["MULTI", "PING", "CLIENT LIST"] {
        client.call(line).await;
    }
    client.send("EXEC").await;
    let replies = client.reply().await;
    let list = replies.items().unwrap().nth(1).unwrap();
    let list = list.as_str().unwrap();
    assert!(list.contains("flags=x"), "{list}");
    assert!(list.contains("cmd=exec"), "{list}");
}

#[tokio::test]
async fn commands_are_described() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let spec = |flag: &str, access: &str, last: i64| {
        format!(
            "[\"flags\", [\"{flag}\", \"{access}\"], \"begin_search\", [\"type\", \"index\", \
             \"spec\", [\"index\", 1]], \"find_keys\", [\"type\", \"range\", \"spec\", \
             [\"lastkey\", {last}, \"keystep\", 1, \"limit\", 0]]]"
        )
    };
    let get = format!(
        "[\"get\", 2, [\"readonly\", \"fast\"], 1, 1, 1, [\"@read\", \"@string\", \"@fast\"], [], \
         [{}], []]",
        spec("RO", "access", 0)
    );
    let del = format!(
        "[\"del\", -2, [\"write\"], 1, -1, 1, [\"@keyspace\", \"@write\", \"@slow\"], \
         [\"request_policy:multi_shard\", \"response_policy:agg_sum\"], [{}], []]",
        spec("RW", "update", -1)
    );
    let info = client.call("COMMAND INFO get nosuch DEL").await;
    assert_eq!(info, format!("[{get}, nil, {del}]"));
    for (line, reply) in [
        ("COMMAND GETKEYS MSET a 1 b 2", "[\"a\", \"b\"]"),
        (
            "COMMAND GETKEYS XREAD COUNT 1 STREAMS s t 0 0",
            "[\"s\", \"t\"]",
        ),
        ("COMMAND GETKEYS EVAL x 2 a b arg", "[\"a\", \"b\"]"),
        ("COMMAND GETKEYS EVAL x 3 a b", "[]"),
        (
            "COMMAND GETKEYS PING there",
            "-ERR The command has no key arguments",
        ),
        ("COMMAND GETKEYS NOSUCH a", "-ERR Invalid command specified"),
        (
            "COMMAND LIST FILTERBY PATTERN xr*",
            "[\"xrange\", \"xread\", \"xreadgroup\", \"xrevrange\"]",
        ),
        (
            "COMMAND FOO",
            "-ERR unknown subcommand 'FOO'. Try COMMAND HELP.",
        ),
    ] {
        assert_eq!(client.call(line).await, reply, "{line}");
    }
    let groups = client.call("COMMAND INFO xgroup").await;
    assert!(
        groups.contains("[\"xgroup|create\", -5, [\"write\", \"denyoom\"], 2, 2, 1,"),
        "{groups}"
    );
    let help = client.call("COMMAND HELP").await;
    assert!(help.starts_with("[\"COMMAND <subcommand>"), "{help}");
    let count: usize = client.call("COMMAND COUNT").await.parse().unwrap();
    client.send("COMMAND").await;
    assert_eq!(client.reply().await.items().unwrap().count(), count);
}
