//! Tests of connections that are replaced because of new credentials or because a reply asks for
//! that.

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::pool::{load, long_write};
use super::*;
use crate::connection::ConnectionFactory;
use crate::credentials::Credentials;
use crate::runtime::Tasks;
use crate::{ErrorKind, Outcome};

const SECOND: Duration = Duration::from_secs(1);

/// Replaces all workers while one of them writes 200 keys.
async fn replaced_in_a_long_write(
    server: &Server,
    timeout: Option<Duration>,
) -> (Client, JoinHandle<crate::Result<()>>) {
    let accepting = server.clone();
    let connect = move || {
        let server = accepting.clone();
        async move { server.connect() }
    };
    let options = options().min_connections(4).max_connections(8);
    let options = options.settled().unwrap();
    let target = options.target_through(Arc::new(connect));
    let login = target.login.clone();
    let factory = ConnectionFactory::new(target, options, Tasks::current().unwrap());
    let client = Client::start(factory).await.unwrap();
    let long = long_write(server, &client, timeout).await;
    let before = server.connections();
    login.set(Credentials::new(None, "other"));
    while server.connections() < before + 3 {
        client.set("k", 1).await.unwrap();
    }
    assert_eq!(long.is_finished(), timeout.is_some());
    (client, long)
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_calls_on_replaced_connections() {
    let server = Server::default();
    let (client, long) = replaced_in_a_long_write(&server, None).await;
    let closed = client.close_within(60 * SECOND).await;
    assert!(closed.is_complete(), "{closed:?}");
    assert!(long.is_finished());
    long.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn close_within_a_limit_counts_calls_on_replaced_connections() {
    let server = Server::default();
    let (client, long) = replaced_in_a_long_write(&server, None).await;
    let closed = client.close_within(SECOND).await;
    assert_eq!((closed.abandoned, closed.unanswered), (1, 1));
    let error = long.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Closed, Some(Outcome::MayHaveRun))
    );
    let written = server.written();
    assert!(
        server.settled().await > written + 100,
        "it is not interrupted"
    );
}

#[tokio::test(start_paused = true)]
async fn close_counts_a_write_that_has_timed_out_on_a_connection_that_was_closed_before() {
    let server = Server::default();
    let (client, long) = replaced_in_a_long_write(&server, Some(INTERVAL)).await;
    long.await.unwrap().unwrap_err();
    sleep(SECOND).await;
    let closed = client.close_within(Duration::ZERO).await;
    assert_eq!((closed.abandoned, closed.unanswered), (0, 1));
    server.settled().await;

    // It does not count once its reply has arrived.
    let server = Server::default();
    let (client, _long) = replaced_in_a_long_write(&server, Some(INTERVAL)).await;
    sleep(30 * SECOND).await;
    let closed = client.close_within(Duration::ZERO).await;
    assert!(closed.is_complete(), "{closed:?}");
}

/// Sets a key for a time, which always fails.
async fn write_in_vain(client: Client, task: usize, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        client.set(format!("k{task}"), 1).await.unwrap_err();
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_asking_for_other_connections_costs_few() {
    const PAUSE: Duration = Duration::from_secs(5);
    let server = Server::default();
    let options = options().min_connections(8).max_connections(8);
    let client = server.client(options.reconnect_max_delay(PAUSE)).await;
    load(&client, 8, 2 * SECOND).await;
    assert_eq!(server.connections(), 8);
    server.0.read_only.store(true, Ordering::Relaxed);
    let writers = (0..16).map(|task| write_in_vain(client.clone(), task, 4 * PAUSE - SECOND));
    writers.collect::<JoinSet<_>>().join_all().await;
    // Each is replaced at once, and then every five seconds.
    let opened = server.connections();
    assert!((8 * 3..=8 * 5).contains(&opened), "{opened}");
    server.0.read_only.store(false, Ordering::Relaxed);
    load(&client, 8, SECOND).await;
}
