//! Texts of errors after everyday mistakes, made against real servers.

use swarm_gateway::Dialect;
use swarm_keydb::{Client, ErrorKind};
use swarm_tests::{gateway, within};

/// Connects with a `redis://` address to the port of another address, and returns the error's text.
async fn dial_as_redis(url: &str) -> String {
    let (_, host) = url.split_once("://").unwrap();
    let error = within(Client::connect(format!("redis://{host}")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert!(!error.is_retryable(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_redis_address_of_an_http_server_names_the_schemes_to_use() {
    let gateway = gateway(Dialect::STANDARD).await;
    for url in [gateway.http_url(), gateway.ws_url()] {
        let text = dial_as_redis(url.trim_end_matches('/')).await;
        let remedy =
            "the peer speaks HTTP, not RESP; use an http:// or ws:// address for this port";
        assert!(text.contains(remedy), "{text}");
    }
}
