//! How often a client dials, when, and what it tells meanwhile.

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, prelude::*};
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
