//! Pub/Sub channels and patterns.

use crate::client::Client;

#[tokio::test]
async fn resp2_messages_are_arrays() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut listener = Client::connect(&gateway).await;
    let mut speaker = Client::connect(&gateway).await;
    listener.send("SUBSCRIBE a b").await;
    assert_eq!(
        listener.wire().await,
        b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    );
    assert_eq!(
        listener.reply().await.to_string(),
        "[\"subscribe\", \"b\", 2]"
    );
    assert_eq!(
        listener.call("PSUBSCRIBE a*").await,
        "[\"psubscribe\", \"a*\", 3]"
    );
    assert_eq!(speaker.call("PUBLISH a hi").await, "2");
    assert_eq!(
        listener.wire().await,
        b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
    );
    assert_eq!(
        listener.reply().await.to_string(),
        "[\"pmessage\", \"a*\", \"a\", \"hi\"]"
    );
    assert_eq!(speaker.call("PUBLISH none hi").await, "0");
    assert_eq!(speaker.call("PUBSUB CHANNELS").await, "[\"a\", \"b\"]");
    assert_eq!(
        speaker.call("PUBSUB NUMSUB a x").await,
        "[\"a\", 1, \"x\", 0]"
    );
    assert_eq!(speaker.call("PUBSUB NUMPAT").await, "1");
    let refused = listener.call("GET k").await;
    assert!(
        refused.starts_with("-ERR Can't execute 'get': only (P|S)SUBSCRIBE"),
        "{refused}"
    );
    assert_eq!(listener.call("PING").await, "[\"pong\", \"\"]");
    assert_eq!(
        listener.call("UNSUBSCRIBE b").await,
        "[\"unsubscribe\", \"b\", 2]"
    );
    assert_eq!(
        listener.call("UNSUBSCRIBE").await,
        "[\"unsubscribe\", \"a\", 1]"
    );
    assert_eq!(
        listener.call("PUNSUBSCRIBE").await,
        "[\"punsubscribe\", \"a*\", 0]"
    );
    assert_eq!(
        listener.call("PUNSUBSCRIBE").await,
        "[\"punsubscribe\", nil, 0]"
    );
    assert_eq!(listener.call("GET k").await, "nil");
    assert_eq!(speaker.call("PUBLISH a hi").await, "0");
}

#[tokio::test]
async fn resp3_pushes_arrive_between_replies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.send("HELLO 3").await;
    client.reply().await;
    client.send("SUBSCRIBE a").await;
    assert_eq!(
        client.wire().await,
        b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    );
    assert_eq!(client.call("SET k v").await, "\"OK\"");
    client.send("PUBLISH a me").await;
    assert_eq!(
        client.wire().await,
        b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nme\r\n"
    );
    assert_eq!(client.reply().await.as_integer(), Some(1));
}

#[tokio::test]
async fn closing_a_connection_ends_its_subscriptions() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut listener = Client::connect(&gateway).await;
    let mut speaker = Client::connect(&gateway).await;
    listener.call("SUBSCRIBE a").await;
    assert_eq!(listener.call("QUIT").await, "\"OK\"");
    listener.ending().await;
    assert_eq!(speaker.call("PUBSUB CHANNELS").await, "[]");
    let mut again = Client::connect(&gateway).await;
    again.call("SUBSCRIBE a").await;
    assert_eq!(again.call("RESET").await, "\"RESET\"");
    assert_eq!(speaker.call("PUBLISH a x").await, "0");
}

#[tokio::test]
async fn a_slow_subscriber_is_disconnected_and_delays_no_other() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut listener = Client::connect(&gateway).await;
    let mut speaker = Client::connect(&gateway).await;
    listener.call("SUBSCRIBE a").await;
    let publish = format!("PUBLISH a {}", "x".repeat(1 << 20));
    let mut heard = 1;
    for _ in 0..100 {
        speaker.send(&publish).await;
        heard = speaker.reply().await.as_integer().unwrap();
        if heard == 0 {
            break;
        }
    }
    assert_eq!(heard, 0, "100 MiB went to a listener that reads nothing");
}
