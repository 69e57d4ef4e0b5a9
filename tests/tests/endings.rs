//! Every stream and iterator of the API ends after a permanent error, and only then.

use std::fmt::Debug;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt;
use swarm_keydb::{Client, ClientOptions, ErrorKind, Result, ScanOptions, blocking};
use swarm_tests::{connected, gateway, within};

/// Number of items after which a stream counts as endless.
const MANY: usize = 50;

/// Returns the kinds of the errors that a stream yields until it ends.
async fn errors<T: Debug>(what: &str, stream: impl StreamExt<Item = Result<T>>) -> Vec<ErrorKind> {
    let mut stream = Box::pin(stream);
    let mut kinds = Vec::new();
    while let Some(item) = within(stream.next()).await {
        kinds.push(item.unwrap_err().kind());
        assert!(kinds.len() < MANY, "{what} never ends: {kinds:?}");
    }
    assert!(within(stream.next()).await.is_none(), "{what} goes on");
    kinds
}

/// Returns the kinds of the errors that an iterator yields until it ends.
fn errors_of<T: Debug>(what: &str, mut items: impl Iterator<Item = Result<T>>) -> Vec<ErrorKind> {
    let mut kinds = Vec::new();
    for item in items.by_ref() {
        kinds.push(item.unwrap_err().kind());
        assert!(kinds.len() < MANY, "{what} never ends: {kinds:?}");
    }
    assert!(items.next().is_none(), "{what} goes on");
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_iterators_end_after_a_permanent_error() {
    let (gateway, client) = connected().await;
    let scan = client.scan_stream(ScanOptions::new().count(0));
    assert_eq!(errors("scan", scan).await, [ErrorKind::Argument]);

    let over_http = ClientOptions::new(gateway.http_url());
    let http = within(Client::connect(over_http)).await.unwrap();
    let consumer = http.consumer("g", "c", "k").build().unwrap();
    let kinds = errors("a consumer over HTTP", consumer).await;
    assert_eq!(kinds, [ErrorKind::Argument]);

    let scan = client.scan_stream(ScanOptions::new());
    let mut started = client.scan_stream(ScanOptions::new().count(1));
    client.mset([("a", 1), ("b", 2)]).await.unwrap();
    within(started.next()).await.unwrap().unwrap();
    let consumer = client.consumer("g", "c", "k").build().unwrap();
    let subscription = within(client.subscribe("news")).await.unwrap();
    within(client.close()).await;
    assert_eq!(errors("scan", scan).await, [ErrorKind::Closed]);
    assert_eq!(errors("scan", started).await, [ErrorKind::Closed]);
    assert_eq!(errors("a consumer", consumer).await, [ErrorKind::Closed]);
    assert_eq!(errors("a subscription", subscription).await, []);

    let url = gateway.ws_url().to_owned();
    let blocking = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect(url).unwrap();
        let scan = client.scan_iter(ScanOptions::new().count(0));
        assert_eq!(errors_of("scan", scan), [ErrorKind::Argument]);
        let scan = client.scan_iter(ScanOptions::new());
        let consumer = client.consumer("g", "c", "k").build().unwrap();
        let subscription = client.subscribe("news").unwrap();
        client.close().unwrap();
        assert_eq!(errors_of("scan", scan), [ErrorKind::Closed]);
        assert_eq!(errors_of("a consumer", consumer), [ErrorKind::Closed]);
        assert_eq!(errors_of("a subscription", subscription), []);
    });
    within(blocking).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iterators_end_on_the_thread_that_they_would_wait_for() {
    let gateway = gateway(swarm_gateway::Dialect::STANDARD).await;
    let url = gateway.ws_url().to_owned();
    let blocking = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect(url).unwrap();
        let scan = client.scan_iter(ScanOptions::new());
        let consumer = client.consumer("g", "c", "k").build().unwrap();
        let subscription = client.subscribe("other").unwrap();
        let mut iterators = Some((scan, consumer, subscription));
        let (ended, endings) = mpsc::channel();
        // The callback runs on the client's own thread.
        let _handler = client
            .psubscribe_handler("news", move |_| {
                let Some((scan, consumer, subscription)) = iterators.take() else {
                    return;
                };
                let kinds = [
                    errors_of("scan", scan),
                    errors_of("a consumer", consumer),
                    errors_of("a subscription", subscription),
                ];
                ended.send(kinds).unwrap();
            })
            .unwrap();
        client.publish("news", "now").unwrap();
        let kinds = endings.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(kinds, [const { [ErrorKind::Config] }; 3]);
    });
    within(blocking).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transient_error_keeps_the_cursor() {
    let (gateway, client) = connected().await;
    let faults = gateway.faults();
    client.mset([("a", 1), ("b", 2), ("c", 3)]).await.unwrap();
    let passing = "BUSY another script runs";

    let mut keys = client.scan_stream(ScanOptions::new().count(1));
    let mut seen = vec![within(keys.next()).await.unwrap().unwrap()];
    let cursor = keys.cursor();
    faults.answer_error("SCAN", passing);
    let error = within(keys.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(keys.cursor(), cursor);
    while let Some(key) = within(keys.next()).await {
        seen.push(key.unwrap());
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);

    let url = gateway.ws_url().to_owned();
    let scanned = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect(url).unwrap();
        let mut keys = client.scan_iter(ScanOptions::new().count(1));
        let mut seen = vec![keys.next().unwrap().unwrap()];
        faults.answer_error("SCAN", passing);
        keys.next().unwrap().unwrap_err();
        seen.extend(keys.map(Result::unwrap));
        seen.sort();
        seen
    });
    assert_eq!(within(scanned).await.unwrap(), ["a", "b", "c"]);

    client.set("k", "no stream").await.unwrap();
    let mut consumer = client.consumer("g", "c", "k").build().unwrap();
    for _ in 0..2 {
        let error = within(consumer.next()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
    }
}
