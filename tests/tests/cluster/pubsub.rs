//! Subscriptions that follow their slot, and nodes that fail.

use std::time::Duration;

use futures_util::future::join_all;
use swarm_keydb::cluster::Client;
use swarm_keydb::{ErrorKind, Event, Subscription};
use swarm_tests::{Cluster, within_secs};

/// Returns the next event.
async fn next(subscription: &mut Subscription) -> Event {
    subscription.next().await.expect("open").expect("an event")
}

/// Returns the payload of the next event, which must be a message.
async fn payload(subscription: &mut Subscription) -> String {
    let message = next(subscription).await.into_message().expect("a message");
    message.payload_as().expect("text")
}

/// Publishes until a subscription gets the message.
async fn reaches(client: &Client, subscription: &mut Subscription, channel: &str, text: &str) {
    loop {
        let _failed = client.publish(channel, text).await;
        let heard = tokio::time::timeout(Duration::from_millis(200), next(subscription)).await;
        if let Ok(Event::Message(message)) = heard {
            assert_eq!(
                (&message.channel[..], &message.payload[..]),
                (channel.as_bytes(), text.as_bytes())
            );
            return;
        }
    }
}

#[tokio::test]
async fn channels_and_patterns_are_heard_from_every_node() {
    let Some(cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(60, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut news = client.subscribe(["news", "sports"]).await.unwrap();
        let mut all = client.psubscribe("n*").await.unwrap();
        for address in client.primaries().into_iter().chain(client.replicas()) {
            let node = client.node(&address).unwrap();
            node.publish("news", &address).await.unwrap();
            assert_eq!(payload(&mut news).await, address);
            let message = next(&mut all).await.into_message().unwrap();
            assert_eq!(message.pattern.as_deref(), Some(&b"n*"[..]));
            assert_eq!(message.payload, address);
        }
        drop(client);
        // A subscription keeps the client open.
        let other = Client::connect(cluster.url()).await.unwrap();
        other.publish("sports", "goal").await.unwrap();
        assert_eq!(payload(&mut news).await, "goal");
    })
    .await;
}

/// Guards against messages that take different ways through the cluster and overtake each other.
#[tokio::test]
async fn messages_of_one_publisher_stay_in_order() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(60, async {
        const COUNT: u64 = 2_000;
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut news = client.subscribe("news").await.unwrap();
        // Connects to every primary.
        client.dbsize().await.unwrap();
        // Polled in this order, without waiting for a reply.
        let publishing = join_all((0..COUNT).map(|number| client.publish("news", number)));
        let hearing = async {
            for number in 0..COUNT {
                assert_eq!(payload(&mut news).await, number.to_string());
            }
        };
        let (published, ()) = tokio::join!(publishing, hearing);
        assert!(published.iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test]
async fn a_subscription_moves_when_its_node_fails() {
    let Some(mut cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(120, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut news = client.subscribe("news").await.unwrap();
        // Which node it is, is not known: two of three primaries fail, one after the other.
        let mut gaps = 0;
        for at in 0..2 {
            let primary = client.primaries()[at].clone();
            let replica = cluster.replica_of(&primary).await;
            cluster.kill(&primary);
            cluster.promoted(&replica).await;
            client.publish("news", "still here").await.unwrap();
            loop {
                match next(&mut news).await {
                    Event::Reconnected { gap } => {
                        assert!(gap);
                        gaps += 1;
                    }
                    Event::Message(message) => {
                        assert_eq!(message.payload, "still here");
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(gaps <= 2, "{gaps}");
        client.close().await;
        assert!(news.next().await.is_none());
        let error = client.subscribe("news").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_sharded_subscription_moves_with_its_slot() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(60, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let nodes = cluster.addresses();
        let mut here = client.ssubscribe(["{a}1", "{a}2"]).await.unwrap();
        let mut there = client.ssubscribe("b").await.unwrap();
        let slot = Client::slot_of("{a}");
        let owner = |slot: u16| usize::from(slot) * 3 / 16384;
        assert_ne!(owner(slot), owner(Client::slot_of("b")));
        assert_eq!(client.spublish("{a}2", "first").await.unwrap(), 1);
        assert_eq!(payload(&mut here).await, "first");

        let mut at = owner(slot);
        for turn in 0..4 {
            let to = (at + 1) % 3;
            let slots = std::iter::once(slot);
            cluster
                .reshard(slots, &nodes[at], &nodes[to])
                .await
                .unwrap();
            at = to;
            assert_eq!(next(&mut here).await, Event::Reconnected { gap: true });
            let text = format!("turn {turn}");
            for channel in ["{a}1", "{a}2"] {
                assert_eq!(client.spublish(channel, &text).await.unwrap(), 1);
                let message = next(&mut here).await.into_message().unwrap();
                assert_eq!((message.channel, message.pattern), (channel.into(), None));
                assert_eq!(message.payload, text);
            }
        }
        client.spublish("b", "untouched").await.unwrap();
        assert_eq!(payload(&mut there).await, "untouched");

        drop(here);
        // The node learns that nobody listens any more.
        while client.spublish("{a}1", "nobody").await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let error = client.ssubscribe(["a", "b"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains("hash tag"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_sharded_subscription_moves_to_the_replica_that_takes_over() {
    let Some(mut cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(120, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut orders = client.ssubscribe("orders").await.unwrap();
        let primary =
            cluster.addresses()[usize::from(Client::slot_of("orders")) * 3 / 16384].clone();
        let replica = cluster.replica_of(&primary).await;
        cluster.kill(&primary);
        cluster.promoted(&replica).await;
        assert_eq!(next(&mut orders).await, Event::Reconnected { gap: true });
        assert_eq!(client.spublish("orders", "paid").await.unwrap(), 1);
        assert_eq!(payload(&mut orders).await, "paid");
    })
    .await;
}

#[tokio::test]
async fn a_subscription_follows_when_its_node_leaves() {
    let Some(mut cluster) = Cluster::start(1, 1).await else {
        return;
    };
    within_secs(60, async {
        let first = cluster.addresses()[0].clone();
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut news = client.subscribe("news").await.unwrap();
        let new = cluster.replica_of(&first).await;
        cluster.fail_over(&new).await;
        cluster.agree().await;
        cluster.remove(&first).await;
        reaches(&client, &mut news, "news", "moved").await;
        assert_eq!(client.primaries(), [new]);
    })
    .await;
}
