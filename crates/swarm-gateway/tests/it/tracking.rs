//! CLIENT TRACKING: each key that was read is invalidated once, and never before its reply.

use std::time::Duration;

use swarm_gateway::{Clock, Dialect, Gateway, Quirk};

use crate::client::Client;

async fn resp3(gateway: &Gateway) -> Client {
    let mut client = Client::connect(gateway).await;
    client.send("HELLO 3").await;
    client.reply().await;
    client
}

#[tokio::test]
async fn read_keys_are_invalidated_once() {
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let mut reader = resp3(&gateway).await;
    let mut writer = Client::connect(&gateway).await;
    assert_eq!(reader.call("CLIENT TRACKING ON").await, "\"OK\"");
    assert_eq!(reader.call("MGET a b").await, "[nil, nil]");
    writer.call("SET a 1").await;
    assert_eq!(
        reader.wire().await,
        b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"
    );
    // Keys already invalidated or never read cause no push: the next one is for `b`.
    writer.call("SET a 2").await;
    writer.call("SET c 1").await;
    writer.call("SET b 1 PX 1000").await;
    assert_eq!(
        reader.reply().await.to_string(),
        ">[\"invalidate\", [\"b\"]]"
    );
    // The client's own changes are announced too, after the reply.
    reader.call("GET b").await;
    assert_eq!(reader.call("SET b 2 PX 1000").await, "\"OK\"");
    assert_eq!(
        reader.reply().await.to_string(),
        ">[\"invalidate\", [\"b\"]]"
    );
    reader.call("GET b").await;
    clock.advance(Duration::from_secs(1));
    writer.call("PING").await;
    assert_eq!(
        reader.reply().await.to_string(),
        ">[\"invalidate\", [\"b\"]]"
    );
    reader.call("GET b").await;
    reader.call("CLIENT TRACKING OFF").await;
    writer.call("SET b 3").await;
    assert_eq!(reader.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn modes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut reader = resp3(&gateway).await;
    let mut writer = Client::connect(&gateway).await;
    reader
        .call("CLIENT TRACKING ON BCAST PREFIX user: NOLOOP")
        .await;
    writer.call("SET other 1").await;
    reader.call("SET user:1 1").await;
    writer.call("SET user:2 1").await;
    assert_eq!(
        reader.reply().await.to_string(),
        ">[\"invalidate\", [\"user:2\"]]"
    );
    let mut picky = resp3(&gateway).await;
    picky.call("CLIENT TRACKING ON OPTIN").await;
    picky.call("GET a").await;
    picky.call("CLIENT CACHING YES").await;
    picky.call("GET b").await;
    picky.call("GET c").await;
    writer.call("MSET a 1 c 1 b 1").await;
    assert_eq!(
        picky.reply().await.to_string(),
        ">[\"invalidate\", [\"b\"]]"
    );
    assert_eq!(picky.call("PING").await, "\"PONG\"");
    let refused = picky.call("CLIENT TRACKING ON PREFIX x").await;
    assert_eq!(
        refused,
        "-ERR PREFIX option requires BCAST mode to be enabled"
    );
}

#[tokio::test]
async fn deployed_servers_announce_every_key_in_resp2_too() {
    let dialect = Dialect::STANDARD.with(Quirk::TrackingEverything);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut reader = Client::connect(&gateway).await;
    let mut writer = Client::connect(&gateway).await;
    reader.call("CLIENT TRACKING ON").await;
    reader.call("SET own 1").await;
    writer.call("SET never-read 1").await;
    assert_eq!(
        reader.reply().await.to_string(),
        "[\"invalidate\", [\"never-read\"]]"
    );
}

#[tokio::test]
async fn invalidations_are_redirected_to_a_subscriber() {
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let mut reader = Client::connect(&gateway).await;
    let mut listener = Client::connect(&gateway).await;
    let id = listener.call("CLIENT ID").await;
    listener.call("SUBSCRIBE __redis__:invalidate").await;
    let refused = reader.call("CLIENT TRACKING ON REDIRECT 999999").await;
    assert_eq!(
        refused,
        "-ERR The client ID you want redirect to does not exist"
    );
    assert_eq!(reader.call("CLIENT GETREDIR").await, "-1");
    let redirect = format!("CLIENT TRACKING ON BCAST REDIRECT {id}");
    assert_eq!(reader.call(&redirect).await, "\"OK\"");
    assert_eq!(reader.call("CLIENT GETREDIR").await, id);
    let mut expect = async |keys: &str| {
        let message = listener.reply().await.to_string();
        let expected = format!("[\"message\", \"__redis__:invalidate\", {keys}]");
        assert_eq!(message, expected);
    };
    reader.call("MSET b 1 a 2 c 3").await;
    expect("[\"a\", \"b\", \"c\"]").await;
    reader.call("PEXPIRE b 1000").await;
    expect("[\"b\"]").await;
    // No command has to notice that the key has expired.
    clock.advance(Duration::from_secs(1));
    expect("[\"b\"]").await;
    reader.call("FLUSHALL").await;
    expect("nil").await;
}
