//! Reads from replicas.

use std::time::Duration;

use swarm_keydb::cluster::{Client, Options, ReadFrom};
use swarm_tests::{Cluster, within_secs};

/// How often these nodes have run a command.
async fn calls(client: &Client, nodes: &[String], command: &str) -> u64 {
    let mut calls = 0;
    for node in nodes {
        let info = client.node(node).unwrap().raw("INFO", "commandstats").await;
        let info = String::from_utf8_lossy(info.unwrap().as_bytes().unwrap()).into_owned();
        let prefix = format!("cmdstat_{command}:calls=");
        let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
        let count = line.and_then(|line| line.split(',').next());
        calls += count.map_or(0, |count| count.parse::<u64>().unwrap());
    }
    calls
}

/// Connects once the nodes list their replicas, which they do when these have received something.
async fn connect(cluster: &Cluster, read_from: ReadFrom) -> Client {
    loop {
        let options = Options::new(cluster.url()).read_from(read_from);
        let client = Client::connect(options).await.unwrap();
        if client.replicas().len() == 3 {
            return client;
        }
        client.close().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How much of the replication a node has.
async fn offset(node: &swarm_keydb::Client, name: &str) -> u64 {
    let info = node.raw("INFO", "replication").await.unwrap();
    let info = String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned();
    let offset = info.lines().find_map(|line| line.strip_prefix(name));
    offset.unwrap().parse().unwrap()
}

/// Waits until all primaries have sent their writes to a replica.
async fn replicated(client: &Client, cluster: &Cluster) {
    for primary in client.primaries() {
        let node = client.node(&primary).unwrap();
        let offset = offset(&node, "master_repl_offset:").await;
        let replica = cluster.replica_of(&primary).await;
        let replica = client.node(&replica).unwrap();
        while self::offset(&replica, "slave_repl_offset:").await < offset {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn only_reads_go_to_replicas() {
    let Some(cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(60, async {
        let plain = connect(&cluster, ReadFrom::Primary).await;
        let pairs: Vec<_> = (0..100).map(|n| (format!("k{n}"), n)).collect();
        plain.mset(pairs).await.unwrap();
        let (primaries, replicas) = (plain.primaries(), plain.replicas());
        let client = connect(&cluster, ReadFrom::Replica).await;
        // Until the replicas are connected, the primaries answer.
        for n in 0..100_usize {
            let value = client.get_as::<usize>(format!("k{n}")).await.unwrap();
            assert!(value.is_none_or(|value| value == n));
        }
        let mut before = 0;
        while before < 3 {
            for n in 0..100 {
                client.get(format!("k{n}")).await.unwrap();
            }
            let at = calls(&plain, &primaries, "get").await;
            for n in 0..100 {
                client.get(format!("k{n}")).await.unwrap();
            }
            before = match calls(&plain, &primaries, "get").await == at {
                true => before + 1,
                false => 0,
            };
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The replicas have everything.
        loop {
            let keys: Vec<_> = (0..100).map(|n| format!("k{n}")).collect();
            let values = client.mget(&keys).await.unwrap();
            if values.iter().all(Option::is_some) {
                break;
            }
        }
        assert_eq!(calls(&plain, &primaries, "mget").await, 0);
        assert!(calls(&plain, &replicas, "mget").await > 0);
        // What may write goes to the primary, and so do scripts, pipelines and transactions.
        client.set("k1", "new").await.unwrap();
        client.getdel("k2").await.unwrap();
        client
            .raw("EVAL", ["return redis.call('STRLEN', KEYS[1])", "1", "k3"])
            .await
            .unwrap();
        client.lpush("list", "x").await.unwrap();
        client.blpop("list", Duration::from_secs(1)).await.unwrap();
        let pipeline = client.pipeline();
        let (set, got) = (pipeline.set("k4", "new"), pipeline.get("k4"));
        let (set, got) = pipeline.send((set, got)).await;
        set.unwrap();
        assert_eq!(got.unwrap().unwrap(), "new");
        for node in &replicas {
            let errors = plain
                .node(node)
                .unwrap()
                .raw("INFO", "errorstats")
                .await
                .unwrap();
            let errors = String::from_utf8_lossy(errors.as_bytes().unwrap()).into_owned();
            assert!(!errors.contains("MOVED"), "{errors}");
        }
        // With `Any`, both answer.
        let client = connect(&cluster, ReadFrom::Any).await;
        let start = [&primaries, &replicas].map(Clone::clone);
        let count = async |nodes: &[String]| calls(&plain, nodes, "strlen").await;
        while count(&start[0]).await < 50 || count(&start[1]).await < 50 {
            for n in 0..100 {
                client.strlen(format!("k{n}")).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_primary_answers_what_a_replica_cannot() {
    let Some(mut cluster) = Cluster::start(3, 3).await else {
        return;
    };
    within_secs(120, async {
        let client = connect(&cluster, ReadFrom::Replica).await;
        let slot = Client::slot_of("k");
        let nodes = cluster.addresses();
        let owner = usize::from(slot) * 3 / 16384;
        let (from, to) = (&nodes[owner], &nodes[(owner + 1) % 3]);
        client.set("k", "v").await.unwrap();
        replicated(&client, &cluster).await;
        let replica = cluster.replica_of(from).await;
        while calls(&client, std::slice::from_ref(&replica), "get").await == 0 {
            assert_eq!(client.get("k").await.unwrap().unwrap(), "v");
        }
        // The replica of the node that has lost the slot answers MOVED, and the new primary the
        // read; its replica may lag.
        cluster
            .reshard(std::iter::once(slot), from, to)
            .await
            .unwrap();
        replicated(&client, &cluster).await;
        for _ in 0..200 {
            client.get("k").await.unwrap();
        }
        assert_eq!(client.get("k").await.unwrap().unwrap(), "v");
        assert_eq!(
            client
                .node_of("k")
                .unwrap()
                .get("k")
                .await
                .unwrap()
                .unwrap(),
            "v"
        );

        // Without a replica, the primary answers at once.
        let replica = cluster.replica_of(to).await;
        while calls(&client, std::slice::from_ref(&replica), "strlen").await == 0 {
            client.strlen("k").await.unwrap();
        }
        cluster.kill(&replica);
        let begun = std::time::Instant::now();
        for _ in 0..100 {
            assert_eq!(client.get("k").await.unwrap().unwrap(), "v");
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        client.close().await;
        assert!(client.get("k").await.unwrap_err().is_closed());
    })
    .await;
}
