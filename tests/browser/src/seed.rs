//! The examples of the Python SDK's README.

use std::collections::HashMap;
use std::time::Duration;

use swarm_keydb::{
    Client, ErrorKind, Event, HttpFallback, ScanOptions, SetOptions, StreamId, Trim, XReadOptions,
};

use crate::gateway::Gateway;
use crate::time::soon;

pub(crate) async fn quickstart() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    client.set("hello", "world").await.unwrap();
    let value = client.get("hello").await.unwrap();
    assert_eq!(value.as_deref(), Some(b"world".as_slice()));
    client.close().await;
}

pub(crate) async fn keys_and_values() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    client.set("k", "v").await.unwrap();
    for options in [SetOptions::new().ex(60), SetOptions::new().px(60_000)] {
        client.set_with("k", "v", options).await.unwrap();
        let left = client.ttl("k").await.unwrap().remaining().unwrap();
        assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(50));
    }
    let nx = client.set_with("k", "v", SetOptions::new().nx()).await;
    assert!(!nx.unwrap());
    let xx = client.set_with("k", "v", SetOptions::new().xx()).await;
    assert!(xx.unwrap());
    client.mset([("k1", "v1"), ("k2", "v2")]).await.unwrap();
    assert_eq!(client.exists(["k1", "k2"]).await.unwrap(), 2);
    let values: Vec<Option<String>> = client.mget_as(["k1", "k2", "k3"]).await.unwrap();
    assert_eq!(values, [Some("v1".into()), Some("v2".into()), None]);
    assert!(client.expire("k", Duration::from_secs(30)).await.unwrap());
    assert!(client.persist("k").await.unwrap());
    assert_eq!(client.del(["k1", "k2"]).await.unwrap(), 2);
    assert_eq!(client.keys("k*").await.unwrap().len(), 1);
    let page = client.scan(0, ScanOptions::new().matching("k*").count(100));
    assert_eq!(page.await.unwrap().keys.len(), 1);
    assert_eq!(client.append("k", " world").await.unwrap(), 7);
    assert_eq!(client.strlen("k").await.unwrap(), 7);
    assert_eq!(client.incr("counter").await.unwrap(), 1);
    assert_eq!(client.incrby("counter", 10).await.unwrap(), 11);
    assert_eq!(client.decrby("counter", 5).await.unwrap(), 6);
    assert!((client.incrbyfloat("ratio", 0.5).await.unwrap() - 0.5).abs() < 1e-9);
    let old: Option<String> = client.getset_as("k", "new").await.unwrap();
    assert_eq!(old.as_deref(), Some("v world"));
    client.close().await;
}

pub(crate) async fn subscriptions() {
    let gateway = Gateway::standard().await;
    let publisher = gateway.client().await;
    let subscriber = gateway.client().await;
    let mut news = subscriber.subscribe(["news", "sports"]).await.unwrap();
    let receivers = publisher.publish("news", "SwarmKeyDb is live!").await;
    assert_eq!(receivers.unwrap(), 1);
    let Some(Ok(Event::Message(message))) = soon(news.next()).await else {
        panic!("no message");
    };
    assert_eq!(message.channel, "news");
    assert_eq!(message.payload, "SwarmKeyDb is live!");
    drop(news);
    publisher.close().await;
    subscriber.close().await;
}

pub(crate) async fn streams_and_groups() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let fields = [("sensor", "temp"), ("value", "22.5")];
    let id = client.xadd("events", fields).await.unwrap();
    let entries = client.xrange("events", ..).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].id, id);
    assert_eq!(entries[0].field_as("value").unwrap(), Some(22.5));
    let newest = client.xrevrange_count("events", .., 10).await.unwrap();
    assert_eq!(newest.len(), 1);
    let options = XReadOptions::new().count(5);
    let batches = client.xread_with([("events", StreamId::MIN)], options);
    assert_eq!(batches.await.unwrap()[0].entries.len(), 1);
    // Nothing arrives, and a read that blocks keeps no other command waiting.
    let options = XReadOptions::new().block(Duration::from_millis(300));
    let blocked = client.xread_with([("events", id)], options);
    let length = client.xlen("events");
    let (blocked, length) = futures_util::join!(blocked.into_future(), length.into_future());
    assert!(blocked.unwrap().is_empty());
    assert_eq!(length.unwrap(), 1);
    client.xtrim("events", Trim::maxlen(1000)).await.unwrap();
    let mut worker = client.consumer("mygroup", "consumer1", "events").build();
    let worker = worker.as_mut().unwrap();
    let delivery = soon(worker.next()).await.unwrap().unwrap();
    assert_eq!(delivery.id, id);
    delivery.ack().await.unwrap();
    assert!(client.xgroup_destroy("events", "mygroup").await.unwrap());
    client.close().await;
}

pub(crate) async fn transactions() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let tx = client.transaction();
    let handles = (tx.incr("counter"), tx.incr("counter"));
    let (first, second) = tx.exec(handles).await.unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    let mut own = client.exclusive().await.unwrap();
    own.watch("my-key").await.unwrap();
    client.set("my-key", "changed").await.unwrap();
    let tx = own.transaction();
    let set = tx.set("my-key", "new-value");
    let error = tx.exec(set).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    client.close().await;
}

pub(crate) async fn errors_and_raw_commands() {
    let gateway = Gateway::standard().await;
    let options = gateway
        .options()
        .fallback(HttpFallback::new(gateway.http.as_str()));
    let client = Client::connect(options).await.unwrap();
    client.set("text", "abc").await.unwrap();
    let error = client.incr("text").await.unwrap_err();
    assert!(error.is_server());
    assert_eq!(error.command(), Some("INCR"));
    let hello = client.hello().await.unwrap();
    assert!(!hello.server.is_empty());
    let count: i64 = client.raw_as("COMMAND", "COUNT").await.unwrap();
    assert!(count > 40);
    let limit = client.raw_as("CONFIG", ("GET", "maxmemory"));
    let limit: HashMap<String, String> = limit.await.unwrap();
    assert!(limit.contains_key("maxmemory"));
    client.close().await;
}
