//! What the client makes of the answers of sentinels, and of their absence.

use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, ErrorKind, blocking};
use swarm_tests::{Redis, Sentinels, free_address, within, within_secs};

const SOON: Duration = Duration::from_millis(600);

/// Connects within [`SOON`]. Returns the error with its causes, and how long it took.
async fn error_of(options: ClientOptions) -> (ErrorKind, String, Duration) {
    let begun = Instant::now();
    let options = options.connect_timeout(SOON);
    let error = within(Client::connect(options)).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    (error.kind(), text, begun.elapsed())
}

/// The timeout has passed, and little more.
fn is_at_timeout(took: Duration) -> bool {
    (SOON - Duration::from_millis(150)..SOON + Duration::from_millis(400)).contains(&took)
}

#[tokio::test]
async fn without_a_sentinel_the_client_waits_and_names_all() {
    let (one, two) = (free_address().await, free_address().await);
    let url = format!("redis+sentinel://:s3cret@{one},{two}/mymaster?sentinel_password=s3cret");
    let (kind, text, took) = error_of(ClientOptions::new(&url)).await;
    assert_eq!(kind, ErrorKind::Connection);
    assert!(text.contains(&one) && text.contains(&two), "{text}");
    assert!(
        text.contains("no sentinel") && !text.contains("s3cret"),
        "{text}"
    );
    assert!(is_at_timeout(took), "{took:?}");
    let shown = format!("{:?}", ClientOptions::new(&url));
    assert!(
        shown.contains("mymaster") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_fails_at_once() {
    let Some(trio) = Sentinels::start_with(0, 1, None).await else {
        return;
    };
    let url = trio.url().replace("/mymaster", "/other");
    let (kind, text, took) = error_of(ClientOptions::new(url)).await;
    assert_eq!(kind, ErrorKind::Connection);
    assert!(
        text.contains("\"other\"") && text.contains("check the name"),
        "{text}"
    );
    assert!(took < SOON / 2, "{took:?}");
    // One that does not answer may know it.
    let dead = free_address().await;
    let url = trio.url().replace("://", &format!("://{dead},"));
    let (_, text, took) = error_of(ClientOptions::new(url.replace("/mymaster", "/other"))).await;
    assert!(text.contains("does not know this name"), "{text}");
    assert!(text.contains(&dead), "{text}");
    assert!(is_at_timeout(took), "{took:?}");
    // The next one answers.
    let client = within(Client::connect(url)).await.unwrap();
    within(client.set("k", 1)).await.unwrap();
}

#[tokio::test]
async fn sentinels_have_a_password_of_their_own() {
    let Some(trio) = Sentinels::start_with(0, 1, Some("s3cret")).await else {
        return;
    };
    let without = trio.url().replace("?sentinel_password=s3cret", "");
    let wrong = ClientOptions::new(&without).sentinel(|sentinel| sentinel.credentials("wr0ng"));
    for options in [ClientOptions::new(&without), wrong] {
        let (kind, text, took) = error_of(options).await;
        assert_eq!(kind, ErrorKind::Auth, "{text}");
        assert!(text.contains("ClientOptions::sentinel"), "{text}");
        assert!(text.contains("sentinel 127.0.0.1:"), "{text}");
        assert!(!text.contains("wr0ng"), "{text}");
        assert!(took < SOON, "{took:?}");
    }
    let right = ClientOptions::new(&without).sentinel(|sentinel| sentinel.credentials("s3cret"));
    assert!(!format!("{right:?}").contains("s3cret"), "{right:?}");
    for options in [right, ClientOptions::new(trio.url())] {
        let client = within(Client::connect(options)).await.unwrap();
        within(client.set("k", 1)).await.unwrap();
        assert_eq!(client.stats().server.as_deref(), Some(&*trio.servers()[0]));
        client.close().await;
    }
}

#[tokio::test]
async fn a_primary_that_cannot_be_reached_is_named() {
    let Some(mut trio) = Sentinels::start_with(0, 1, None).await else {
        return;
    };
    let address = trio.servers()[0].clone();
    trio.kill_without_replicas();
    let (kind, text, took) = error_of(ClientOptions::new(trio.url())).await;
    assert_eq!(kind, ErrorKind::Connection);
    assert!(
        text.contains(&address) && text.contains("refused"),
        "{text}"
    );
    assert!(text.contains("the sentinels name"), "{text}");
    assert!(is_at_timeout(took), "{took:?}");
}

/// A server that is not what the sentinels believe counts as not available, until it is.
#[tokio::test]
async fn a_replica_that_sentinels_name_the_primary_is_not_used() {
    let Some(trio) = Sentinels::start_with(0, 1, None).await else {
        return;
    };
    let server = within(Client::connect(&*trio.servers()[0])).await.unwrap();
    let nowhere = free_address().await;
    let of = [
        "127.0.0.1".to_owned(),
        nowhere.rsplit(':').next().unwrap().to_owned(),
    ];
    within(server.raw("REPLICAOF", of)).await.unwrap();
    let (kind, text, took) = error_of(ClientOptions::new(trio.url())).await;
    assert_eq!(kind, ErrorKind::Connection);
    assert!(
        text.contains("no primary") && text.contains("slave"),
        "{text}"
    );
    assert!(text.contains(&trio.servers()[0]), "{text}");
    assert!(is_at_timeout(took), "{took:?}");
    let later = tokio::spawn(Client::connect(trio.url()));
    within(server.raw("REPLICAOF", ["NO", "ONE"]))
        .await
        .unwrap();
    let client = within(later).await.unwrap().unwrap();
    within(client.set("k", 1)).await.unwrap();
}

#[tokio::test]
async fn a_plain_server_is_no_sentinel() {
    let Some(redis) = Redis::start() else {
        return;
    };
    let url = format!("redis+sentinel://{}/mymaster", redis.address());
    let (kind, text, _) = error_of(ClientOptions::new(url)).await;
    assert_eq!(kind, ErrorKind::Connection);
    assert!(
        text.contains("is this the address of a sentinel?"),
        "{text}"
    );
}

#[test]
fn a_blocking_client_takes_the_same_url() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = within_secs(30, Sentinels::start_with(0, 1, None));
    let Some(trio) = runtime.block_on(start) else {
        return;
    };
    let client = blocking::Client::connect(format!("{}?", trio.url())).unwrap();
    client.set("k", "v").unwrap();
    assert_eq!(client.get("k").unwrap().as_deref(), Some(&b"v"[..]));
}
