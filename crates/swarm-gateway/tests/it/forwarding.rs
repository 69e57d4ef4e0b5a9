//! Commands that the gateway passes on to Redis as they are, in between others that it does not.

use swarm_gateway::Gateway;
use swarm_resp::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::redis::RedisServer;

/// Returns what is answered until the end of the connection.
async fn answers(address: &str, input: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(input).await.unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();
    String::from_utf8_lossy(&answers).into_owned()
}

#[tokio::test]
async fn a_pipeline_is_answered_as_by_redis() {
    let Some(redis) = RedisServer::start(&[]) else {
        return;
    };
    let url = format!("redis://{}", redis.address());
    let gateway = Gateway::builder().redis(url).start().await.unwrap();
    let large = "x".repeat(100_000);
    let input = [
        "*1\r\n$4\r\nPING\r\nset k  'two words'\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n",
        "*0\r\n\r\n*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$100000\r\n",
        &large,
        "\r\n*2\r\n$6\r\nSTRLEN\r\n$1\r\nl\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n",
        "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\nEXEC\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$3\r\n\0\r\n\r\n",
        "GET b\r\nXREAD BLOCK 1 STREAMS s $\r\nSUBSCRIBE c d\r\nPING\r\nUNSUBSCRIBE\r\nNOSUCH\r\n",
        "HELLO 3\r\n*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\nmaxmemory\r\nGET none\r\nRESET\r\n",
        "GET none\r\nQUIT\r\nGET k\r\n",
    ]
    .concat();
    let normal = |text: String| {
        let id = text.split("$2\r\nid\r\n").nth(1);
        let id = id.and_then(|rest| rest.split("\r\n").next());
        id.map_or_else(|| text.clone(), |id| text.replacen(id, ":id", 1))
    };
    let flush = b"FLUSHALL\r\nQUIT\r\n";
    answers(redis.address(), flush).await;
    let expected = answers(redis.address(), input.as_bytes()).await;
    answers(redis.address(), flush).await;
    let tcp = gateway.tcp_url().trim_start_matches("redis://");
    let answered = answers(tcp, input.as_bytes()).await;
    // The gateway has its own greeting, and leaves out the server's name.
    let end = |text: &str| {
        text.split("$7\r\nmodules\r\n*0\r\n")
            .nth(1)
            .map(str::to_owned)
    };
    assert_eq!(end(&answered), end(&expected));
    let start = |text: &str| text.split("%7\r\n").next().map(str::to_owned);
    assert_eq!(start(&normal(answered)), start(&normal(expected)));
    assert_eq!(gateway.executions("GET"), 4);
    assert_eq!(gateway.executions("INCR"), 2);
}

#[tokio::test]
async fn faults_apply_to_commands_that_are_passed_on() {
    let Some(redis) = RedisServer::start(&[]) else {
        return;
    };
    let url = format!("redis://{}", redis.address());
    let gateway = Gateway::builder().redis(url).start().await.unwrap();
    let tcp = gateway.tcp_url().trim_start_matches("redis://");
    let faults = gateway.faults();
    faults.answer("STRLEN", Frame::simple("planned"));
    faults.missing_reply("ECHO");
    let input = b"PING\r\nSET k v\r\nSTRLEN k\r\nSTRLEN k\r\nECHO lost\r\nECHO kept\r\nQUIT\r\n";
    let expected = "+PONG\r\n+OK\r\n+planned\r\n:1\r\n$4\r\nkept\r\n+OK\r\n";
    assert_eq!(answers(tcp, input).await, expected);
    faults.cut_after("INCR");
    assert_eq!(
        answers(tcp, b"PING\r\nINCR n\r\nINCR n\r\n").await,
        "+PONG\r\n"
    );
    assert_eq!(answers(tcp, b"POST / HTTP/1.1\r\nSET k w\r\n").await, "");
    assert_eq!(
        answers(tcp, b"GET k\r\nQUIT\r\n").await,
        "$1\r\nv\r\n+OK\r\n"
    );
    let malformed = answers(tcp, b"GET k\r\n*1\r\n:1\r\n").await;
    assert!(
        malformed.ends_with("-ERR Protocol error: expected '$', got ':'\r\n"),
        "{malformed}"
    );
}
