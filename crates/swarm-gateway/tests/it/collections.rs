//! Hashes, sets and sorted sets: random elements, scans while elements change, and snapshots. The
//! differential test compares all that is not random with Redis.

use std::collections::BTreeSet;

use swarm_gateway::{Dialect, Gateway, Snapshot};

use crate::peer::{Listener, Peer};

/// A type of collection, as the tests use it.
struct Kind {
    /// Command that adds an element, with `{}` for its name.
    add: &'static str,
    remove: &'static str,
    random: &'static str,
    /// Option of the random command that adds a value.
    pairs: Option<&'static str>,
    scan: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        add: "HSET k {} v{}",
        remove: "HDEL k {}",
        random: "HRANDFIELD k",
        pairs: Some("WITHVALUES"),
        scan: "HSCAN k",
    },
    Kind {
        add: "SADD k {}",
        remove: "SREM k {}",
        random: "SRANDMEMBER k",
        pairs: None,
        scan: "SSCAN k",
    },
    Kind {
        add: "ZADD k 1 {}",
        remove: "ZREM k {}",
        random: "ZRANDMEMBER k",
        pairs: Some("WITHSCORES"),
        scan: "ZSCAN k",
    },
];

async fn start() -> (Gateway, Peer) {
    let gateway = swarm_gateway::test().await.unwrap();
    let client = Peer::connect(&gateway, Listener::Tcp).await;
    (gateway, client)
}

/// Returns the texts of a reply that is a list.
async fn list(client: &mut Peer, line: &str) -> Vec<String> {
    client.send(line).await;
    let reply = client.reply().await;
    let items = reply.items().unwrap_or_else(|| panic!("{line}: {reply}"));
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

async fn add(client: &mut Peer, kind: &Kind, names: impl Iterator<Item = String>) {
    for name in names {
        assert_eq!(client.call(&kind.add.replace("{}", &name)).await, "1");
    }
}

#[tokio::test]
async fn random_elements_are_elements_and_differ_unless_they_may_repeat() {
    for kind in &KINDS {
        // Redis encodes the larger size otherwise.
        for size in [5, 700] {
            let (_gateway, mut client) = start().await;
            let all: BTreeSet<String> = (0..size).map(|number| format!("m{number}")).collect();
            add(&mut client, kind, all.iter().cloned()).await;
            let random = kind.random;
            for count in [0, 1, 2, size - 1, size, size + 1] {
                let found = list(&mut client, &format!("{random} {count}")).await;
                let different: BTreeSet<String> = found.iter().cloned().collect();
                assert_eq!(found.len(), count.min(size), "{random} {count}");
                assert_eq!(different.len(), found.len(), "{random} {count}");
                assert!(different.is_subset(&all), "{random} {count}");
            }
            let times = 40 * size;
            let found = list(&mut client, &format!("{random} -{times}")).await;
            assert_eq!(found.len(), times);
            for name in &all {
                let seen = found.iter().filter(|found| *found == name).count();
                assert!(
                    (8..100).contains(&seen) || size == 5,
                    "{random}: {name} {seen}"
                );
                assert!(seen > 0, "{random}: {name}");
            }
            if let Some(option) = kind.pairs {
                let found = list(&mut client, &format!("{random} {size} {option}")).await;
                for pair in found.chunks(2) {
                    let value = match option {
                        "WITHVALUES" => format!("v{}", pair[0]),
                        _ => "1".to_owned(),
                    };
                    assert_eq!(pair[1], value);
                }
            }
        }
    }
}

#[tokio::test]
async fn popped_members_are_gone_and_all_others_stay() {
    for prefix in ["m", ""] {
        let (_gateway, mut client) = start().await;
        let mut left: BTreeSet<String> = (0..300).map(|n| format!("{prefix}{n}")).collect();
        add(&mut client, &KINDS[1], left.iter().cloned()).await;
        for count in [1, 2, 50, 240] {
            let popped = list(&mut client, &format!("SPOP k {count}")).await;
            for member in &popped {
                assert!(left.remove(member), "{member} twice, or not a member");
            }
            let members = list(&mut client, "SMEMBERS k").await;
            assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), left);
        }
        assert_eq!(left.len(), 7);
        while let Some(member) = client.call("SPOP k").await.strip_prefix('"') {
            assert!(left.remove(member.trim_end_matches('"')), "{member}");
        }
        assert!(left.is_empty());
        assert_eq!(client.call("EXISTS k").await, "0");
    }
}

/// Scans a key while elements other than `keep…` come and go, and returns what was found.
async fn scan(client: &mut Peer, kind: &Kind, random: &mut fastrand::Rng) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = "0".to_owned();
    for page in 0.. {
        assert!(page < 10_000, "the scan does not end");
        let count = random.u8(1..40);
        let line = format!("{} {cursor} COUNT {count}", kind.scan);
        client.send(&line).await;
        let reply = client.reply().await;
        let mut parts = reply.items().unwrap();
        cursor = parts.next().unwrap().as_str().unwrap().to_owned();
        let elements = parts.next().unwrap().items().unwrap();
        let step = if kind.pairs.is_some() { 2 } else { 1 };
        found.extend(
            elements
                .step_by(step)
                .map(|name| name.as_str().unwrap().to_owned()),
        );
        if cursor == "0" {
            return found;
        }
        for _ in 0..random.u8(..20) {
            let name = format!("other{}", random.u16(..400));
            let line = if random.bool() { kind.add } else { kind.remove };
            client.call(&line.replace("{}", &name)).await;
        }
    }
    unreachable!("pages have no end")
}

#[tokio::test]
async fn a_scan_returns_every_element_that_stays_exactly_once() {
    for (seed, kind) in (0..).zip(&KINDS) {
        for size in [3, 900] {
            let mut random = fastrand::Rng::with_seed(seed);
            let (_gateway, mut client) = start().await;
            let mut kept: Vec<String> = (0..size).map(|number| format!("keep{number}")).collect();
            let others = (0..size / 3).map(|number| format!("other{number}"));
            let mut names: Vec<String> = kept.iter().cloned().chain(others).collect();
            random.shuffle(&mut names);
            add(&mut client, kind, names.into_iter()).await;
            kept.sort();
            for _ in 0..3 {
                let mut found = scan(&mut client, kind, &mut random).await;
                found.retain(|name| name.starts_with("keep"));
                found.sort();
                assert_eq!(found, kept, "{}", kind.scan);
            }
        }
    }
}

/// SwarmKeyDb has none of these commands.
#[tokio::test]
async fn the_dialect_upstream_has_no_collections() {
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.start().await.unwrap();
    let mut client = Peer::connect(&gateway, Listener::Tcp).await;
    for line in ["HSET k f v", "SADD k m", "ZADD k 1 m", "GEOADD k 1 2 m"] {
        let name = line.split(' ').next().unwrap();
        let expected = format!("-ERR unknown command '{name}'");
        assert_eq!(client.call(line).await, expected);
    }
}

#[tokio::test]
async fn snapshots_keep_hashes_sets_and_sorted_sets() {
    let (gateway, mut client) = start().await;
    for line in [
        "HSET h b 1 a \u{e4}",
        "SADD integers 3 -1 2",
        "SADD e x 1",
        "ZADD z inf max -inf min 1.5 b 0.1 a -0 zero",
    ] {
        assert!(!client.call(line).await.starts_with('-'), "{line}");
    }
    let document = gateway.snapshot().unwrap().to_json();
    let snapshot = Snapshot::from_json(document.as_bytes()).unwrap();
    let (other, mut copied) = start().await;
    other.restore(&snapshot).unwrap();
    for line in [
        "HGETALL h",
        "SMEMBERS integers",
        "SMEMBERS e",
        "ZRANGE z 0 -1 WITHSCORES",
        "DBSIZE",
    ] {
        assert_eq!(copied.call(line).await, client.call(line).await, "{line}");
    }
    assert_eq!(other.snapshot().unwrap(), snapshot);
}

#[tokio::test]
async fn snapshots_of_impossible_collections_are_refused() {
    let gateway = swarm_gateway::test().await.unwrap();
    for (value, why) in [
        (r#"{"hash":[]}"#, "a hash needs a field"),
        (
            r#"{"hash":[{"field":"f","value":"1"},{"field":"f","value":"2"}]}"#,
            "field \"f\" is listed twice",
        ),
        (r#"{"set":[]}"#, "a set needs a member"),
        (r#"{"set":["1","1"]}"#, "member \"1\" is listed twice"),
        (r#"{"sorted_set":[]}"#, "a sorted set needs a member"),
        (
            r#"{"sorted_set":[{"member":"m","score":"nan"}]}"#,
            "\"nan\" is not a score",
        ),
        (
            r#"{"sorted_set":[{"member":"m","score":"1"},{"member":"m","score":"2"}]}"#,
            "member \"m\" is listed twice",
        ),
    ] {
        let document = format!(r#"{{"version":"1","keys":[{{"key":"k","value":{value}}}]}}"#);
        let snapshot = Snapshot::from_json(document.as_bytes()).unwrap();
        let error = gateway.restore(&snapshot).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
