//! Large announced lengths do not make the gateway allocate memory.

use swarm_gateway::Gateway;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::raw::{address, serves, upgrade};

/// Number of connections on each listener that announce more than they send.
const CONNECTIONS: usize = 200;

/// Memory in KiB that all of them may use together, including slack for other tests of this
/// process. Reserved address space costs nothing until bytes arrive.
const ALLOWED: usize = 256 << 10;

/// Returns the resident memory of this process in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn announced_lengths_allocate_no_memory() {
    let gateway = Gateway::builder()
        .max_message(1 << 30)
        .start()
        .await
        .unwrap();
    let Some(before) = resident() else {
        return eprintln!("SKIPPED: this system has no /proc/self/status");
    };
    let length = (1_u64 << 30).to_be_bytes();
    let ws = [&[0x82, 0xff], length.as_slice(), b"maskx"].concat();
    let tcp = b"*2\r\n$3\r\nGET\r\n$1073741000\r\nx";
    let http = b"POST /cmd HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\nx";
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        for (url, bytes) in [
            (gateway.ws_url(), ws.as_slice()),
            (gateway.tcp_url(), tcp),
            (gateway.http_url(), http),
        ] {
            let mut stream = TcpStream::connect(address(url)).await.unwrap();
            if url == gateway.ws_url() {
                upgrade(&mut stream, &mut Vec::new()).await;
            }
            stream.write_all(bytes).await.unwrap();
            open.push(stream);
        }
    }
    // Served only after the gateway has read everything before.
    serves(&gateway).await;
    let grown = resident().unwrap().saturating_sub(before);
    println!("{} connections: {grown} KiB", open.len());
    assert!(grown < ALLOWED, "{grown} KiB");
}
