//! Client-side caching: hits, invalidations, single flight, lost connections, and servers that
//! cannot announce changes.

mod load;

use std::time::Duration;

use swarm_gateway::{Gateway, Quirk};
use swarm_keydb::{CacheOptions, Client, ClientOptions, ErrorKind, ProtocolVersion, blocking};
use swarm_tests::{Redis, UPSTREAM, connected_to, connected_with, targets, within};

/// Options for servers that the client does not know to announce every change.
fn options() -> CacheOptions {
    CacheOptions::new().max_age(Duration::from_secs(60))
}

/// Reads until a value is read: announcements arrive on another connection than replies.
async fn becomes(cached: &swarm_keydb::Cached, key: &str, value: Option<&[u8]>) {
    within(async {
        while cached.get(key).await.unwrap().as_deref() != value {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A gateway, and a client that uses RESP3.
async fn over_resp3() -> (Gateway, Client) {
    connected_with(|options| options.protocol(ProtocolVersion::Resp3)).await
}

#[tokio::test]
async fn reads_are_answered_from_the_cache_until_a_change_is_announced() {
    let (mut refused, mut supported) = (Vec::new(), 0);
    for target in targets().await {
        if target.is_http() {
            continue;
        }
        let client = target.connect().await;
        let cached = match within(client.cached(options())).await {
            Ok(cached) => cached,
            Err(error) => {
                assert!(
                    error.to_string().contains("RESP3"),
                    "{} {error}",
                    target.name
                );
                refused.push(target.name.clone());
                continue;
            }
        };
        supported += 1;
        within(client.mset([("cache:a", "1"), ("cache:b", "2")]))
            .await
            .unwrap();
        for key in ["cache:a", "cache:b"] {
            within(cached.get(key)).await.unwrap();
        }
        let mut reply = cached.get("cache:a");
        assert_eq!(
            within(&mut reply).await.unwrap().as_deref(),
            Some(&b"1"[..])
        );
        assert!(reply.from_cache(), "{}", target.name);
        let both: Vec<Option<String>> = within(cached.mget_as(["cache:a", "cache:b"]))
            .await
            .unwrap();
        assert_eq!(
            both,
            [Some("1".to_owned()), Some("2".to_owned())],
            "{}",
            target.name
        );
        let hits = cached.stats().hits;
        assert!(hits >= 3, "{} {hits}", target.name);

        within(client.set("cache:a", "3")).await.unwrap();
        becomes(&cached, "cache:a", Some(b"3")).await;
        within(client.del("cache:a")).await.unwrap();
        becomes(&cached, "cache:a", None).await;
        // That a key does not exist is cached, too.
        within(cached.get("cache:a")).await.unwrap();
        let mut reply = cached.get("cache:a");
        assert_eq!(within(&mut reply).await.unwrap(), None);
        assert!(reply.from_cache(), "{}", target.name);
        within(client.set("cache:a", "4")).await.unwrap();
        becomes(&cached, "cache:a", Some(b"4")).await;
    }
    println!("{supported} supported, refused: {refused:?}");
}

#[tokio::test]
async fn a_client_reads_what_it_has_written_through_the_cache() {
    let (gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    // Announcements do not arrive, so only the handle itself can know of its writes.
    let _lost = gateway.faults().lose_pushes();
    for number in 0..50_i64 {
        within(cached.set("n", number)).await.unwrap();
        assert_eq!(
            within(cached.get_as::<i64>("n")).await.unwrap(),
            Some(number)
        );
        assert_eq!(
            within(cached.get_as::<i64>("n")).await.unwrap(),
            Some(number)
        );
    }
    assert_eq!(cached.stats().hits, 50);
    within(cached.get("other")).await.unwrap();
    within(cached.flushall()).await.unwrap();
    assert_eq!(within(cached.get("n")).await.unwrap(), None);
}

#[tokio::test]
async fn a_thousand_concurrent_misses_are_one_request() {
    let (gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    within(client.set("hot", "v")).await.unwrap();
    let held = gateway.faults().hold("GET");
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let cached = cached.clone();
            tokio::spawn(async move { cached.get("hot").await.unwrap() })
        })
        .collect();
    within(held.reached(1)).await;
    held.release();
    for reader in readers {
        let value = within(reader).await.unwrap();
        assert_eq!(value.as_deref(), Some(&b"v"[..]));
    }
    assert_eq!(gateway.executions("GET"), 1);
}

#[tokio::test]
async fn a_value_that_is_dropped_while_it_is_read_is_given_and_not_kept() {
    let (gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    let held = gateway.faults().hold("GET");
    let reading = tokio::spawn({
        let cached = cached.clone();
        async move { cached.get("k").await }
    });
    within(held.reached(1)).await;
    cached.clear();
    held.release();
    assert_eq!(within(reading).await.unwrap().unwrap(), None);
    assert_eq!(cached.stats().poisoned, 1);
    let mut reply = cached.get("k");
    within(&mut reply).await.unwrap();
    assert!(!reply.from_cache());
}

#[tokio::test]
async fn a_reader_that_leaves_disturbs_no_other() {
    let (gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    within(client.set("k", "v")).await.unwrap();
    let held = gateway.faults().hold("GET");
    let (first, second) = (cached.get("k"), cached.get("k"));
    let mut second = std::pin::pin!(second);
    assert!(swarm_tests::cancel_after(1, first).await.is_none());
    assert!(swarm_tests::cancel_after(1, &mut second).await.is_none());
    held.release();
    assert_eq!(within(second).await.unwrap().as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn nothing_is_cached_without_the_tracked_connection_and_all_works() {
    let (mut gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    within(client.set("k", "old")).await.unwrap();
    within(cached.get("k")).await.unwrap();
    assert_eq!(cached.stats().entries, 1);
    within(gateway.restart()).await.unwrap();
    // The client may not have noticed yet that its connection is lost.
    within(async { while client.set("k", "new").await.is_err() {} }).await;
    becomes(&cached, "k", Some(b"new")).await;
    within(async {
        while !cached.stats().is_tracking {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within(cached.get("k")).await.unwrap();
    let mut reply = cached.get("k");
    within(&mut reply).await.unwrap();
    assert!(reply.from_cache());
    within(client.set("k", "newer")).await.unwrap();
    becomes(&cached, "k", Some(b"newer")).await;
}

#[tokio::test]
async fn a_dead_connection_is_noticed_while_all_reads_are_hits() {
    let (gateway, client) = connected_with(|options| {
        options
            .protocol(ProtocolVersion::Resp3)
            .heartbeat_interval(Duration::from_millis(100))
            .inactivity_timeout(Duration::from_millis(200))
    })
    .await;
    let cached = within(client.cached(options())).await.unwrap();
    within(cached.get("k")).await.unwrap();
    let _frozen = gateway.faults().freeze();
    within(async {
        loop {
            let mut reply = cached.get("k");
            let is_hit = swarm_tests::cancel_after(1, &mut reply).await.is_some();
            if !is_hit {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(cached.stats().flushes, 1);
}

#[tokio::test]
async fn a_key_that_expires_is_not_read_from_the_cache_afterwards() {
    let Some(redis) = Redis::start_with(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let client = within(Client::connect(redis.url())).await.unwrap();
    // Nothing is announced when a key expires, until the server notices.
    let admin = within(client.raw("DEBUG", ("SET-ACTIVE-EXPIRE", 0))).await;
    admin.expect("DEBUG is enabled");
    let cached = within(client.cached(CacheOptions::new())).await.unwrap();
    within(client.setex("k", Duration::from_millis(300), "v"))
        .await
        .unwrap();
    let mut reads = 0;
    while within(cached.get("k")).await.unwrap().is_some() {
        reads += 1;
        tokio::task::yield_now().await;
    }
    assert!(
        reads > 10 && cached.stats().hits > 10,
        "{:?}",
        cached.stats()
    );
}

#[tokio::test]
async fn broadcasts_cover_keys_with_a_prefix() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let options = CacheOptions::new().broadcast(["user:", "shop:"]);
    let cached = within(client.cached(options)).await.unwrap();
    for (key, is_cached) in [("user:1", true), ("other", false)] {
        within(cached.set(key, "1")).await.unwrap();
        // The announcement of one's own write.
        if is_cached {
            within(async {
                while cached.stats().invalidations == 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        within(cached.get(key)).await.unwrap();
        let mut reply = cached.get(key);
        within(&mut reply).await.unwrap();
        assert_eq!(reply.from_cache(), is_cached, "{key}");
    }
    within(client.set("user:1", "2")).await.unwrap();
    becomes(&cached, "user:1", Some(b"2")).await;
}

#[tokio::test]
async fn a_list_of_values_has_none_for_a_key_of_another_type() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let cached = within(client.cached(CacheOptions::new())).await.unwrap();
    within(client.set("a", "1")).await.unwrap();
    within(client.rpush("list", ["x"])).await.unwrap();
    for _ in 0..2 {
        let values: Vec<Option<String>> =
            within(cached.mget_as(["a", "list", "none"])).await.unwrap();
        assert_eq!(values, [Some("1".to_owned()), None, None]);
        let error = within(cached.get("list")).await.unwrap_err();
        assert!(error.is_code("WRONGTYPE"));
        let items: Vec<String> = within(cached.lrange_as("list", ..)).await.unwrap();
        assert_eq!(items, ["x"]);
    }
    within(client.rpush("list", ["y"])).await.unwrap();
    within(async {
        while cached.lrange_as::<String>("list", ..).await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn connections_that_cannot_announce_changes_are_refused_with_the_reason() {
    let gateway = Gateway::builder()
        .ws("127.0.0.1:0")
        .http("127.0.0.1:0")
        .tcp("127.0.0.1:0");
    let gateway = within(gateway.start()).await.unwrap();
    let refused = async |client: ClientOptions, options: CacheOptions| {
        let client = within(Client::connect(client)).await.unwrap();
        within(client.cached(options)).await.unwrap_err()
    };
    let http = refused(ClientOptions::new(gateway.http_url()), options()).await;
    assert!(http.to_string().contains("sessions"), "{http}");
    let resp2 = ClientOptions::new(gateway.tcp_url()).protocol(ProtocolVersion::Resp2);
    let resp2 = refused(resp2, options()).await;
    assert_eq!(resp2.kind(), ErrorKind::Config);
    assert!(resp2.to_string().contains("RESP3"), "{resp2}");
    let without_age = refused(ClientOptions::new(gateway.tcp_url()), CacheOptions::new()).await;
    assert_eq!(without_age.kind(), ErrorKind::Config);
    assert!(without_age.to_string().contains("max_age"), "{without_age}");

    let no_tracking = gateway
        .faults()
        .answer_error("CLIENT", "NOPERM no permission");
    let denied = refused(ClientOptions::new(gateway.tcp_url()), options()).await;
    drop(no_tracking);
    assert_eq!(denied.kind(), ErrorKind::Config);
    assert!(denied.to_string().contains("NOPERM"), "{denied}");
}

#[tokio::test]
async fn dropping_the_handle_closes_its_connection() {
    let (_gateway, client) = connected_to(UPSTREAM.without(Quirk::HelloGarbage)).await;
    let cached = within(client.cached(options())).await.unwrap();
    let clone = cached.clone();
    drop(cached);
    assert_eq!(client.stats().dedicated.in_use, 1);
    assert!(clone.stats().is_tracking);
    drop(clone);
    within(async {
        while client.stats().dedicated.in_use > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_client_has_no_cache() {
    let (_gateway, client) = over_resp3().await;
    let cached = within(client.cached(options())).await.unwrap();
    within(cached.get("k")).await.unwrap();
    within(client.close()).await;
    assert!(within(cached.get("k")).await.unwrap_err().is_closed());
}

#[test]
fn the_blocking_handle_has_the_same_cache() {
    let gateway = swarm_gateway::blocking::test().unwrap();
    let options_of_client = ClientOptions::new(gateway.ws_url()).protocol(ProtocolVersion::Resp3);
    let client = blocking::Client::connect(options_of_client).unwrap();
    let cached = client.cached(options()).unwrap();
    client.set("k", "v").unwrap();
    for _ in 0..3 {
        assert_eq!(cached.get("k").unwrap().as_deref(), Some(&b"v"[..]));
    }
    assert_eq!((cached.stats().hits, cached.stats().misses), (2, 1));
}
