//! AUTH, HELLO, and malformed messages.

use swarm_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;

#[tokio::test]
async fn commands_require_authentication() {
    let gateway = Gateway::builder().password("secret").start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
    for line in ["GET k", "HELLO 3", "NOSUCH"] {
        let reply = client.call(line).await;
        assert_eq!(reply, "-NOAUTH Authentication required.", "{line}");
    }
    assert!(client.call("AUTH wrong").await.contains("WRONGPASS"));
    assert!(
        client
            .call("AUTH user secret")
            .await
            .contains("ERR wrong number")
    );
    assert!(client.call("GET k").await.contains("NOAUTH"));
    assert_eq!(client.call("AUTH secret").await, "\"OK\"");
    assert_eq!(client.call("GET k").await, "nil");
    // Authentication is per connection.
    let mut other = Client::connect(&gateway).await;
    assert!(other.call("GET k").await.contains("NOAUTH"));
}

#[tokio::test]
async fn without_a_password_any_password_is_accepted() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("AUTH anything").await, "\"OK\"");
}

#[tokio::test]
async fn hello_sets_the_protocol_of_one_connection() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut one = Client::connect(&gateway).await;
    let mut two = Client::connect(&gateway).await;
    one.send("HELLO 3").await;
    assert!(
        one.wire()
            .await
            .starts_with(b"%7\r\n$6\r\nserver\r\n$10\r\nswarmkeydb\r\n")
    );
    one.send("GET k").await;
    assert_eq!(one.wire().await, b"_\r\n");
    two.send("GET k").await;
    assert_eq!(two.wire().await, b"$-1\r\n");
    two.send("HELLO").await;
    assert!(two.wire().await.starts_with(b"*14\r\n"));
    let refused = "-NOPROTO unsupported protocol version";
    assert_eq!(one.call("HELLO 4").await, refused);
    one.send("HELLO 2").await;
    assert!(one.wire().await.starts_with(b"*14\r\n"));
    one.send("GET k").await;
    assert_eq!(one.wire().await, b"$-1\r\n");
}

#[tokio::test]
async fn malformed_messages_do_not_end_the_connection() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    for message in [
        &b"*1\r\n$4\r\nPI"[..],
        b"*x\r\n",
        b"*1\r\n$1073741824\r\nx\r\n",
        b"*1073741824\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n*1\r\n$4\r\nPING\r\n",
        b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    ] {
        client.send_bytes(message).await;
        let reply = client.reply().await.to_string();
        assert!(reply.starts_with("(error) ERR Protocol error: "), "{reply}");
    }
    client.send_bytes(b"").await;
    client.send_bytes(b" \r\n").await;
    client.send_bytes(b"*0\r\n").await;
    client.send_bytes(b"*-10\r\n").await;
    client.send_bytes(b"ECHO inline\r\n").await;
    assert_eq!(client.reply().await.as_str(), Some("inline"));
    client.send_bytes(b"ECHO \"two \\x77ords\"").await;
    assert_eq!(client.reply().await.as_str(), Some("two words"));
    client.send_bytes(b"ECHO \"two").await;
    let reply = client.reply().await.to_string();
    assert!(reply.contains("unbalanced quotes in request"), "{reply}");
}

#[tokio::test]
async fn an_oversized_message_ends_the_connection() {
    let gateway = Gateway::builder().max_message(1024).start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.send_bytes(&[b'x'; 2048]).await;
    let close = client.ending().await.expect("a close frame");
    assert_eq!(u16::from(close.code), 1009);
    // A message in fragments, and one that is announced only.
    let fragment = |first: u8| [&[first, 0xfe, 0x02, 0x00, 0, 0, 0, 0], &[b'x'; 512][..]].concat();
    let fragments = [fragment(0x02), fragment(0x00), fragment(0x00)].concat();
    let announced = [0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0];
    for bytes in [fragments.as_slice(), &announced] {
        let mut client = Client::connect(&gateway).await;
        client.send_raw(bytes).await;
        let close = client.ending().await.expect("a close frame");
        assert_eq!(u16::from(close.code), 1009);
    }
    let mut other = Client::connect(&gateway).await;
    assert_eq!(other.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn protocol_violations_close_with_the_right_code() {
    let gateway = swarm_gateway::test().await.unwrap();
    for (bytes, code) in [
        // Invalid UTF-8; a frame with a reserved bit; an undefined opcode.
        (&b"\x81\x81\0\0\0\0\xff"[..], 1007),
        (b"\xf2\x81\0\0\0\0x", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
    ] {
        let mut client = Client::connect(&gateway).await;
        client.send_raw(bytes).await;
        let close = client.ending().await.expect("a close frame");
        assert_eq!(u16::from(close.code), code, "{bytes:?}");
    }
}

#[tokio::test]
async fn plain_http_requests_are_rejected() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway
        .ws_url()
        .trim_start_matches("ws://")
        .trim_end_matches('/');
    for request in [
        "GET / HTTP/1.1\r\nhost: gateway\r\n\r\n",
        "*1\r\n$4\r\nPING\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{answer}"
        );
    }
}
