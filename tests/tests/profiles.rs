//! Arguments that one kind of server takes and another does not: rejected where they would do harm,
//! byte-exact everywhere else.

use std::collections::HashSet;
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{
    Bytes, Client, ClientOptions, Error, ErrorKind, Outcome, Result, ScanOptions, ServerKind,
    StreamId, XPendingOptions, XReadGroupOptions, XReadOptions,
};
use swarm_tests::{Redis, UPSTREAM, gateway, within};

/// Names that SwarmKeyDb would write into its replies unescaped.
const BROKEN: [&str; 4] = ["a\r\nb", "a\nb", "\r", "\r\n:1"];

/// Runs every command that SwarmKeyDb must not receive, and passes each result to `seen`.
async fn run_all(client: &Client, seen: &mut impl FnMut(String, Result<()>)) {
    macro_rules! run {
        ($name:expr; $($command:expr),+ $(,)?) => {$(
            let result = within(async { $command.await.map(drop) }).await;
            seen(format!("{} with {:?}", stringify!($command), $name), result);
        )+};
    }
    let zero = Duration::ZERO;
    let id = StreamId::MIN;
    let long = Duration::from_secs(1);
    for name in BROKEN {
        run!(name;
            client.get(name),
            client.set(name, "value"),
            client.mget(["good", name]),
            client.mset([("good", "1"), (name, "2")]),
            client.msetnx([("good", "1"), (name, "2")]),
            client.del(["good", name]),
            client.exists(name),
            client.expire(name, long),
            client.ttl(name),
            client.incr(name),
            client.eval("return 1", name, ()),
            client.evalsha(name, (), ()),
            client.keys(name),
            client.scan(0, ScanOptions::new().matching(name)),
            client.info_section(name),
            client.config_get(name),
            client.config_set(name, "1"),
            client.restoredb(name),
            client.restoredb_with_key("reference", name),
            client.rotatekey(name, "new"),
            client.rotatekey("old", name),
            client.publish(name, "text"),
            client.pubsub_numsub(["good", name]),
            client.subscribe(name),
            client.subscribe(["good", name]),
            client.psubscribe(name),
            client.xadd(name, [("f", "v")]),
            client.xlen(name),
            client.xrange(name, ..),
            client.xread([("good", "0-0"), (name, "0-0")]),
            client.xgroup_create(name, "g", "$"),
            client.xgroup_create("s", name, "$"),
            client.xgroup_destroy("s", name),
            client.xgroup_createconsumer("s", "g", name),
            client.xgroup_delconsumer("s", "g", name),
            client.xreadgroup(name, "c", [("s", ">")]),
            client.xreadgroup("g", name, [("s", ">")]),
            client.xack("s", name, id),
            client.xpending("s", name),
            client.xpending_with("s", "g", XPendingOptions::new().consumer(name)),
            client.xclaim("s", name, "c", zero, id),
            client.xclaim("s", "g", name, zero, id),
            client.xautoclaim("s", name, "c", zero, id),
            client.xautoclaim("s", "g", name, zero, id),
            client.raw("GET", name),
            client.raw("MSET", ("good", "1", name, "2")),
            client.raw("XACK", ("s", name, "1-1")),
            client.raw("OBJECT", (name, "good")),
            client.raw("EVAL", ("return 1", "1", name)),
        );
    }
    run!("";
        client.get(""),
        client.set("", "value"),
        client.mget(["good", ""]),
        client.mset([("a", "1"), ("", "2"), ("b", "3")]),
        client.del(["good", ""]),
        client.xadd("", [("f", "v")]),
        client.raw("GET", ""),
        client.raw("MSET", ("a", "1", "", "2")),
        client.publish("", "text"),
        client.subscribe(""),
        client.subscribe(["good", ""]),
        client.psubscribe(""),
    );
    for pattern in ["[", "[]", "[!]", "[z-a]", "a[]b"] {
        run!(pattern; client.psubscribe(pattern), client.psubscribe(["good", pattern]));
    }
    for increment in ["abc", "", "1.5", "1,000"] {
        run!(increment; client.raw("INCRBY", ("counter", increment)));
    }
}

/// As [`run_all`], for what needs a connection of its own.
async fn run_all_dedicated(client: &Client, seen: &mut impl FnMut(String, Result<()>)) {
    for name in BROKEN.into_iter().chain([""]) {
        let long = Duration::from_secs(5);
        let reads = XReadOptions::new().block(long);
        let result = within(client.xread_with([("s", "0-0"), (name, "$")], reads)).await;
        seen(format!("a blocking read of {name:?}"), result.map(drop));

        let mut exclusive = within(client.exclusive()).await.unwrap();
        let result = within(exclusive.watch(name)).await;
        seen(format!("WATCH of {name:?}"), result);
        let result = within(exclusive.get(name)).await;
        seen(format!("GET of {name:?} on a lease"), result.map(drop));
    }
    for name in BROKEN {
        let long = Duration::from_secs(5);
        let reads = XReadGroupOptions::new().block(long);
        let result = within(client.xreadgroup_with("g", name, [("s", ">")], reads)).await;
        seen(
            format!("a blocking group read as {name:?}"),
            result.map(drop),
        );
        let result = within(client.raw_blocking("BLPOP", (name, "0.01"), long)).await;
        seen(format!("a blocking command of {name:?}"), result.map(drop));
    }
}

fn assert_rejected(what: &str, result: Result<()>) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Argument, "{what}: {error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{what}: {error}");
    assert!(error.command().is_some(), "{what}: {error}");
    let text = error.to_string();
    assert!(text.contains("SwarmKeyDb"), "{what}: {text}");
    assert!(text.contains(';'), "{what}: no remedy in {text}");
    assert!(!text.contains(['\r', '\n']), "{what}: {text:?}");
}

/// Returns how often each command ran that [`run_all`] and [`run_all_dedicated`] try.
fn executions(gateway: &Gateway) -> Vec<(&'static str, u64)> {
    const NAMES: [&str; 40] = [
        "SUBSCRIBE",
        "PSUBSCRIBE",
        "GET",
        "SET",
        "MGET",
        "MSET",
        "MSETNX",
        "DEL",
        "EXISTS",
        "EXPIRE",
        "TTL",
        "INCR",
        "INCRBY",
        "EVAL",
        "EVALSHA",
        "KEYS",
        "SCAN",
        "INFO",
        "CONFIG",
        "RESTOREDB",
        "ROTATEKEY",
        "PUBLISH",
        "PUBSUB",
        "XADD",
        "XLEN",
        "XRANGE",
        "XREVRANGE",
        "XREAD",
        "XGROUP",
        "XREADGROUP",
        "XACK",
        "XPENDING",
        "XCLAIM",
        "XAUTOCLAIM",
        "OBJECT",
        "BLPOP",
        "WATCH",
        "MULTI",
        "EXEC",
        "DISCARD",
    ];
    NAMES.map(|name| (name, gateway.executions(name))).to_vec()
}

/// Catches a check at send time that is missing for one command, transport or handle.
#[tokio::test]
async fn swarmkeydb_gets_nothing_that_it_would_corrupt() {
    for dialect in [UPSTREAM, Dialect::STANDARD] {
        let gateway = gateway(dialect).await;
        for url in [gateway.ws_url(), gateway.tcp_url(), gateway.http_url()] {
            let client = within(Client::connect(url)).await.unwrap();
            let before = executions(&gateway);
            let mut seen = HashSet::new();
            let mut rejected = |what: String, result: Result<()>| {
                // Subscriptions are not available over HTTP at all.
                if !(url.starts_with("http") && what.contains("subscribe(")) {
                    assert_rejected(&format!("{url} {dialect}: {what}"), result);
                }
                assert!(seen.insert(what.clone()), "{what} twice");
            };
            run_all(&client, &mut rejected).await;
            if !url.starts_with("http") {
                run_all_dedicated(&client, &mut rejected).await;
                rejected_in_batches(&client).await;
            }
            assert_eq!(executions(&gateway), before, "{url} {dialect}: was sent");
            within(client.ping()).await.unwrap();
        }
    }
}

/// One rejected command withholds its whole pipeline or transaction, and ends a consumer with an
/// error.
async fn rejected_in_batches(client: &Client) {
    let pipeline = client.pipeline();
    let handles = (
        pipeline.set("key", "changed"),
        pipeline.get("a\r\nb"),
        pipeline.get("key"),
    );
    let (before, bad, after) = within(pipeline.send(handles)).await;
    assert_rejected("pipeline", bad.map(drop));
    for withheld in [before.unwrap_err(), after.map(drop).unwrap_err()] {
        assert_eq!(withheld.outcome(), Some(Outcome::NotSent), "{withheld}");
    }

    let transaction = client.transaction();
    let handles = (
        transaction.set("key", "changed"),
        transaction.mset([("a", "1"), ("", "2")]),
    );
    let error = within(transaction.exec(handles)).await.unwrap_err();
    assert_eq!(error.position(), Some(1), "{error}");
    assert_eq!(error.command(), Some("MSET"), "{error}");
    assert_rejected("transaction", Err(error));

    for (group, name, stream) in [
        ("a\nb", "c", "s"),
        ("g", "a\nb", "s"),
        ("g", "c", "a\nb"),
        ("g", "c", ""),
    ] {
        let consumer = client.consumer(group, name, stream).build();
        let error: Error = match consumer {
            Ok(mut consumer) => within(consumer.next())
                .await
                .unwrap()
                .map(drop)
                .unwrap_err(),
            Err(error) => error,
        };
        assert_rejected("consumer", Err(error));
    }
}

/// Redis takes all of it: a command either runs or gets Redis's own error.
#[tokio::test]
async fn redis_gets_everything() {
    let Some(redis) = Redis::start() else { return };
    let front = within(Gateway::builder().redis(redis.url()).start())
        .await
        .unwrap();
    for (http, options) in [
        (false, ClientOptions::new(redis.url())),
        // The gateway names itself.
        (
            false,
            ClientOptions::new(front.ws_url()).server(ServerKind::Redis),
        ),
        (
            false,
            ClientOptions::new(front.tcp_url()).server(ServerKind::Redis),
        ),
        (
            true,
            ClientOptions::new(front.http_url()).server(ServerKind::Redis),
        ),
    ] {
        let client = within(Client::connect(options)).await.unwrap();
        let mut count = 0;
        let mut passed = |what: String, result: Result<()>| {
            count += 1;
            let subscribes = what.contains("subscribe(");
            match result {
                Err(error) if !(http && subscribes) => {
                    assert!(error.server_error().is_some(), "{what}: {error}");
                }
                _ => {}
            }
        };
        run_all(&client, &mut passed).await;
        if !http {
            run_all_dedicated(&client, &mut passed).await;
        }
        assert!(count > 200, "{count}");
        for name in BROKEN.into_iter().chain([""]) {
            within(client.set(name, name)).await.unwrap();
            let value = within(client.get_as::<String>(name)).await.unwrap();
            assert_eq!(value.as_deref(), Some(name));
        }
    }
}

/// Over HTTP, nothing names the server. The option does.
#[tokio::test]
async fn a_pinned_kind_wins_over_what_is_detected() {
    let Some(redis) = Redis::start() else { return };
    let front = within(Gateway::builder().redis(redis.url()).start())
        .await
        .unwrap();
    let key = "a\r\nb";
    let unpinned = within(Client::connect(front.http_url())).await.unwrap();
    assert_rejected("unpinned", within(unpinned.get(key)).await.map(drop));
    let options = ClientOptions::new(front.http_url()).server(ServerKind::Redis);
    let pinned = within(Client::connect(options)).await.unwrap();
    within(pinned.set(key, "value")).await.unwrap();
    let value = within(pinned.get_as::<String>(key)).await.unwrap();
    assert_eq!(value.as_deref(), Some("value"));

    let options = ClientOptions::new(redis.url()).server(ServerKind::SwarmKeyDb);
    let careful = within(Client::connect(options)).await.unwrap();
    assert_rejected("pinned", within(careful.get(key)).await.map(drop));
    assert_rejected("pinned", within(careful.get(b"\xff")).await.map(drop));
}

fn random_names() -> Vec<[u8; 16]> {
    let mut rng = fastrand::Rng::with_seed(16);
    let mut names = HashSet::new();
    while names.len() < 1000 {
        let mut name = [0; 16];
        rng.fill(&mut name);
        names.insert(name);
    }
    let broken = |name: &&[u8; 16]| name.iter().any(|byte| b"\r\n".contains(byte));
    assert!(names.iter().filter(broken).count() > 50);
    names.into_iter().collect()
}

#[tokio::test]
async fn a_thousand_random_keys_make_the_round_trip_on_redis() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let names = random_names();
    for name in &names {
        within(client.set(name, name)).await.unwrap();
    }
    for name in &names {
        let value = within(client.get(name)).await.unwrap();
        assert_eq!(value.as_deref(), Some(name.as_slice()));
    }
    let stored: HashSet<Bytes> = within(client.keys("*"))
        .await
        .unwrap()
        .into_iter()
        .collect();
    let expected = names.iter().map(|name| Bytes::copy_from_slice(name));
    assert_eq!(stored, expected.collect());
    let pipeline = client.pipeline();
    let handles: Vec<_> = names.iter().map(|name| pipeline.get(name)).collect();
    let values = within(pipeline.send(handles)).await;
    for (name, value) in names.iter().zip(values) {
        assert_eq!(value.unwrap().as_deref(), Some(name.as_slice()));
    }
    let transaction = client.transaction();
    let handles: Vec<_> = names.iter().map(|name| transaction.del(name)).collect();
    for deleted in within(transaction.exec(handles)).await.unwrap() {
        assert_eq!(deleted.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_thousand_random_channels_and_patterns_deliver_on_redis() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let names = random_names();
    let mut channels = within(client.subscribe(&names)).await.unwrap();
    // Every byte except the last is escaped, so each pattern matches its own name as a prefix.
    let pattern = |name: &[u8; 16]| {
        let mut pattern: Vec<u8> = name.iter().flat_map(|byte| [b'\\', *byte]).collect();
        pattern.push(b'*');
        pattern
    };
    let patterns: Vec<_> = names.iter().map(pattern).collect();
    let mut matching = within(client.psubscribe(&patterns)).await.unwrap();
    for (name, pattern) in names.iter().zip(&patterns) {
        assert_eq!(within(client.publish(name, name)).await.unwrap(), 2);
        let message = within(channels.next()).await.unwrap().unwrap();
        let message = message.into_message().unwrap();
        assert_eq!(
            (&message.channel[..], &message.payload[..]),
            (&name[..], &name[..])
        );
        let message = within(matching.next()).await.unwrap().unwrap();
        let message = message.into_message().unwrap();
        assert_eq!(message.channel, &name[..]);
        assert_eq!(message.pattern.as_deref(), Some(&pattern[..]));
    }
}
