//! A server as slow as SwarmKeyDb, which aborts commands of closed connections, never aborts one
//! because of this client.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome};
use swarm_tests::within;

const KEYS: usize = 200;

/// How the client leaves the connection while the server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Deadline,
    Future,
    Client,
    CloseWithin,
    Close,
}

fn names(prefix: &str) -> Vec<String> {
    (0..KEYS).map(|n| format!("{prefix}:{n}")).collect()
}

async fn write(
    client: Client,
    names: Vec<String>,
    transaction: bool,
    timeout: Duration,
) -> swarm_keydb::Result<()> {
    if transaction {
        let tx = client.transaction().timeout(timeout);
        let handles: Vec<_> = names.iter().map(|name| tx.set(name, "v")).collect();
        tx.exec(handles).await?.into_iter().collect()
    } else {
        let pairs = names.iter().map(|name| (name, "v"));
        client.mset(pairs).timeout(timeout).await
    }
}

async fn leave(url: &str, watcher: &Client, leaving: Leaving, transaction: bool) {
    let what = format!("{leaving:?}, transaction {transaction}, {url}");
    let names = names(&what);
    let client = within(Client::connect(ClientOptions::new(url)))
        .await
        .unwrap();
    let timeout = match leaving {
        Leaving::Deadline => Duration::from_millis(100),
        _ => Duration::from_secs(60),
    };
    let writing = tokio::spawn(write(client.clone(), names.clone(), transaction, timeout));
    within(async { while watcher.exists(&names[3]).await.unwrap() == 0 {} }).await;
    match leaving {
        Leaving::Deadline => {
            let error = within(writing).await.unwrap().unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Timeout, Some(Outcome::MayHaveRun)),
                "{what}"
            );
            drop(client);
        }
        Leaving::Future | Leaving::Client => {
            writing.abort();
            assert!(within(writing).await.unwrap_err().is_cancelled());
            if leaving == Leaving::Future {
                within(client.get("k")).await.unwrap();
            }
            drop(client);
        }
        Leaving::CloseWithin => {
            let closed = within(client.close_within(Duration::ZERO)).await;
            assert_eq!((closed.abandoned, closed.unanswered), (1, 1), "{what}");
            let error = within(writing).await.unwrap().unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Closed, Some(Outcome::MayHaveRun)),
                "{what}"
            );
        }
        Leaving::Close => {
            within(client.close()).await;
            within(writing)
                .await
                .unwrap()
                .unwrap_or_else(|error| panic!("{what}: {error}"));
        }
    }
    let all = async { while watcher.exists(&names).await.unwrap() < KEYS as u64 {} };
    let done = tokio::time::timeout(Duration::from_secs(30), all).await;
    assert!(done.is_ok(), "{what}: half of it is missing for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_way_a_connection_is_left() {
    let gateway = Gateway::builder()
        .ws("127.0.0.1:0")
        .tcp("127.0.0.1:0")
        .dialect(Dialect::UPSTREAM)
        .write_queue(WriteQueue::new().interval(Duration::from_millis(2)))
        .start()
        .await
        .unwrap();
    let watcher = within(Client::connect(gateway.ws_url())).await.unwrap();
    for url in [gateway.ws_url(), gateway.tcp_url()] {
        for leaving in [
            Leaving::Deadline,
            Leaving::Future,
            Leaving::Client,
            Leaving::CloseWithin,
            Leaving::Close,
        ] {
            for transaction in [false, true] {
                leave(url, &watcher, leaving, transaction).await;
            }
        }
    }
}
