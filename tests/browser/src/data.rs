//! Commands and their replies.

use std::collections::BTreeSet;

use futures_util::future::{join_all, try_join_all};
use swarm_keydb::{Client, ScanOptions};

use crate::gateway::Gateway;
use crate::time::soon;

pub(crate) async fn values_that_are_not_utf_8() {
    let gateway = Gateway::standard().await;
    let options = gateway.options();
    let options = options.transport(|options| options.binary_safe(true));
    let client = Client::connect(options).await.unwrap();
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    client.set("binary", value.as_slice()).await.unwrap();
    let read = client.get("binary").await.unwrap().unwrap();
    assert!(read == value, "{} bytes", read.len());
    client.close().await;
}

pub(crate) async fn pipelines() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let pipeline = client.pipeline();
    let handles = (
        pipeline.set("a", 1),
        pipeline.incr("a"),
        pipeline.get_as::<i64>("a"),
        pipeline.raw("NOSUCH", ()),
    );
    let (set, incr, get, unknown) = soon(pipeline.send(handles)).await;
    set.unwrap();
    assert_eq!(incr.unwrap(), 2);
    assert_eq!(get.unwrap(), Some(2));
    assert!(unknown.unwrap_err().is_server());
    let pipeline = client.pipeline();
    let handles: Vec<_> = (0..1_000).map(|_| pipeline.incr("n")).collect();
    let counts = soon(pipeline.send(handles)).await;
    let counts: Vec<_> = counts.into_iter().map(Result::unwrap).collect();
    assert_eq!(counts, (1..=1_000).collect::<Vec<i64>>());
    client.close().await;
}

pub(crate) async fn a_thousand_concurrent_commands() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let calls = (0..1_000).map(|n| {
        let client = &client;
        async move {
            let key = format!("key:{n}");
            client.set(&key, n).await?;
            client.get_as::<i64>(&key).await
        }
    });
    let values = soon(try_join_all(calls)).await.unwrap();
    let values: Vec<_> = values.into_iter().flatten().collect();
    assert_eq!(values, (0..1_000).collect::<Vec<i64>>());
    client.close().await;
}

/// Ten tasks change one key, each by reading and writing it.
pub(crate) async fn transactions_with_watch() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let changes = (0..10).map(|_| {
        client.transact("stock", async move |own| {
            let stock: i64 = own.get_as("stock").await?.unwrap_or_default();
            let tx = own.transaction();
            let set = tx.set("stock", stock + 5);
            tx.exec(set).await?
        })
    });
    soon(try_join_all(changes)).await.unwrap();
    assert_eq!(client.get_as("stock").await.unwrap(), Some(50));
    client.close().await;
}

pub(crate) async fn scans() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let pairs = (0..250).map(|n| (format!("user:{n}"), "x"));
    client.mset(pairs).await.unwrap();
    client.set("other", "x").await.unwrap();
    let options = ScanOptions::new().matching("user:*").count(10);
    let mut keys = client.scan_stream(options);
    let mut found = BTreeSet::new();
    while let Some(key) = soon(keys.next()).await {
        found.insert(key.unwrap());
    }
    assert_eq!(found.len(), 250);
    client.close().await;
}

pub(crate) async fn commands_over_fetch() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(gateway.http.as_str()).await.unwrap();
    let calls = (0..100).map(|n| {
        let client = &client;
        async move {
            let key = format!("key:{n}");
            client.set(&key, format!("välue {n}")).await?;
            client.get_as::<String>(&key).await
        }
    });
    for (n, value) in soon(join_all(calls)).await.into_iter().enumerate() {
        assert_eq!(value.unwrap(), Some(format!("välue {n}")));
    }
    assert_eq!(client.get("missing").await.unwrap(), None);
    let error = client.incr("key:1").await.unwrap_err();
    assert!(error.is_server(), "{error}");
    client.close().await;
}

/// Errors are arrays and simple strings are bulk strings there.
pub(crate) async fn upstream_dialect() {
    let gateway = Gateway::upstream().await;
    for url in [&gateway.ws, &gateway.http] {
        let client = Client::connect(url.as_str()).await.unwrap();
        client.set("text", "ten").await.unwrap();
        assert_eq!(client.get_as("text").await.unwrap(), Some("ten".to_owned()));
        let error = client.incr("text").await.unwrap_err();
        assert!(error.is_server(), "{url}: {error}");
        assert_eq!(client.incr(format!("count {url}")).await.unwrap(), 1);
        client.close().await;
    }
}
