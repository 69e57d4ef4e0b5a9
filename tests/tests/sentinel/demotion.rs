//! A primary that has become a replica, while the sentinels still name it.

use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, ErrorKind};
use swarm_tests::{Sentinels, within, within_secs};
use tokio::time::sleep;

use super::{LOOK, readonly_replies};

const TASKS: usize = 8;

/// A write that READONLY has answered proves that the server is no primary: no task sends it
/// another one, over no connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_primary_gets_no_write_after_it_has_said_readonly() {
    let Some(pair) = within_secs(30, Sentinels::start_with(1, 1, None)).await else {
        return;
    };
    let [primary, replica] = &pair.servers()[..] else {
        panic!("a pair");
    };
    let options = ClientOptions::new(pair.url())
        .request_timeout(Duration::from_millis(300))
        // Leaving does not depend on this option.
        .reconnect_on([] as [&str; 0]);
    let client = within(Client::connect(options)).await.unwrap();
    let exclusive = within(client.exclusive()).await.unwrap();
    within(exclusive.set("mine", 0)).await.unwrap();

    // The sentinel does not know yet.
    let server = within(Client::connect(&**primary)).await.unwrap();
    let port = replica.rsplit(':').next().unwrap();
    within(server.raw("REPLICAOF", ["127.0.0.1", port]))
        .await
        .unwrap();
    let tasks = (0..TASKS).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let mut readonly = Vec::new();
            while begun.elapsed() < Duration::from_secs(2) {
                let sent = Instant::now();
                let error = client.incr(format!("k{task}")).await.unwrap_err();
                assert!(sent.elapsed() < Duration::from_millis(500), "{error}");
                if error.is_code("READONLY") {
                    readonly.push((sent, Instant::now()));
                } else {
                    let text = format!("{error:#}");
                    assert_eq!(error.kind(), ErrorKind::Timeout, "{text}");
                }
            }
            readonly
        })
    });
    let mut readonly = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        readonly.extend(within(task).await.unwrap());
    }
    let first = readonly.iter().map(|(_, answered)| *answered).min();
    let first = first.expect("the first write is refused");
    for (sent, _) in &readonly {
        assert!(*sent <= first, "sent {:?} after READONLY", *sent - first);
    }
    let error = within(exclusive.set("mine", 1)).await.unwrap_err();
    assert!(!error.is_code("READONLY"), "{error}");
    let refused = readonly_replies(primary).await;
    assert_eq!(refused, readonly.len());
    assert!((1..=TASKS).contains(&refused), "{refused}");

    // It is the primary again.
    within(server.raw("REPLICAOF", ["NO", "ONE"]))
        .await
        .unwrap();
    within(async {
        while client.incr("k").await.is_err() {
            sleep(LOOK).await;
        }
    })
    .await;
    assert_eq!(readonly_replies(primary).await, refused);
}
