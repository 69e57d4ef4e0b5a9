//! Every command against every kind of server: what it does, and the type of its reply.

use std::time::{Duration, SystemTime};

use swarm_keydb::{
    Bytes, Client, Error, ErrorKind, KeyType, Outcome, ScanOptions, SetOptions, Ttl, prelude::*,
};
use swarm_tests::{targets, within};

/// Runs a test on a client of each kind of server.
macro_rules! on_each_target {
    ($(async fn $test:ident($client:ident, $target:ident) $body:block)+) => {$(
        #[tokio::test]
        async fn $test() {
            for target in targets().await {
                let $client = target.connect().await;
                let $target = target.name.as_str();
                within(async { $body }).await;
            }
        }
    )+};
}

/// The newest SwarmKeyDb does not have every command. Its refusal must be a typed error; then there is nothing more
/// to see.
fn refused<T>(result: &Result<T, Error>, target: &str) -> bool {
    let Err(error) = result else { return false };
    assert!(target.starts_with("ws"), "{target}: {error}");
    assert_eq!(error.kind(), ErrorKind::Command, "{target}: {error}");
    assert_eq!(error.outcome(), Outcome::Rejected, "{target}: {error}");
    assert!(
        error
            .server_error()
            .is_some_and(|error| error.code() == "ERR"),
        "{target}: {error}"
    );
    true
}

/// HTTP has no session. A command that needs one must be refused before it is sent.
fn needs_session<T>(result: &Result<T, Error>, target: &str) -> bool {
    let Err(error) = result else { return false };
    assert_eq!(target, "http", "{error}");
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    true
}

async fn text(client: &Client, key: &str) -> Option<String> {
    client.get_as(key).await.unwrap()
}

on_each_target! {
    async fn get_and_set(client, target) {
        assert_eq!(text(&client, "k").await, None, "{target}");
        client.set("k", "v").await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some("v"), "{target}");
        client.set("k", 42).await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some("42"), "{target}");
        client.set("k", "").await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some(""), "empty is not missing: {target}");
        let large = "x".repeat(1 << 20);
        client.set("k", &large).await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some(large.as_str()), "{target}");
    }

    async fn set_with_conditions(client, target) {
        let (nx, xx) = (SetOptions::new().nx(), SetOptions::new().xx());
        match client.set_with("k", "1", xx).await {
            // The newest SwarmKeyDb has neither condition and refuses them, and nothing is written.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Command, "{target}: {error}");
                assert_eq!(error.outcome(), Outcome::Rejected);
                assert_eq!(text(&client, "k").await, None, "{target}");
            }
            Ok(set) => {
                assert!(!set, "{target}");
                assert!(client.set_with("k", "1", nx).await.unwrap(), "{target}");
                assert!(!client.set_with("k", "2", nx).await.unwrap(), "{target}");
                assert!(client.set_with("k", "3", xx.ex(100)).await.unwrap(), "{target}");
                assert!(client.set_with("k", "4", SetOptions::new().keepttl()).await.unwrap());
                assert!(client.ttl("k").await.unwrap().remaining().is_some(), "{target}");
                assert_eq!(text(&client, "k").await.as_deref(), Some("4"), "{target}");
            }
        }
    }

    async fn times_to_live(client, target) {
        assert_eq!(client.ttl("k").await.unwrap(), Ttl::Missing, "{target}");
        assert_eq!(client.pttl("k").await.unwrap(), Ttl::Missing, "{target}");
        client.set("k", "v").await.unwrap();
        assert_eq!(client.ttl("k").await.unwrap(), Ttl::Persistent, "{target}");
        assert!(!client.persist("k").await.unwrap(), "{target}");
        assert!(client.expire("k", Duration::from_secs(100)).await.unwrap(), "{target}");
        let left = client.ttl("k").await.unwrap().remaining().unwrap();
        assert!((98..=100).contains(&left.as_secs()), "{target}: {left:?}");
        assert!(client.expire("k", Duration::from_millis(1500)).await.unwrap(), "{target}");
        let left = client.pttl("k").await.unwrap().remaining().unwrap();
        assert!((1..=1500).contains(&left.as_millis()), "{target}: {left:?}");
        assert!(client.persist("k").await.unwrap(), "{target}");
        assert_eq!(client.pttl("k").await.unwrap(), Ttl::Persistent, "{target}");
        assert!(!client.pexpire("missing", Duration::from_secs(1)).await.unwrap(), "{target}");
        assert!(client.set_with("k", "v", SetOptions::new().px(60_000)).await.unwrap());
        assert!(client.ttl("k").await.unwrap().remaining().is_some(), "{target}");
    }

    async fn del_and_exists(client, target) {
        client.mset([("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
        assert_eq!(client.exists("a").await.unwrap(), 1, "{target}");
        assert_eq!(client.exists(["a", "a", "b", "missing"]).await.unwrap(), 3, "{target}");
        assert_eq!(client.del(["a", "b", "missing"]).await.unwrap(), 2, "{target}");
        assert_eq!(client.del("c").await.unwrap(), 1, "{target}");
        assert_eq!(client.exists(["a", "b", "c"]).await.unwrap(), 0, "{target}");
    }

    async fn many_at_once(client, target) {
        let pairs = std::collections::BTreeMap::from([("m1", 1), ("m2", 2)]);
        client.mset(pairs).await.unwrap();
        let values = client.mget(["m1", "missing", "m2"]).await.unwrap();
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        assert_eq!(values, [Some(b"1".as_slice()), None, Some(b"2".as_slice())], "{target}");
    }

    async fn values_that_look_like_something_else(client, target) {
        // Lists of one or of several that begin like a push are replies still.
        client.mset([("p1", "message"), ("p2", "invalidate"), ("p3", "pmessage")]).await.unwrap();
        let values = client.mget(["p1", "p2", "p3"]).await.unwrap();
        assert_eq!(values[0].as_deref(), Some(b"message".as_slice()), "{target}");
        assert_eq!(values.len(), 3, "{target}");
        client.ping().await.unwrap();
    }

    async fn counters(client, target) {
        assert_eq!(client.incr("n").await.unwrap(), 1, "{target}");
        assert_eq!(client.incrby("n", 41).await.unwrap(), 42, "{target}");
        assert_eq!(client.incrby("n", -43).await.unwrap(), -1, "{target}");
        client.set("n", i64::MAX).await.unwrap();
        let error = client.incr("n").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Command, "{target}");
        assert_eq!(error.outcome(), Outcome::Rejected, "{target}");
        assert_eq!(error.command(), Some("INCR"), "{target}");
        assert_eq!(error.server_error().unwrap().code(), "ERR", "{target}");
        assert!(!error.is_retryable());
        assert_eq!(text(&client, "n").await.unwrap(), i64::MAX.to_string(), "{target}");
    }

    async fn the_connection(client, target) {
        client.ping().await.unwrap();
        let info = client.hello().await;
        if !needs_session(&info, target) {
            let info = info.unwrap();
            assert!(!info.server.is_empty() && !info.version.is_empty(), "{target}: {info:?}");
        }
        let reply = client.raw("ECHO", "hello").await.unwrap();
        assert_eq!(reply.as_str(), Some("hello"), "{target}");
        let error = client.raw("NO-SUCH-COMMAND", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Command, "{target}");
        assert!(error.to_string().contains("unknown command"), "{target}: {error}");
        assert!(error.to_string().starts_with("NO-SUCH-COMMAND: "), "{target}: {error}");
    }

    async fn string_families(client, target) {
        client.setex("s", Duration::from_secs(100), "v").await.unwrap();
        assert!(client.ttl("s").await.unwrap().remaining().is_some(), "{target}");
        client.setex("s", Duration::from_millis(90_500), "v").await.unwrap();
        assert_eq!(text(&client, "s").await.as_deref(), Some("v"), "{target}");
        assert!(client.msetnx([("x1", 1), ("x2", 2)]).await.unwrap(), "{target}");
        assert!(!client.msetnx([("x2", 3), ("x3", 3)]).await.unwrap(), "{target}");
        assert_eq!(client.exists("x3").await.unwrap(), 0, "all or none: {target}");
        assert_eq!(client.decr("d").await.unwrap(), -1, "{target}");
        assert_eq!(client.decrby("d", 9).await.unwrap(), -10, "{target}");
        let numbers: Vec<Option<i32>> = client.mget_as(["x1", "missing", "x2"]).await.unwrap();
        assert_eq!(numbers, [Some(1), None, Some(2)], "{target}");
    }

    async fn values_in_parts(client, target) {
        let appended = client.append("a", "Hello").await;
        if refused(&appended, target) { return; }
        assert_eq!(appended.unwrap(), 5, "{target}");
        assert_eq!(client.append("a", " world").await.unwrap(), 11, "{target}");
        assert_eq!(client.strlen("a").await.unwrap(), 11, "{target}");
        assert_eq!(client.strlen("missing").await.unwrap(), 0, "{target}");
        assert_eq!(client.getrange("a", -5, -1).await.unwrap(), "world", "{target}");
        assert_eq!(client.getrange("missing", 0, -1).await.unwrap(), "", "{target}");
        assert_eq!(client.setrange("a", 6, "SwarmKeyDb").await.unwrap(), 16, "{target}");
        assert_eq!(text(&client, "a").await.as_deref(), Some("Hello SwarmKeyDb"), "{target}");
    }

    async fn exchanging_values(client, target) {
        let before = client.getset("g", "1").await;
        if refused(&before, target) { return; }
        assert_eq!(before.unwrap(), None, "{target}");
        assert_eq!(client.getset_as::<String>("g", "2").await.unwrap().as_deref(), Some("1"), "{target}");
        assert_eq!(client.getdel("g").await.unwrap().as_deref(), Some(b"2".as_slice()), "{target}");
        assert_eq!(client.getdel("g").await.unwrap(), None, "{target}");
        assert!(client.setnx("g", "3").await.unwrap(), "{target}");
        assert!(!client.setnx("g", "4").await.unwrap(), "{target}");
    }

    async fn fractions(client, target) {
        let sum = client.incrbyfloat("f", 10.5).await;
        if refused(&sum, target) { return; }
        assert!((sum.unwrap() - 10.5).abs() < 1e-9, "{target}");
        assert!((client.incrbyfloat("f", -0.25).await.unwrap() - 10.25).abs() < 1e-9, "{target}");
    }

    async fn names_and_kinds(client, target) {
        client.mset([("user:1", "a"), ("user:2", "b"), ("other", "c")]).await.unwrap();
        assert_eq!(client.key_type("other").await.unwrap(), KeyType::String, "{target}");
        assert_eq!(client.key_type("missing").await.unwrap(), KeyType::Missing, "{target}");
        let mut keys = client.keys("user:*").await.unwrap();
        keys.sort();
        assert_eq!(keys, ["user:1", "user:2"], "{target}");
        let soon = SystemTime::now() + Duration::from_secs(100);
        assert!(client.expireat("other", soon).await.unwrap(), "{target}");
        let left = client.ttl("other").await.unwrap().remaining().unwrap();
        assert!((95..=101).contains(&left.as_secs()), "{target}: {left:?}");
        let renamed = client.rename("other", "another").await;
        if refused(&renamed, target) { return; }
        renamed.unwrap();
        assert_eq!(client.exists(["other", "another"]).await.unwrap(), 1, "{target}");
        assert!(!client.renamenx("another", "user:1").await.unwrap(), "{target}");
        let error = client.rename("missing", "x").await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Rejected, "{target}");
    }

    async fn walking_through_keys(client, target) {
        let pairs: Vec<_> = (0..250).map(|n| (format!("walk:{n}"), n)).collect();
        client.mset(pairs).await.unwrap();
        client.set("apart", 1).await.unwrap();
        let mut stream = client.scan_stream(ScanOptions::new().matching("walk:*").count(20));
        let mut keys = std::collections::BTreeSet::<Bytes>::new();
        while let Some(key) = stream.next().await {
            keys.insert(key.unwrap());
        }
        assert_eq!(keys.len(), 250, "{target}");
        assert_eq!(stream.cursor(), None, "{target}");
        let page = client.scan(0, ScanOptions::new()).await.unwrap();
        assert!(!page.keys.is_empty(), "{target}");
    }

    async fn about_the_server(client, target) {
        assert_eq!(client.ping_with("hello").await.unwrap(), "hello", "{target}");
        assert_eq!(client.echo("").await.unwrap(), "", "{target}");
        assert!(client.info().await.unwrap().contains("redis_version"), "{target}");
        assert!(client.command_count().await.unwrap() > 20, "{target}");
        let settings = client.config_get("maxmemory").await.unwrap();
        assert!(settings.contains_key("maxmemory"), "{target}: {settings:?}");
        let id = client.client_id().await;
        assert!(needs_session(&id, target) || id.unwrap() > 0, "{target}");
    }

    async fn a_reply_of_another_type_is_an_error_of_that_call_alone(client, target) {
        client.set("k", "no number").await.unwrap();
        let error = client.get_as::<i64>("k").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reply, "{target}");
        assert_eq!(error.outcome(), Outcome::Ran, "{target}");
        assert!(!error.to_string().contains("no number"), "a value in an error: {target}: {error}");
        assert_eq!(text(&client, "k").await.as_deref(), Some("no number"), "{target}");
    }
}
