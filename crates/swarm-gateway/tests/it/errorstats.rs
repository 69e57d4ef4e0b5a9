//! What INFO says about errors, compared with a Redis.

use swarm_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::redis::RedisServer;

/// Sends lines and returns everything that is answered until the end of the connection.
async fn answers(address: &str, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = [&lines.join("\r\n"), "\r\nQUIT\r\n"].concat();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    answers
}

#[tokio::test]
async fn errors_are_counted_by_code_as_in_redis() {
    let Some(redis) = RedisServer::start(&[]) else {
        return;
    };
    let gateway = Gateway::builder().start().await.unwrap();
    let gateway = gateway.tcp_url().trim_start_matches("redis://");
    let lines = [
        "GET",
        "NOSUCH",
        "SET k v",
        "INCR k",
        "XADD k * f v",
        "EXEC",
        "MULTI",
        "INCR k",
        "XLEN k",
        "EXEC",
        "MULTI",
        "GET",
        "EXEC",
        "EVALSHA 00 0",
        "EVAL \"return redis.pcall('XLEN', KEYS[1])\" 1 k",
        "XREADGROUP GROUP g c STREAMS s >",
        "HELLO 9",
        "AUTH a b",
        "INFO errorstats",
        "CONFIG RESETSTAT",
        "XLEN k",
        "INFO errorstats",
    ];
    let expected = answers(redis.address(), &lines).await;
    assert!(expected.contains("errorstat_WRONGTYPE:count=3\r\n"));
    assert_eq!(answers(gateway, &lines).await, expected);
}

/// A command that is not known is a null string, not a null array.
#[tokio::test]
async fn an_unknown_command_is_described_as_in_redis() {
    let Some(redis) = RedisServer::start(&[]) else {
        return;
    };
    let gateway = Gateway::builder().start().await.unwrap();
    let gateway = gateway.tcp_url().trim_start_matches("redis://");
    for lines in [
        &["COMMAND INFO nosuch"][..],
        &["HELLO 9", "COMMAND INFO x y"],
    ] {
        let expected = answers(redis.address(), lines).await;
        assert_eq!(answers(gateway, lines).await, expected);
    }
}
