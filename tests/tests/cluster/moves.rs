//! Slots that move, and nodes that fail, come and go, under load.

use std::time::Duration;

use swarm_keydb::cluster::Client;
use swarm_tests::{Cluster, within_secs};

use crate::load::{Load, Report};

/// How many slots move, unless `SWARM_CLUSTER_SLOTS` says otherwise.
const SLOTS: u16 = 40;

fn slots() -> u16 {
    std::env::var("SWARM_CLUSTER_SLOTS").map_or(SLOTS, |slots| slots.parse().unwrap())
}

/// Checks that every command has run, and in order.
#[track_caller]
fn all_ran(report: &Report) {
    assert_eq!(report.wrong, [""; 0]);
    assert_eq!(report.unsure, [""; 0]);
    assert_eq!(report.unrun, [""; 0]);
    assert!(report.replies > 1_000, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_under_load() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(300, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let load = Load::start(&client, true);
        load.turns(200).await;
        let nodes = cluster.addresses();
        let half = slots() / 2;
        cluster
            .reshard(0..half, &nodes[0], &nodes[1])
            .await
            .unwrap();
        cluster
            .reshard((0..half).rev(), &nodes[1], &nodes[2])
            .await
            .unwrap();
        load.turns(200).await;
        all_ran(&load.stop().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slots_of_the_keys_move_back_and_forth_under_load() {
    let Some(cluster) = Cluster::start(2, 0).await else {
        return;
    };
    within_secs(300, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let load = Load::start(&client, true);
        let nodes = cluster.addresses();
        let mut used: Vec<_> = (0..64)
            .flat_map(|task| {
                ["counter", "order"].map(|name| Client::slot_of(format!("{name}:{task}")))
            })
            .filter(|slot| *slot < 8192)
            .collect();
        used.truncate(usize::from(slots() / 4));
        for _ in 0..2 {
            cluster
                .reshard(used.iter().copied(), &nodes[0], &nodes[1])
                .await
                .unwrap();
            cluster
                .reshard(used.iter().copied(), &nodes[1], &nodes[0])
                .await
                .unwrap();
        }
        all_ran(&load.stop().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_under_load() {
    let Some(mut cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(300, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let load = Load::start(&client, true);
        load.turns(200).await;
        let primary = cluster.addresses()[0].clone();
        let replica = cluster.replica_of(&primary).await;
        cluster.fail_over(&replica).await;
        load.turns(200).await;
        cluster.agree().await;
        all_ran(&load.stop().await);

        // Whatever a primary acknowledges shortly before it is killed may be lost, but nothing runs
        // twice.
        let load = Load::start(&client, false);
        load.turns(200).await;
        let primary = cluster.addresses()[1].clone();
        let replica = cluster.replica_of(&primary).await;
        cluster.kill(&primary);
        cluster.promoted(&replica).await;
        load.turns(200).await;
        let report = load.stop().await;
        assert_eq!(report.wrong, [""; 0]);
        let other: Vec<_> = report
            .unrun
            .iter()
            .filter(|error| !error.contains("CLUSTERDOWN"))
            .collect();
        assert_eq!(other, [""; 0]);
        assert!(report.unsure.len() <= 64 * 6, "{:?}", report.unsure);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_come_and_go_under_load() {
    let Some(mut cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(300, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let load = Load::start(&client, true);
        load.turns(100).await;
        let first = cluster.addresses()[0].clone();
        let new = cluster.add().await;
        cluster.reshard(0..slots() / 4, &first, &new).await.unwrap();
        while !client.primaries().contains(&new) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        load.turns(100).await;
        cluster.reshard(0..slots() / 4, &new, &first).await.unwrap();
        load.turns(100).await;
        cluster.remove(&new).await;
        load.turns(100).await;
        all_ran(&load.stop().await);
    })
    .await;
}
