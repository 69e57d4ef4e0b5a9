//! Messages reach their subscribers in order and do not affect replies.

use futures_util::future::join_all;
use swarm_gateway::Dialect;
use swarm_keydb::{Client, ClientOptions, CommandOrder, Subscription};
use swarm_tests::{Finding, connected_to, dialects, listen, targets, within};

use super::hearing::{message, payload};

/// Number of messages in flight. A deployed server silently drops messages beyond 256.
const WINDOW: u32 = 50;

const MESSAGES: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_arrive_in_order_while_the_shared_handle_works() {
    for target in targets().await {
        if target.is_http() {
            continue;
        }
        // Messages on different channels are in order only if all commands are.
        let options = target.options.clone().ordering(CommandOrder::All);
        let client = within(Client::connect(options)).await.unwrap();
        let mut both = within(client.subscribe(["ch:1", "ch:2"])).await.unwrap();
        let mut all = within(client.psubscribe("ch:*")).await.unwrap();
        // A list that looks like a message is a reply on a connection without subscriptions.
        let values = [("k1", "message"), ("k2", "invalidate"), ("k3", "-ERR")];
        within(client.mset(values)).await.unwrap();
        let working = tokio::spawn(read_lists(client.clone()));
        for window in 0..MESSAGES / WINDOW {
            let numbers = window * WINDOW..(window + 1) * WINDOW;
            let publishing = async {
                let published = join_all(numbers.clone().map(|n| client.publish(channel(n), n)));
                for count in published.await {
                    assert_eq!(count.unwrap(), 2);
                }
            };
            let hearing = async {
                for n in numbers.clone() {
                    hear(&mut both, n, None).await;
                    hear(&mut all, n, Some("ch:*")).await;
                }
            };
            within(async { tokio::join!(publishing, hearing) }).await;
        }
        within(working).await.unwrap();
    }
}

fn channel(n: u32) -> &'static str {
    if n.is_multiple_of(3) { "ch:2" } else { "ch:1" }
}

async fn hear(subscription: &mut Subscription, n: u32, pattern: Option<&str>) {
    let heard = message(subscription).await;
    assert_eq!(heard.channel, channel(n));
    assert_eq!(heard.payload, n.to_string());
    assert_eq!(heard.pattern.as_deref(), pattern.map(str::as_bytes));
}

async fn read_lists(client: Client) {
    for _ in 0..1000 {
        let values = client.mget(["k1", "k2", "k3"]).await.unwrap();
        let values: Vec<_> = values.into_iter().map(Option::unwrap).collect();
        assert_eq!(values, ["message", "invalidate", "-ERR"]);
    }
}

/// Behavior that the live suite requires of deployed servers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_passes_the_live_check() {
    for target in targets().await {
        let found = within(listen(&target.connect().await)).await;
        if target.is_http() {
            assert!(matches!(found, Err(Finding::Unsupported(_))), "{found:?}");
        } else {
            assert!(found.is_ok(), "{}: {found:?}", target.name);
        }
    }
}

#[tokio::test]
async fn channels_and_payloads_may_have_any_text() {
    let odd = [
        "subscribe",
        "unsubscribe",
        "message",
        "pmessage",
        "pong",
        "-ERR",
        "PONG",
        " ",
    ];
    for (name, dialect) in dialects() {
        let (gateway, client) = connected_to(dialect).await;
        let mut subscription = within(client.subscribe(odd)).await.unwrap();
        for channel in odd {
            for payload in odd {
                within(client.publish(channel, payload)).await.unwrap();
                let heard = message(&mut subscription).await;
                let heard = (heard.channel.as_ref(), heard.payload.as_ref());
                assert_eq!(heard, (channel.as_bytes(), payload.as_bytes()), "{name}");
            }
        }
        // Each name was sent in its own command, as deployed gateways require.
        assert_eq!(gateway.executions("SUBSCRIBE"), 8, "{name}");
    }
}

#[tokio::test]
async fn pushes_that_nobody_asked_for_are_ignored() {
    for (name, dialect) in dialects() {
        let (gateway, mut client) = connected_to(dialect).await;
        if dialect == Dialect::STANDARD {
            // Over TCP, the client uses RESP3 with this server.
            client = within(Client::connect(gateway.tcp_url())).await.unwrap();
        }
        let mut subscription = within(client.subscribe("a")).await.unwrap();
        for words in [
            &["invalidate", "k"][..],
            &["smessage", "a", "x"],
            &["message", "b", "x"],
            &["pmessage", "a*", "a", "x"],
            &["subscribe", "b", "1"],
            &["unsubscribe", "b", "1"],
            &["pong", ""],
            &["something", "new"],
        ] {
            // Only on the subscription connection: elsewhere, RESP2 could not distinguish it from a
            // reply.
            if dialect == Dialect::STANDARD {
                assert_eq!(gateway.faults().push(words), 2, "{name}");
            }
            within(client.publish("a", words[0])).await.unwrap();
            assert_eq!(payload(&mut subscription).await, words[0], "{name}");
        }
    }
}

#[tokio::test]
async fn payloads_are_any_bytes_where_the_wire_is_binary_safe() {
    let gateway = swarm_gateway::test().await.unwrap();
    for options in [
        ClientOptions::new(gateway.tcp_url()),
        ClientOptions::new(gateway.ws_url()).transport(|transport| transport.binary_safe(true)),
    ] {
        let client = within(Client::connect(options)).await.unwrap();
        let channel = b"any payload".as_slice();
        let mut subscription = within(client.subscribe(channel)).await.unwrap();
        let large = vec![0xfe; 1 << 20];
        for sent in [b"".as_slice(), b"\r\n\0\xff", &large] {
            within(client.publish(channel, sent)).await.unwrap();
            let heard = message(&mut subscription).await;
            assert_eq!(
                (heard.channel.as_ref(), heard.payload.as_ref()),
                (channel, sent)
            );
        }
    }
}
