//! What a page cannot do is an error of the configuration, and says so.

use futures_util::future::try_join_all;
use swarm_keydb::{Client, ErrorKind, TransportOptions};

use crate::gateway::Gateway;
use crate::time::soon;

pub(crate) async fn addresses_that_a_page_cannot_have() {
    for url in [
        "redis://127.0.0.1:6379",
        "rediss://127.0.0.1:6379",
        "redis+unix:///run/redis.sock",
    ] {
        let error = Client::connect(url).await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config, "{url}: {error}");
    }
}

pub(crate) async fn options_that_a_page_cannot_have() {
    let gateway = Gateway::standard().await;
    type Change = fn(TransportOptions) -> TransportOptions;
    let changes: [(&str, Change); 3] = [
        ("origin", |options| options.origin("https://app.example")),
        ("header", |options| options.header("x-token", "secret")),
        ("bearer_token", |options| options.bearer_token("secret")),
    ];
    for (name, change) in changes {
        let options = gateway.options().transport(change);
        let error = Client::connect(options).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Config, "{name}: {error}");
        assert!(!error.to_string().contains("secret"), "{name}: {error}");
    }
}

/// Subscriptions, blocking reads and watched keys have connections of their own.
pub(crate) async fn connections_of_a_page() {
    let gateway = Gateway::standard().await;
    let client = gateway.client().await;
    let news = client.subscribe("news").await.unwrap();
    let leases = (0..4).map(|_| client.exclusive());
    let leases = soon(try_join_all(leases)).await.unwrap();
    assert_eq!(gateway.connections().await, 6);
    drop((news, leases));
    client.close().await;
}
