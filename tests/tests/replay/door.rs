//! Connections to the gateway's listeners.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::json;
use swarm_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::resp;

/// Time after which a missing answer is a difference.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection of any kind.
pub(crate) enum Door {
    Tcp(Tcp),
    Ws(Box<Ws>),
    Http(String),
}

pub(crate) struct Tcp {
    stream: TcpStream,
    buffer: Vec<u8>,
    closed: bool,
}

pub(crate) struct Ws {
    socket: WebSocketStream<TcpStream>,
    json: bool,
    received: VecDeque<Vec<u8>>,
    closed: bool,
}

/// Returns the host and port of a URL.
pub(crate) fn address(url: &str) -> String {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.trim_end_matches('/').to_owned()
}

impl Door {
    /// Connects to a listener by the name that the recordings use.
    pub(crate) async fn open(gateway: &Gateway, name: &str) -> Self {
        match name {
            "tcp" => Self::Tcp(Tcp {
                stream: connect(gateway.tcp_url()).await,
                buffer: Vec::new(),
                closed: false,
            }),
            "http" => Self::Http(address(gateway.http_url())),
            _ => {
                let stream = connect(gateway.ws_url()).await;
                let (socket, _) = client_async(gateway.ws_url(), stream).await.unwrap();
                Self::Ws(Box::new(Ws {
                    socket,
                    json: name == "json",
                    received: VecDeque::new(),
                    closed: false,
                }))
            }
        }
    }

    /// Sends a command.
    pub(crate) async fn command(&mut self, args: &[Vec<u8>]) {
        match self {
            Self::Tcp(tcp) => tcp.send(&encoded(args)).await,
            Self::Ws(ws) if ws.json => {
                let texts: Vec<_> = args
                    .iter()
                    .map(|arg| String::from_utf8_lossy(arg))
                    .collect();
                let message = json!({ "cmd": texts[0], "args": texts[1..] });
                ws.send(Message::text(message.to_string())).await;
            }
            Self::Ws(ws) => ws.send(Message::binary(encoded(args))).await,
            Self::Http(_) => unreachable!("a request is sent and answered at once"),
        }
    }

    /// Returns as many answers as were recorded, or fewer if there are none for too long.
    pub(crate) async fn answers(&mut self, expected: &[Vec<u8>]) -> Vec<Vec<u8>> {
        match self {
            Self::Tcp(tcp) => tcp.answers(expected).await,
            Self::Ws(ws) => ws.answers(expected.len()).await,
            Self::Http(_) => Vec::new(),
        }
    }

    /// Returns everything that has arrived.
    pub(crate) fn arrived(&mut self) -> Vec<Vec<u8>> {
        match self {
            Self::Tcp(tcp) => {
                tcp.read_now();
                let rest = std::mem::take(&mut tcp.buffer);
                Vec::from_iter((!rest.is_empty()).then_some(rest))
            }
            Self::Ws(ws) => {
                while ws.read().now_or_never().is_some_and(|open| open) {}
                ws.received.drain(..).collect()
            }
            Self::Http(_) => Vec::new(),
        }
    }

    /// Returns everything that arrives within a short time.
    pub(crate) async fn rest(&mut self) -> Vec<Vec<u8>> {
        let wait = Duration::from_millis(30);
        match self {
            Self::Tcp(tcp) => while timeout(wait, tcp.read()).await.unwrap_or(false) {},
            Self::Ws(ws) => while timeout(wait, ws.read()).await.unwrap_or(false) {},
            Self::Http(_) => {}
        }
        self.arrived()
    }

    /// Returns whether the gateway closes the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let closing = async {
            loop {
                let open = match self {
                    Self::Tcp(tcp) => tcp.read().await,
                    Self::Ws(ws) => ws.read().await,
                    Self::Http(_) => true,
                };
                if !open {
                    return;
                }
            }
        };
        timeout(PATIENCE, closing).await.is_ok()
    }
}

async fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(address(url)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn encoded(args: &[Vec<u8>]) -> Vec<u8> {
    let mut encoded = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        encoded.extend(format!("${}\r\n", arg.len()).bytes());
        encoded.extend_from_slice(arg);
        encoded.extend(b"\r\n");
    }
    encoded
}

impl Tcp {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A connection that has ended shows as a missing answer.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads once. Returns `false` at the end.
    async fn read(&mut self) -> bool {
        if self.closed {
            return false;
        }
        let read = self.stream.read_buf(&mut self.buffer).await;
        self.closed = !read.is_ok_and(|read| read > 0);
        !self.closed
    }

    fn read_now(&mut self) {
        loop {
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(1..) => {}
                Ok(0) => return self.closed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.closed = true,
            }
        }
    }

    async fn answers(&mut self, expected: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let (count, _) = resp::frames(&expected.concat());
        let reading = async { while resp::frames(&self.buffer).0 < count && self.read().await {} };
        let _ = timeout(PATIENCE, reading).await;
        let mut answers = Vec::new();
        while let (Some(length), true) = (resp::frame(&self.buffer), answers.len() < count) {
            answers.push(self.buffer.drain(..length).collect());
        }
        answers
    }
}

impl Ws {
    pub(crate) async fn send(&mut self, message: Message) {
        // A connection that has ended shows as a missing answer.
        let _ = self.socket.send(message).await;
    }

    /// Reads one message. Returns `false` at the end.
    async fn read(&mut self) -> bool {
        if self.closed {
            return false;
        }
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => self.received.push_back(bytes.to_vec()),
            Some(Ok(Message::Text(text))) => self.received.push_back(text.as_bytes().to_vec()),
            Some(Ok(Message::Close(Some(close)))) => {
                let (code, reason) = (u16::from(close.code), close.reason.as_str());
                let close = format!("close {code:04x}:{reason}");
                self.received.push_back(close.into_bytes());
            }
            Some(Ok(_)) => {}
            None | Some(Err(_)) => self.closed = true,
        }
        !self.closed
    }

    async fn answers(&mut self, count: usize) -> Vec<Vec<u8>> {
        let reading = async { while self.received.len() < count && self.read().await {} };
        let _ = timeout(PATIENCE, reading).await;
        let count = count.min(self.received.len());
        self.received.drain(..count).collect()
    }
}
