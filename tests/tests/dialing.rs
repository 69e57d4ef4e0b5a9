//! How often a client dials, when, and what it tells meanwhile.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, Options, prelude::*};
use swarm_tests::{Door, gateway, within};

/// Where a door of a gateway is, and the scheme of its URL.
type Url = (&'static str, fn(&Gateway) -> &str);
const WS: Url = ("ws", Gateway::ws_url);
const TCP: Url = ("redis", Gateway::tcp_url);

/// What a server speaks is learned once per client: no connection is dialed twice because of a garbled reply to HELLO.
#[tokio::test]
async fn each_lease_and_each_subscription_dials_once() {
    let garbled = Dialect::UPSTREAM.with(Quirk::HelloGarbage);
    // Over TCP the first connection asks for RESP3 at once, and so is dialed twice where that is garbled.
    for ((scheme, url), dialect, first) in [
        (WS, garbled, 1),
        (TCP, garbled, 2),
        (TCP, Dialect::FIXED, 1),
    ] {
        let gateway = gateway(dialect).await;
        let door = Door::open_to(url(&gateway)).await;
        let client = within(Client::connect(door.url(scheme))).await.unwrap();
        assert_eq!(door.dials(), first, "{scheme} {dialect}");
        let lease = within(client.exclusive()).await.unwrap();
        let other = within(client.exclusive()).await.unwrap();
        let subscription = within(client.subscribe("news")).await.unwrap();
        within(client.ping()).await.unwrap();
        assert_eq!(door.dials(), first + 3, "{scheme} {dialect}");
        drop((lease, other, subscription));
    }
}

/// Stands for: two equal timeouts that race, of which one knows nothing. A dial that nobody answers always names the
/// address and what it waited for.
#[tokio::test]
async fn every_dial_without_an_answer_names_the_address() {
    // The backlog accepts the connections; nobody answers the upgrade.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for _ in 0..50 {
        let options = Options::new(format!("ws://{address}"))
            .connect_timeout(Duration::from_millis(10))
            .http_fallback(false);
        let error = within(Client::connect(options)).await.unwrap_err();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        for part in [address.as_str(), "10ms", "WebSocket upgrade"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
