//! Every command against every dialect: what it does, and the type of its reply.

use std::time::Duration;

use swarm_keydb::{Client, ErrorKind, Outcome, SetOptions, Ttl, prelude::*};
use swarm_tests::{connected_to, dialects, within};

/// Runs a test on a client of each dialect.
macro_rules! on_each_dialect {
    ($($(#[$attribute:meta])* async fn $test:ident($client:ident, $dialect:ident) $body:block)+) => {$(
        $(#[$attribute])*
        #[tokio::test]
        async fn $test() {
            for ($dialect, dialect) in dialects() {
                let (_gateway, $client) = connected_to(dialect).await;
                within(async { $body }).await;
            }
        }
    )+};
}

async fn text(client: &Client, key: &str) -> Option<String> {
    let value = client.get(key).await.unwrap();
    value.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

on_each_dialect! {
    async fn get_and_set(client, dialect) {
        assert_eq!(text(&client, "k").await, None, "{dialect}");
        client.set("k", "v").await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some("v"), "{dialect}");
        client.set("k", 42).await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some("42"), "{dialect}");
        client.set("k", "").await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some(""), "empty is not missing: {dialect}");
        let large = "x".repeat(1 << 20);
        client.set("k", &large).await.unwrap();
        assert_eq!(text(&client, "k").await.as_deref(), Some(large.as_str()), "{dialect}");
    }

    async fn set_with_conditions(client, dialect) {
        let (nx, xx) = (SetOptions::new().nx(), SetOptions::new().xx());
        match client.set_with("k", "1", xx).await {
            // The newest SwarmKeyDb has neither condition and refuses them, and nothing is written.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Command, "{dialect}: {error}");
                assert_eq!(error.outcome(), Outcome::Rejected);
                assert_eq!(text(&client, "k").await, None, "{dialect}");
            }
            Ok(set) => {
                assert!(!set, "{dialect}");
                assert!(client.set_with("k", "1", nx).await.unwrap(), "{dialect}");
                assert!(!client.set_with("k", "2", nx).await.unwrap(), "{dialect}");
                assert!(client.set_with("k", "3", xx.ex(100)).await.unwrap(), "{dialect}");
                assert!(client.set_with("k", "4", SetOptions::new().keepttl()).await.unwrap());
                assert!(client.ttl("k").await.unwrap().remaining().is_some(), "{dialect}");
                assert_eq!(text(&client, "k").await.as_deref(), Some("4"), "{dialect}");
            }
        }
    }

    async fn times_to_live(client, dialect) {
        assert_eq!(client.ttl("k").await.unwrap(), Ttl::Missing, "{dialect}");
        assert_eq!(client.pttl("k").await.unwrap(), Ttl::Missing, "{dialect}");
        client.set("k", "v").await.unwrap();
        assert_eq!(client.ttl("k").await.unwrap(), Ttl::Persistent, "{dialect}");
        assert!(!client.persist("k").await.unwrap(), "{dialect}");
        assert!(client.expire("k", Duration::from_secs(100)).await.unwrap(), "{dialect}");
        let left = client.ttl("k").await.unwrap().remaining().unwrap();
        assert!((98..=100).contains(&left.as_secs()), "{dialect}: {left:?}");
        assert!(client.expire("k", Duration::from_millis(1500)).await.unwrap(), "{dialect}");
        let left = client.pttl("k").await.unwrap().remaining().unwrap();
        assert!((1..=1500).contains(&left.as_millis()), "{dialect}: {left:?}");
        assert!(client.persist("k").await.unwrap(), "{dialect}");
        assert_eq!(client.pttl("k").await.unwrap(), Ttl::Persistent, "{dialect}");
        assert!(!client.pexpire("missing", Duration::from_secs(1)).await.unwrap(), "{dialect}");
        assert!(client.set_with("k", "v", SetOptions::new().px(60_000)).await.unwrap());
        assert!(client.ttl("k").await.unwrap().remaining().is_some(), "{dialect}");
    }

    async fn del_and_exists(client, dialect) {
        client.mset([("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
        assert_eq!(client.exists("a").await.unwrap(), 1, "{dialect}");
        assert_eq!(client.exists(["a", "a", "b", "missing"]).await.unwrap(), 3, "{dialect}");
        assert_eq!(client.del(["a", "b", "missing"]).await.unwrap(), 2, "{dialect}");
        assert_eq!(client.del("c").await.unwrap(), 1, "{dialect}");
        assert_eq!(client.exists(["a", "b", "c"]).await.unwrap(), 0, "{dialect}");
    }

    async fn many_at_once(client, dialect) {
        let pairs = std::collections::BTreeMap::from([("m1", 1), ("m2", 2)]);
        client.mset(pairs).await.unwrap();
        let values = client.mget(["m1", "missing", "m2"]).await.unwrap();
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        assert_eq!(values, [Some(b"1".as_slice()), None, Some(b"2".as_slice())], "{dialect}");
    }

    async fn values_that_look_like_something_else(client, dialect) {
        // Lists of one or of several that begin like a push are replies still.
        client.mset([("p1", "message"), ("p2", "invalidate"), ("p3", "pmessage")]).await.unwrap();
        let values = client.mget(["p1", "p2", "p3"]).await.unwrap();
        assert_eq!(values[0].as_deref(), Some(b"message".as_slice()), "{dialect}");
        assert_eq!(values.len(), 3, "{dialect}");
        client.ping().await.unwrap();
    }

    async fn counters(client, dialect) {
        assert_eq!(client.incr("n").await.unwrap(), 1, "{dialect}");
        assert_eq!(client.incrby("n", 41).await.unwrap(), 42, "{dialect}");
        assert_eq!(client.incrby("n", -43).await.unwrap(), -1, "{dialect}");
        client.set("n", i64::MAX).await.unwrap();
        let error = client.incr("n").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Command, "{dialect}");
        assert_eq!(error.outcome(), Outcome::Rejected, "{dialect}");
        assert_eq!(error.command(), Some("INCR"), "{dialect}");
        assert_eq!(error.server_error().unwrap().code(), "ERR", "{dialect}");
        assert!(!error.is_retryable());
        assert_eq!(text(&client, "n").await.unwrap(), i64::MAX.to_string(), "{dialect}");
    }

    async fn the_connection(client, dialect) {
        client.ping().await.unwrap();
        let info = client.hello().await.unwrap();
        assert!(!info.server.is_empty() && !info.version.is_empty(), "{dialect}: {info:?}");
        let reply = client.raw("ECHO", "hello").await.unwrap();
        assert_eq!(reply.as_str(), Some("hello"), "{dialect}");
        let error = client.raw("NO-SUCH-COMMAND", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Command, "{dialect}");
        assert!(error.to_string().contains("unknown command"), "{dialect}: {error}");
        assert!(error.to_string().starts_with("NO-SUCH-COMMAND: "), "{dialect}: {error}");
    }
}
