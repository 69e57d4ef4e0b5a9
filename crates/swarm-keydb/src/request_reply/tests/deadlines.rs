//! Tests that writes that take longer than the default timeout of 10 s, because of their number, do
//! not fail.

use tokio::time::Instant;

use super::*;

async fn client(server: &Server) -> Client {
    server.client(ClientOptions::default()).await
}

#[tokio::test(start_paused = true)]
async fn a_command_that_writes_many_keys_does_not_time_out() {
    let server = Server::default();
    let client = client(&server).await;
    client.mset(pairs()).await.unwrap();
    let keys: Vec<_> = pairs().into_iter().map(|(key, _)| key).collect();
    client.del(keys).await.unwrap();
    assert_eq!(server.written(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_long_pipeline_or_transaction_does_not_time_out() {
    let server = Server::default();
    let client = client(&server).await;
    let pipeline = client.pipeline();
    let handles: Vec<_> = pairs()
        .iter()
        .map(|(key, value)| pipeline.set(key, *value))
        .collect();
    for result in pipeline.send(handles).await {
        result.unwrap();
    }
    let tx = client.transaction();
    let handles: Vec<_> = pairs()
        .iter()
        .map(|(key, value)| tx.set(key, *value))
        .collect();
    for result in tx.exec(handles).await.unwrap() {
        result.unwrap();
    }
    assert_eq!(server.written(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_read_after_many_writes_does_not_time_out() {
    let server = Server::default();
    let client = server
        .client(ClientOptions::default().max_connections(1))
        .await;
    let start = Instant::now();
    let writes: Vec<_> = (0..150)
        .map(|n| tokio::spawn(client.set(format!("key:{n}"), n)))
        .collect();
    server.has_got("SET").await;
    assert!(client.get("k").await.unwrap().is_some());
    assert!(start.elapsed() >= 15 * Duration::from_secs(1));
    for write in writes {
        write.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_explicit_timeout_is_not_extended() {
    let server = Server::default();
    let client = client(&server).await;
    let start = Instant::now();
    let error = client
        .mset(pairs())
        .timeout(Duration::from_secs(10))
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    drop(client);
    assert_eq!(server.settled().await, 200);
}
