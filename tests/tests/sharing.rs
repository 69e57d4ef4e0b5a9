//! Many tasks on one client: when some are canceled or time out, the others receive their own
//! replies.

use std::time::Duration;

use swarm_keydb::{Client, Outcome};
use swarm_tests::{cancel_after, connected_to, connected_with, dialects, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_share_one_client_and_half_are_cancelled() {
    for (name, dialect) in dialects() {
        let (_gateway, client) = connected_to(dialect).await;
        let tasks: Vec<_> = (0..200)
            .map(|task| {
                let client = client.clone();
                let polls = (task % 2 == 0).then(|| fastrand::u32(0..40));
                tokio::spawn(async move {
                    match polls {
                        Some(polls) => cancel_after(polls, read_own(&client, task)).await,
                        None => Some(read_own(&client, task).await),
                    }
                })
            })
            .collect();
        let mut survivors = 0;
        for task in tasks {
            survivors += usize::from(within(task).await.expect(name).is_some());
        }
        assert!(
            (100..200).contains(&survivors),
            "{name}: {survivors} of 200 survived"
        );
        // Replies still match requests afterwards.
        within(read_own(&client, 1000)).await;
    }
}

/// Repeatedly writes the task's own value and reads it back. Returns the number of rounds.
async fn read_own(client: &Client, task: u32) -> u32 {
    const ROUNDS: u32 = 20;
    let key = format!("task:{task}");
    for round in 0..ROUNDS {
        let value = format!("{task}/{round}");
        client.set(&key, &value).await.unwrap();
        let read = client.get(&key).await.unwrap();
        assert_eq!(read.as_deref(), Some(value.as_bytes()));
    }
    ROUNDS
}

#[tokio::test]
async fn a_late_reply_is_discarded() {
    let (gateway, client) = connected_with(|options| options).await;
    within(client.mset([("a", "1"), ("b", "2")])).await.unwrap();

    let hold = gateway.faults().hold("GET");
    let late = client
        .get("a")
        .no_retry()
        .timeout(Duration::from_millis(200));
    let error = within(late).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
    assert_eq!(error.command(), Some("GET"));

    // The next command is sent before the late reply arrives.
    let next = tokio::spawn({
        let client = client.clone();
        async move { client.get("b").await }
    });
    within(hold.reached(1)).await;
    hold.release();
    let value = within(next).await.unwrap().unwrap();
    assert_eq!(value.as_deref(), Some(b"2".as_slice()));
    assert_eq!(
        within(client.get("a")).await.unwrap().as_deref(),
        Some(b"1".as_slice())
    );
}
