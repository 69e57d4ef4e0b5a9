//! What the client does in a cluster where nothing moves.

use std::time::Duration;

use swarm_keydb::cluster::{Client, Options};
use swarm_keydb::{ErrorKind, Outcome, SetOptions};
use swarm_tests::{Cluster, Redis, within_secs};

#[tokio::test]
async fn commands_reach_the_nodes_of_their_keys() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(20, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        for n in 0..100 {
            client.set(format!("key{n}"), n).await.unwrap();
        }
        for n in 0..100 {
            let value = client.get(format!("key{n}")).await.unwrap();
            assert_eq!(value.unwrap(), n.to_string());
        }
        assert_eq!(client.primaries().len(), 3);
        let mut each = 0;
        for primary in client.primaries() {
            let node = client.node(&primary).unwrap();
            let size = node.dbsize().await.unwrap();
            assert!(size > 10, "{primary} has {size} keys");
            each += size;
        }
        assert_eq!(each, 100);
        assert_eq!(client.dbsize().await.unwrap(), 100);
        assert_eq!(client.keys("key*").await.unwrap().len(), 100);

        // Parts.
        let keys: Vec<_> = (0..100).map(|n| format!("key{n}")).collect();
        let values = client.mget(&keys).await.unwrap();
        assert!(
            values
                .iter()
                .enumerate()
                .all(|(n, value)| value.as_deref() == Some(n.to_string().as_bytes()))
        );
        client
            .mset(
                (0..100)
                    .map(|n| (format!("key{n}"), n + 1))
                    .collect::<Vec<_>>(),
            )
            .await
            .unwrap();
        assert_eq!(client.get("key7").await.unwrap().unwrap(), "8");
        assert_eq!(client.exists(&keys).await.unwrap(), 100);
        assert_eq!(client.del(&keys[..50]).await.unwrap(), 50);
        assert_eq!(client.unlink(&keys).await.unwrap(), 50);

        // Several keys of one slot, and of several.
        client.mset([("{a}1", "x"), ("{a}2", "y")]).await.unwrap();
        client.rename("{a}1", "{a}3").await.unwrap();
        let error = client.rename("{a}3", "{b}3").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Argument, Some(Outcome::NotSent))
        );
        let text = error.to_string();
        assert!(
            text.contains("(hash tag {a})") && text.contains("(hash tag {b})"),
            "{text}"
        );

        // Blocking, scripts, and commands without keys.
        assert_eq!(client.rpush("{a}list", "x").await.unwrap(), 1);
        let popped = client
            .blpop("{a}list", Duration::from_secs(1))
            .await
            .unwrap();
        assert_eq!(popped.unwrap().1, "x");
        let sum: i64 = client
            .eval_as("return ARGV[1] + 1", "key", 1)
            .await
            .unwrap();
        assert_eq!(sum, 2);
        client.ping().await.unwrap();
        let sha = client.script_load("return 1").await.unwrap();
        assert_eq!(client.script_exists([sha]).await.unwrap(), [true]);
        client.flushall().await.unwrap();
        assert_eq!(client.dbsize().await.unwrap(), 0);
        assert_eq!(client.randomkey().await.unwrap(), None);
        assert!(client.info().await.unwrap_err().is_argument());
        client.close().await;
        let error = client.get("k").await.unwrap_err();
        assert!(error.is_closed(), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_cluster_and_one_that_does_not_answer_are_named() {
    let Some(redis) = Redis::start() else { return };
    within_secs(20, async {
        let error = Client::connect(redis.url()).await.unwrap_err();
        assert!(
            error.to_string().contains("cluster support disabled"),
            "{error}"
        );
        let options = Options::new("redis+cluster://127.0.0.1:1,127.0.0.1:2");
        let error = Client::connect(options).await.unwrap_err();
        assert!(
            error.is_connection() && error.to_string().contains("127.0.0.1:2"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn calls_on_a_key_reach_the_server_in_the_order_of_their_first_poll() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(20, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let writes = (0..500).map(|n| client.set_with("key", n, SetOptions::new()));
        let writes = futures_util::future::join_all(writes).await;
        assert!(writes.into_iter().all(|write| write.is_ok()));
        assert_eq!(client.get("key").await.unwrap().unwrap(), "499");
    })
    .await;
}
