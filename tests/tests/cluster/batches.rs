//! Pipelines and transactions.

use swarm_keydb::cluster::Client;
use swarm_keydb::{ErrorKind, Outcome};
use swarm_tests::{Cluster, within_secs};

#[tokio::test]
async fn a_pipeline_is_split_by_node_and_joined_in_order() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(20, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let pipeline = client.pipeline();
        let sets: Vec<_> = (0..300).map(|n| pipeline.set(format!("k{n}"), n)).collect();
        let gets: Vec<_> = (0..300)
            .map(|n| pipeline.get_as::<i64>(format!("k{n}")))
            .collect();
        let all = pipeline.mget(["k1", "k2"]);
        let mistake = pipeline.incr("k5");
        let wrong = pipeline.lpush("k6", "x");
        let (sets, gets, all, mistake, wrong) =
            pipeline.send((sets, gets, all, mistake, wrong)).await;
        assert!(sets.iter().all(Result::is_ok));
        let gets: Vec<_> = gets.into_iter().map(|got| got.unwrap().unwrap()).collect();
        assert_eq!(gets, (0..300).collect::<Vec<_>>());
        assert_eq!(all.unwrap().len(), 2);
        assert_eq!(mistake.unwrap(), 6);
        let error = wrong.unwrap_err();
        assert!(
            error.is_code("WRONGTYPE") && error.position() == Some(602),
            "{error}"
        );
        assert_eq!(error.command(), Some("LPUSH"));

        // One rejected command withholds all.
        let pipeline = client.pipeline();
        let (set, moved) = (pipeline.set("k1", "no"), pipeline.rename("a", "b"));
        let (set, moved) = pipeline.send((set, moved)).await;
        assert_eq!(set.unwrap_err().outcome(), Some(Outcome::NotSent));
        assert!(moved.unwrap_err().to_string().contains("slots"));
        assert_eq!(client.get("k1").await.unwrap().unwrap(), "1");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_runs_on_the_node_of_its_slot_and_follows_it() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(30, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        for n in 0..20 {
            let tx = client.transaction();
            let handles = (tx.incr(format!("{{t{n}}}a")), tx.incr(format!("{{t{n}}}b")));
            let (one, two) = tx.exec(handles).await.unwrap();
            assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
        }
        let tx = client.transaction();
        let handles = (tx.incr("{a}"), tx.incr("{b}"));
        let error = tx.exec(handles).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Argument, Some(Outcome::NotSent))
        );
        assert_eq!(error.position(), Some(1));

        // The client learns of a move only by sending.
        let slot = Client::slot_of("{t1}");
        let nodes = cluster.addresses();
        let owner = nodes.iter().position(|node| {
            let range = 16384 / 3;
            *node == nodes[usize::from(slot) / (range + 1)]
        });
        let from = owner.unwrap();
        let to = (from + 1) % 3;
        cluster
            .reshard([slot].into_iter(), &nodes[from], &nodes[to])
            .await
            .unwrap();
        let tx = client.transaction();
        let handles = (tx.incr("{t1}a"), tx.incr("{t1}b"));
        let (one, two) = tx.exec(handles).await.unwrap();
        assert_eq!((one.unwrap(), two.unwrap()), (2, 2));
        assert_eq!(client.get("{t1}a").await.unwrap().unwrap(), "2");
    })
    .await;
}
