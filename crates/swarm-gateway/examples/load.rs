//! Load generator: many concurrent WebSocket connections, with throughput and memory use.
//!
//! ```text
//! cargo run --release -p swarm-gateway --example load -- 1000 30
//! ```
//!
//! The arguments are the number of connections and the duration in seconds. Gateway and clients
//! share one process, so the printed memory covers both. Half as many additional connections
//! subscribe to a channel and never read, to show that they do not slow down the others.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use swarm_gateway::Gateway;
use swarm_resp::Request;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Bytes, Message};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let connections = args.next().transpose()?.unwrap_or(100);
    let seconds = args.next().transpose()?.unwrap_or(5);
    let gateway = Gateway::builder().start().await?;
    let until = Instant::now() + Duration::from_secs(seconds);
    let commands = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for number in 0..connections {
        let url = gateway.ws_url().to_owned();
        clients.spawn(set_and_get(url, number, until, commands.clone()));
    }
    for _ in 0..connections / 2 {
        clients.spawn(listen(gateway.ws_url().to_owned(), until));
    }
    let mut most = 0;
    while let Some(ended) = clients.join_next().await {
        ended??;
        most = most.max(memory());
    }
    let commands = commands.load(Ordering::Relaxed);
    println!(
        "{connections} connections, {seconds} s: {} commands/s, no errors, peak {most} KiB",
        commands / seconds.max(1)
    );
    gateway.shutdown().await;
    Ok(())
}

/// Writes values, reads them back, publishes them, and checks each reply.
async fn set_and_get(
    url: String,
    number: u64,
    until: Instant,
    commands: Arc<AtomicU64>,
) -> Outcome<()> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let key = format!("key:{number}");
    let mut round = 0u64;
    while Instant::now() < until {
        round += 1;
        let value = format!("{number}:{round}");
        for (request, expected) in [
            (Request::new("SET", (&key, &value)), "+OK\r\n".to_owned()),
            (
                Request::new("GET", &key),
                format!("${}\r\n{value}\r\n", value.len()),
            ),
        ] {
            let message = Bytes::copy_from_slice(request.encoded());
            socket.send(Message::Binary(message)).await?;
            let reply = socket.next().await.ok_or("the connection ended")??;
            if reply.into_data() != expected.as_bytes() {
                return Err(format!("{key} has another client's value").into());
            }
            commands.fetch_add(1, Ordering::Relaxed);
        }
        if round.is_multiple_of(100) {
            let request = Request::new("PUBLISH", ("news", &value));
            let message = Bytes::copy_from_slice(request.encoded());
            socket.send(Message::Binary(message)).await?;
            socket.next().await.ok_or("the connection ended")??;
        }
    }
    Ok(())
}

/// Subscribes to a channel without reading messages.
async fn listen(url: String, until: Instant) -> Outcome<()> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let request = Request::new("SUBSCRIBE", "news");
    let message = Bytes::copy_from_slice(request.encoded());
    socket.send(Message::Binary(message)).await?;
    tokio::time::sleep_until(until.into()).await;
    Ok(())
}

/// Returns the memory use of the process in KiB, where available.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    (status.lines())
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
