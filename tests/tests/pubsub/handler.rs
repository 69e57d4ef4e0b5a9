//! Event callbacks.

use swarm_keydb::Event;
use swarm_tests::{connected, within};
use tokio::sync::mpsc;

use super::hearing::payload;
use super::sharing::subscribers;

#[tokio::test]
async fn a_callback_receives_matching_messages_until_unsubscribed() {
    let (gateway, client) = connected().await;
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let handler = client.psubscribe_handler("sensor.*", move |event| {
        if let Event::Message(message) = event {
            heard.send((message.channel, message.payload)).unwrap();
        }
    });
    let handler = within(handler).await.unwrap();
    within(client.publish("sensor.temp", "22.5")).await.unwrap();
    let (channel, payload) = within(hearing.recv()).await.unwrap();
    assert_eq!(
        (channel.as_ref(), payload.as_ref()),
        (b"sensor.temp".as_slice(), b"22.5".as_slice())
    );
    within(handler.unsubscribe()).await;
    // The callback has been dropped, and the server has been notified.
    assert!(within(hearing.recv()).await.is_none());
    within(gateway.faults().executed("PUNSUBSCRIBE", 1)).await;
}

#[tokio::test]
async fn a_function_that_panics_harms_nobody_else() {
    let (_gateway, client) = connected().await;
    let mut other = within(client.subscribe("a")).await.unwrap();
    let handler = within(client.psubscribe_handler("b*", |_| panic!("on purpose")))
        .await
        .unwrap();
    let dropped = within(client.subscribe("c")).await.unwrap().handle(|_| {});
    within(client.publish("b", "x")).await.unwrap();
    within(async { while within(client.pubsub_numpat()).await.unwrap() > 0 {} }).await;
    drop(dropped);
    subscribers(&client, "c", 0).await;
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut other).await, "x");
    assert!(handler.is_finished());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_never_idle_can_be_ended() {
    let (_gateway, client) = connected().await;
    let handler = within(client.psubscribe_handler("*", |_| {}))
        .await
        .unwrap();
    let publishing = tokio::spawn({
        let client = client.clone();
        async move { while client.publish("a", "x").await.unwrap() > 0 {} }
    });
    within(handler.unsubscribe()).await;
    within(publishing).await.unwrap();
}
