//! Fault injection: each fault takes effect at the requested moment and ends when released.

use std::time::Duration;

use swarm_resp::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::Client;

#[tokio::test]
async fn a_held_reply_keeps_its_order() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("get");
    client.send("SET k v").await;
    client.send("GET k").await;
    client.send("INCR n").await;
    assert_eq!(client.reply().await.as_str(), Some("OK"));
    hold.reached(1).await;
    gateway.faults().executed("INCR", 1).await;
    assert!(client.is_silent().await);
    assert_eq!(other.call("INCR n").await, "2");
    hold.release();
    assert_eq!(client.reply().await.as_str(), Some("v"));
    assert_eq!(client.reply().await.as_integer(), Some(1));
    assert_eq!(client.call("GET k").await, "\"v\"");
    assert_eq!(gateway.executions("INCR"), 2);
    assert_eq!(gateway.executions("incr"), 2);
    assert_eq!(gateway.executions("DEL"), 0);
}

#[tokio::test]
async fn dropping_a_hold_releases_replies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("PING");
    client.send("PING").await;
    hold.reached(1).await;
    drop(hold);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn delay_delays_replies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let by = Duration::from_millis(50);
    gateway.faults().delay("GET", by);
    let before = Instant::now();
    assert_eq!(client.call("GET k").await, "nil");
    assert!(before.elapsed() >= by);
}

#[tokio::test]
async fn cut_after_runs_the_command_but_sends_no_reply() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    gateway.faults().cut_after("INCR");
    client.send("PING").await;
    client.send("INCR n").await;
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
    assert_eq!(client.ending().await, None);
    let mut again = Client::connect(&gateway).await;
    assert_eq!(again.call("GET n").await, "\"1\"");
    assert_eq!(again.call("INCR n").await, "2");
}

#[tokio::test]
async fn a_frozen_gateway_accepts_but_never_answers() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
    let freeze = gateway.faults().freeze();
    client.send("PING").await;
    assert!(client.is_silent().await);
    let wait = Duration::from_millis(100);
    let connecting = timeout(wait, Client::connect(&gateway)).await;
    assert!(connecting.is_err());
    drop(freeze);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn cut_within_sends_the_first_bytes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway.tcp_url().trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    gateway.faults().cut_within("ECHO", 6);
    let commands = b"PING\r\nECHO hello\r\nPING\r\n";
    stream.write_all(commands).await.unwrap();
    let mut got = Vec::new();
    // The cut may reset the connection, but data that was sent arrives first.
    let _ = stream.read_to_end(&mut got).await;
    assert_eq!(got, b"+PONG\r\n$5\r\nhe");
    let mut client = Client::connect(&gateway).await;
    gateway.faults().cut_within("ECHO", 5);
    client.send("PING").await;
    client.send("ECHO hello").await;
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
    assert_eq!(client.ending().await, None);
}

#[tokio::test]
async fn pushes_arrive_at_any_time() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("PING").await;
    assert_eq!(gateway.faults().push(&["invalidate", "x"]), 1);
    assert_eq!(
        client.wire().await,
        b"*2\r\n$10\r\ninvalidate\r\n$1\r\nx\r\n"
    );
    client.send("HELLO 3").await;
    client.reply().await;
    gateway.faults().push(&["unknown"]);
    assert_eq!(client.wire().await, b">1\r\n$7\r\nunknown\r\n");
}

#[tokio::test]
async fn refuse_closes_new_connections() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let refusal = gateway.faults().refuse();
    let connecting = tokio_tungstenite::connect_async(gateway.ws_url());
    assert!(connecting.await.is_err());
    assert_eq!(client.call("PING").await, "\"PONG\"");
    drop(refusal);
    let mut other = Client::connect(&gateway).await;
    assert_eq!(other.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn surplus_and_missing_replies_shift_later_ones() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    gateway.faults().surplus_reply("ECHO");
    assert_eq!(client.call("ECHO a").await, "\"a\"");
    assert!(client.is_silent().await);
    assert_eq!(client.call("ECHO b").await, "\"a\"");
    assert_eq!(client.call("PING").await, "\"b\"");
    let mut other = Client::connect(&gateway).await;
    gateway.faults().missing_reply("ECHO");
    other.send("ECHO a").await;
    assert_eq!(other.call("ECHO b").await, "\"b\"");
}

#[tokio::test]
async fn answers_replace_calls_in_order() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let faults = gateway.faults();
    faults.answer("evalsha", Frame::error("NOSCRIPT No matching script."));
    faults.answer_times("EVALSHA", Frame::integer(7), 2);
    faults.answer_times("EVALSHA", Frame::integer(8), 0);
    faults.answer_error("EVALSHA", "BUSY");
    let call = "EVALSHA 0000 0";
    assert_eq!(client.call(call).await, "-NOSCRIPT No matching script.");
    assert_eq!(client.call(call).await, "7");
    assert_eq!(client.call(call).await, "7");
    assert_eq!(client.call(call).await, "-BUSY");
    assert_eq!(gateway.executions("EVALSHA"), 0);
    // Then the command runs.
    assert!(client.call(call).await.starts_with("-NOSCRIPT"));
    // Commands that the gateway handles itself are answered too, and a hold applies to answers.
    faults.answer(
        "HELLO",
        Frame::error("NOPROTO unsupported protocol version"),
    );
    assert!(client.call("HELLO 3").await.starts_with("-NOPROTO"));
    let hold = faults.hold("GET");
    faults.answer("GET", Frame::bulk("invented"));
    client.send("GET k").await;
    hold.reached(1).await;
    assert!(client.is_silent().await);
    hold.release();
    assert_eq!(client.reply().await.as_str(), Some("invented"));
}

#[tokio::test]
async fn a_cut_ends_idle_connections() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut ws = Client::connect(&gateway).await;
    ws.call("PING").await;
    let tcp = gateway.tcp_url().trim_start_matches("redis://");
    let mut tcp = TcpStream::connect(tcp).await.unwrap();
    tcp.write_all(b"PING\r\n").await.unwrap();
    let mut pong = [0; 7];
    tcp.read_exact(&mut pong).await.unwrap();
    let http = gateway.http_url().trim_start_matches("http://");
    let mut http = TcpStream::connect(http).await.unwrap();
    let request = b"GET /exists/k HTTP/1.1\r\nHost: gateway\r\n\r\n";
    http.write_all(request).await.unwrap();
    let mut head = [0; 12];
    http.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");

    assert_eq!(gateway.faults().cut(), 3);
    assert_eq!(ws.ending().await, None);
    assert_eq!(tcp.read(&mut pong).await.unwrap(), 0);
    // The rest of the response, then the end.
    http.read_to_end(&mut Vec::new()).await.unwrap();

    let mut again = Client::connect(&gateway).await;
    assert_eq!(again.call("PING").await, "\"PONG\"");
    assert_eq!(gateway.faults().cut(), 1);
}

#[tokio::test]
async fn a_cut_of_subscribers_spares_other_connections() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut subscriber = Client::connect(&gateway).await;
    let mut former = Client::connect(&gateway).await;
    client.call("PING").await;
    subscriber.call("PSUBSCRIBE n*").await;
    former.call("SUBSCRIBE news").await;
    assert_eq!(former.call("RESET").await, "\"RESET\"");
    assert_eq!(gateway.faults().cut_subscribers(), 1);
    assert_eq!(subscriber.ending().await, None);
    assert_eq!(client.call("PING").await, "\"PONG\"");
    assert_eq!(former.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn held_pushes_arrive_later_and_lost_ones_never() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut subscriber = Client::connect(&gateway).await;
    subscriber.call("HELLO 3").await;
    subscriber.call("SUBSCRIBE news").await;
    let hold = gateway.faults().hold_pushes();
    assert_eq!(client.call("PUBLISH news 1").await, "1");
    assert_eq!(client.call("PUBLISH news 2").await, "1");
    hold.reached(2).await;
    // Replies still arrive.
    assert_eq!(subscriber.call("PING").await, "\"PONG\"");
    hold.release();
    for expected in ["1", "2"] {
        let push = subscriber.reply().await;
        let message = push.items().unwrap().nth(2).unwrap();
        assert_eq!(message.as_str(), Some(expected));
    }

    let loss = gateway.faults().lose_pushes();
    // The fault applies to new connections too.
    let mut late = Client::connect(&gateway).await;
    late.call("HELLO 3").await;
    late.call("SUBSCRIBE news").await;
    assert_eq!(client.call("PUBLISH news 3").await, "2");
    loss.reached(2).await;
    drop(loss);
    assert_eq!(client.call("PUBLISH news 4").await, "2");
    for subscriber in [&mut subscriber, &mut late] {
        let push = subscriber.reply().await;
        let message = push.items().unwrap().nth(2).unwrap();
        assert_eq!(message.as_str(), Some("4"));
    }
}

#[tokio::test]
async fn a_newer_push_fault_replaces_the_older_one() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut subscriber = Client::connect(&gateway).await;
    subscriber.call("HELLO 3").await;
    subscriber.call("SUBSCRIBE news").await;
    let hold = gateway.faults().hold_pushes();
    client.call("PUBLISH news 1").await;
    let loss = gateway.faults().lose_pushes();
    let push = subscriber.reply().await;
    let message = push.items().unwrap().nth(2).unwrap();
    assert_eq!(message.as_str(), Some("1"));
    // The older guard no longer matters.
    drop(hold);
    client.call("PUBLISH news 2").await;
    loss.reached(1).await;
    assert_eq!(subscriber.call("PING").await, "\"PONG\"");
}
