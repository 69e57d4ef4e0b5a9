//! Scans of all keys, and of the elements of one key, while slots move.

use std::collections::BTreeSet;

use swarm_keydb::cluster::Client;
use swarm_keydb::{Bytes, ScanOptions};
use swarm_tests::{Cluster, within_secs};

/// Returns all keys, and how many were yielded.
async fn all_keys(client: &Client, options: ScanOptions) -> (BTreeSet<Bytes>, usize) {
    let mut stream = client.scan_stream(options);
    let (mut keys, mut yielded) = (BTreeSet::new(), 0);
    while let Some(key) = stream.next().await {
        keys.insert(key.unwrap());
        yielded += 1;
    }
    (keys, yielded)
}

#[tokio::test]
async fn a_scan_yields_the_keys_of_all_primaries_once() {
    let Some(cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(60, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let pairs: Vec<_> = (0..1_000).map(|n| (format!("key:{n}"), n)).collect();
        client.mset(pairs).await.unwrap();
        client.sadd("set", "x").await.unwrap();
        let (keys, yielded) = all_keys(&client, ScanOptions::new()).await;
        assert_eq!((keys.len(), yielded), (1_001, 1_001));
        let some = ScanOptions::new().matching("key:1*").count(100);
        let (keys, yielded) = all_keys(&client, some).await;
        assert_eq!((keys.len(), yielded), (111, 111));

        client.close().await;
        let mut stream = client.scan_stream(ScanOptions::new());
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert!(stream.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_scan_misses_no_key_although_slots_move_and_a_replica_takes_over() {
    let Some(cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(120, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let pairs: Vec<_> = (0..3_000).map(|n| (format!("key:{n}"), n)).collect();
        client.mset(pairs).await.unwrap();
        let nodes = cluster.addresses();
        // The keys move to nodes that were scanned already, or not yet, whatever the order is.
        let targets = [(1_usize, 0_usize), (2, 1), (0, 2), (1, 2), (2, 0), (0, 1)];
        let mut moved = 0;
        for (at, (from, to)) in targets.into_iter().enumerate() {
            let mut stream = client.scan_stream(ScanOptions::new().count(50));
            let mut keys = BTreeSet::new();
            let until = 100 + at * 300;
            while keys.len() < until {
                keys.insert(stream.next().await.unwrap().unwrap());
            }
            let slots: BTreeSet<_> = (0..3_000)
                .map(|n| Client::slot_of(format!("key:{n}")))
                .filter(|slot| usize::from(*slot) * 3 / 16384 == from)
                .skip(at * 20)
                .take(20)
                .collect();
            let owned: Vec<_> = slots
                .into_iter()
                .filter(|slot| {
                    let key = (0..3_000)
                        .map(|n| format!("key:{n}"))
                        .find(|key| Client::slot_of(key) == *slot);
                    let owner = client.node_of(key.unwrap()).unwrap();
                    format!("{owner:?}").contains(&nodes[from])
                })
                .collect();
            moved += owned.len();
            cluster
                .reshard(owned.into_iter(), &nodes[from], &nodes[to])
                .await
                .unwrap();
            if at == 3 {
                let replica = cluster.replica_of(&nodes[2]).await;
                cluster.fail_over(&replica).await;
                cluster.agree().await;
                let replica = cluster.replica_of(&replica).await;
                cluster.fail_over(&replica).await;
                cluster.agree().await;
            }
            while let Some(key) = stream.next().await {
                keys.insert(key.unwrap());
            }
            let missed: Vec<_> = (0..3_000)
                .filter(|n| !keys.contains(format!("key:{n}").as_bytes()))
                .collect();
            assert_eq!(missed, [0; 0], "turn {at}");
        }
        assert!(moved > 60, "only {moved} slots have moved");
    })
    .await;
}

#[tokio::test]
async fn a_scan_of_one_key_begins_again_where_its_slot_has_moved() {
    let Some(cluster) = Cluster::start(2, 0).await else {
        return;
    };
    within_secs(60, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let members: Vec<_> = (0..2_000).map(|n| format!("member:{n}")).collect();
        client.sadd("{t}set", &members).await.unwrap();
        let scores = members
            .iter()
            .zip(0..)
            .map(|(name, at)| (name.clone(), f64::from(at)));
        let scores: Vec<_> = scores.collect();
        client.zadd("{t}scores", scores).await.unwrap();
        let fields: Vec<_> = members.iter().map(|name| (name.clone(), "x")).collect();
        client.hset("{t}hash", fields).await.unwrap();
        let options = || ScanOptions::new().count(50);
        let mut set = client.sscan_stream("{t}set", options());
        let mut scores = client.zscan_stream("{t}scores", options());
        let mut hash = client.hscan_stream("{t}hash", options());
        let mut found: [BTreeSet<Bytes>; 3] = Default::default();
        for _ in 0..300 {
            found[0].insert(set.next().await.unwrap().unwrap());
            found[1].insert(scores.next().await.unwrap().unwrap().0);
            found[2].insert(hash.next().await.unwrap().unwrap().0);
        }
        let nodes = cluster.addresses();
        let slot = Client::slot_of("{t}");
        let from = usize::from(slot >= 8192);
        let (from, to) = (&nodes[from], &nodes[1 - from]);
        cluster
            .reshard(std::iter::once(slot), from, to)
            .await
            .unwrap();
        while let Some(member) = set.next().await {
            found[0].insert(member.unwrap());
        }
        while let Some(member) = scores.next().await {
            found[1].insert(member.unwrap().0);
        }
        while let Some(field) = hash.next().await {
            found[2].insert(field.unwrap().0);
        }
        assert_eq!(found.map(|found| found.len()), [2_000; 3]);
    })
    .await;
}
