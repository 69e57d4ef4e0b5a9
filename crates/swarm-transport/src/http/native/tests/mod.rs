//! The HTTP transport against a server that each test scripts.

mod exchanges;
mod faults;
mod replies;
#[cfg(feature = "tls")]
mod secure;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::HttpConnector;
use crate::{BoxTransport, Connect, Endpoint, TransportError, TransportOptions};

/// Fails the test if the future hangs.
async fn with_timeout<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("timed out")
}

/// A request as received by the server.
#[derive(Debug)]
struct Seen {
    head: String,
    body: String,
}

impl Seen {
    fn is_probe(&self) -> bool {
        self.body == r#"{"cmd":"PING","args":[]}"#
    }
}

/// The server's reaction to a request.
enum Does {
    Answers(String),
    /// Writes this text and closes the connection.
    Cuts(&'static str),
}

fn ok(result: &str) -> Does {
    answer("200 OK", &format!(r#"{{"result":{result}}}"#))
}

fn answer(status: &str, body: &str) -> Does {
    Does::Answers(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

#[derive(Default)]
struct Counters {
    connections: AtomicUsize,
    /// Without the PING sent on connect.
    requests: AtomicUsize,
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    Some(Seen { head, body })
}

/// Starts a server that answers the PING sent on connect, and passes all other requests to
/// `script`.
async fn serve<F, Fut>(script: F) -> (Endpoint, Arc<Counters>)
where
    F: Fn(Seen) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Does> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counters = Arc::new(Counters::default());
    let (script, counting) = (Arc::new(script), Arc::clone(&counters));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counting.connections.fetch_add(1, Ordering::SeqCst);
            let (script, counting) = (Arc::clone(&script), Arc::clone(&counting));
            tokio::spawn(async move {
                while let Some(seen) = read_request(&mut stream).await {
                    let does = if seen.is_probe() {
                        ok(r#""PONG""#)
                    } else {
                        counting.requests.fetch_add(1, Ordering::SeqCst);
                        script(seen).await
                    };
                    match does {
                        Does::Answers(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                        Does::Cuts(text) => {
                            stream.write_all(text.as_bytes()).await.unwrap();
                            break;
                        }
                    }
                }
            });
        }
    });
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}/base/")).unwrap();
    (endpoint, counters)
}

async fn dial(
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<BoxTransport, TransportError> {
    with_timeout(HttpConnector::new(endpoint, options).unwrap().connect()).await
}

async fn start(transport: &mut BoxTransport, request: Request) {
    transport.check(request.view()).unwrap();
    with_timeout(poll_fn(|cx| transport.poll_ready(cx)))
        .await
        .unwrap();
    transport.start_send(request.view()).unwrap();
    with_timeout(poll_fn(|cx| transport.poll_flush(cx)))
        .await
        .unwrap();
}

async fn receive(transport: &mut BoxTransport) -> Result<Frame, TransportError> {
    with_timeout(poll_fn(|cx| transport.poll_receive(cx))).await
}

async fn call(transport: &mut BoxTransport, request: Request) -> Result<Frame, TransportError> {
    start(transport, request).await;
    receive(transport).await
}
