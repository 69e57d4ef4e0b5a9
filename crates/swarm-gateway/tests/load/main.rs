//! A thousand concurrent WebSocket connections, and subscribers that never read: no errors, bounded
//! memory.
//!
//! For a longer run with figures: `cargo run --release -p swarm-gateway --example load -- 1000 30`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use swarm_gateway::Gateway;
use swarm_resp::{Decoder, Frame, Request};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const CONNECTIONS: usize = 1000;

/// Duration of the load.
const TIME: Duration = Duration::from_secs(3);

/// Number of subscribers that never read.
const SILENT: usize = 50;

/// Number and size of published messages: more than the gateway and the system buffer for a client
/// that does not read.
const MESSAGES: usize = 2000;
const SIZE: usize = 16 << 10;

/// Number of messages that the reading subscriber may lag behind: half of what the gateway buffers
/// for one that does not read.
const BEHIND: usize = (4 << 20) / SIZE;

/// Memory growth in KiB that is allowed for this process, clients included: 8 MiB per subscriber
/// that does not read, and 200 KiB per other client.
const ALLOWED: usize = SILENT * (8 << 10) + CONNECTIONS * 200;

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(gateway: &Gateway) -> Self {
        let connected = tokio_tungstenite::connect_async(gateway.ws_url()).await;
        Self(connected.unwrap().0)
    }

    async fn call(&mut self, request: Request) -> Frame {
        let message = Message::Binary(request.encoded().clone());
        self.0.send(message).await.unwrap();
        self.next().await
    }

    async fn next(&mut self) -> Frame {
        let message = timeout(Duration::from_secs(20), self.0.next()).await;
        let message = message.expect("timed out").unwrap().unwrap();
        Decoder::new().decode_message(message.into_data()).unwrap()
    }
}

/// Returns the first number after a word in a `/proc/self` file, if available.
fn about_this_process(file: &str, word: &str) -> Option<usize> {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Returns as many connections as the file descriptor limit permits; each takes two.
fn connections() -> usize {
    let files = about_this_process("limits", "Max open files").unwrap_or(1024);
    let connections = CONNECTIONS.min(files.saturating_sub(300) / 2);
    if connections < CONNECTIONS {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "{files} open files are too few: raise `ulimit -n`");
        eprintln!("only {connections} connections; raise `ulimit -n` above {files}");
    }
    connections
}

async fn set_and_get(mut client: Client, number: usize, mut go: watch::Receiver<bool>) -> usize {
    go.wait_for(|go| *go).await.unwrap();
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < TIME {
        let value = format!("{number}:{rounds}");
        let set = client.call(Request::new("SET", (number, &value))).await;
        assert_eq!(set.as_str(), Some("OK"));
        let get = client.call(Request::new("GET", number)).await;
        assert_eq!(get.as_str(), Some(value.as_str()));
        rounds += 1;
    }
    rounds
}

/// Publishes all messages, no faster than the reading subscriber can receive them under load. At
/// the end, no other client receives messages.
async fn publish(mut client: Client, mut go: watch::Receiver<bool>, unheard: Arc<Semaphore>) {
    go.wait_for(|go| *go).await.unwrap();
    let mut heard = None;
    for number in 0..MESSAGES {
        unheard.acquire().await.unwrap().forget();
        let message = format!("{number:0SIZE$}");
        let reply = client
            .call(Request::new("PUBLISH", ("news", message)))
            .await;
        heard = reply.as_integer();
    }
    assert_eq!(heard, Some(1), "who does not read is not cut off");
}

async fn subscribe(gateway: &Gateway) -> Client {
    let mut client = Client::connect(gateway).await;
    let reply = client.call(Request::new("SUBSCRIBE", "news")).await;
    assert!(reply.items().is_some());
    client
}

async fn hear(mut client: Client, unheard: Arc<Semaphore>) {
    for number in 0..MESSAGES {
        let message = client.next().await;
        let text = message.items().and_then(|mut items| items.nth(2)?.as_str());
        let heard: usize = text.unwrap().parse().unwrap();
        assert_eq!(heard, number);
        unheard.add_permits(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_with_subscribers_that_never_read() {
    let connections = connections();
    let gateway = swarm_gateway::test().await.unwrap();
    let before = about_this_process("status", "VmHWM:");
    let (start, go) = watch::channel(false);
    let (mut workers, mut others) = (JoinSet::new(), JoinSet::new());
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(subscribe(&gateway).await);
    }
    let unheard = Arc::new(Semaphore::new(BEHIND));
    others.spawn(hear(subscribe(&gateway).await, Arc::clone(&unheard)));
    others.spawn(publish(
        Client::connect(&gateway).await,
        go.clone(),
        unheard,
    ));
    for number in 0..connections {
        let client = Client::connect(&gateway).await;
        workers.spawn(set_and_get(client, number, go.clone()));
    }
    start.send_replace(true);
    let rounds = workers.join_all().await;
    others.join_all().await;
    assert!(
        rounds.iter().all(|rounds| *rounds > 0),
        "a connection starved"
    );
    let grown = about_this_process("status", "VmHWM:")
        .zip(before)
        .map_or(0, |(after, before)| after.saturating_sub(before));
    let commands = 2 * rounds.iter().sum::<usize>();
    println!("{connections} connections, {commands} commands, peak {grown} KiB");
    assert!(grown < ALLOWED, "{grown} KiB, more than {ALLOWED}");
}
