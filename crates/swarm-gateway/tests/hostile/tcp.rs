//! Hostile input to the TCP listener.

use crate::raw::throw_all;

#[tokio::test]
async fn malformed_commands() {
    let gateway = swarm_gateway::test().await.unwrap();
    let error = "-ERR Protocol error: ";
    let flood = vec![b'x'; 4 << 20];
    let zeros = vec![0; 1 << 20];
    let nested = b"*1\r\n".repeat(100_000);
    let many = [&b"*100000000\r\n"[..], &b"$0\r\n\r\n".repeat(1000)].concat();
    let digits = [&b"*"[..], &b"9".repeat(1 << 20)].concat();
    let cases: Vec<(&[u8], &str)> = vec![
        (b"", ""),
        (b"\r\n\r\n\n", ""),
        (b"*0\r\n*-1\r\n", ""),
        (b"*1\r\n$1073741824\r\n", error),
        (b"*1\r\n$1073741824\r\nabc", error),
        (b"*1\r\n$-5\r\nabc\r\n", error),
        (b"*1\r\n$-1\r\n", error),
        (b"*1\r\n$99999999999999999999999\r\n", error),
        (b"*1073741824\r\n", error),
        (b"*-2\r\n", ""),
        (b"*x\r\n", error),
        (b"*1\r\n:1\r\n", error),
        (b"*1\r\n%1\r\n", error),
        (b"*1\r\n$4\r\nPINGxx", error),
        // Truncated frames.
        (b"*", ""),
        (b"*2\r\n$3\r\nGET\r\n$1", ""),
        (b"*2\r\n$3\r\nGET\r\n$100\r\nhalf", ""),
        (b"PING", ""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "-ERR wrong number"),
        (b"POST / HTTP/1.1\r\n\r\n", ""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""),
        (&flood, error),
        (&zeros, error),
        (&nested, error),
        (&many, error),
        (&digits, error),
    ];
    throw_all(&gateway, gateway.tcp_url(), &cases).await;
}
