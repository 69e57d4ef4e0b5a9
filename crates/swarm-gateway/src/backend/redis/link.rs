//! One client's connection to the upstream server.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use swarm_resp::{Decoder, Protocol, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use super::exchange::{Expected, Owed};
use super::url::Address;
use crate::backend::{Called, Client, Link};

/// A line that connects with the first command.
pub(super) struct RedisLink {
    address: Arc<Address>,
    client: Client,
    owed: Arc<Owed>,
    upstream: Arc<Mutex<Option<Upstream>>>,
    /// Commands that go ahead of the next one.
    ahead: Vec<Request>,
    /// What the upstream connection speaks.
    protocol: Protocol,
    in_transaction: bool,
    channels: BTreeSet<Bytes>,
    patterns: BTreeSet<Bytes>,
}

struct Upstream {
    writer: OwnedWriteHalf,
    reading: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl RedisLink {
    pub(super) fn new(address: Arc<Address>, client: Client) -> Self {
        Self {
            ahead: address.greetings().collect(),
            address,
            client,
            owed: Arc::default(),
            upstream: Arc::default(),
            protocol: Protocol::Resp2,
            in_transaction: false,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
        }
    }

    /// How many replies a command has, and whether they acknowledge subscriptions.
    fn replies(&mut self, name: &str, names: &[Bytes]) -> (usize, bool) {
        let subscribes = matches!(name, "SUBSCRIBE" | "PSUBSCRIBE");
        if self.in_transaction || !(subscribes || matches!(name, "UNSUBSCRIBE" | "PUNSUBSCRIBE")) {
            return (1, false);
        }
        let known = if name.starts_with('P') {
            &mut self.patterns
        } else {
            &mut self.channels
        };
        let count = if names.is_empty() && !subscribes {
            known.len()
        } else {
            names.len()
        };
        if subscribes {
            known.extend(names.iter().cloned());
        } else if names.is_empty() {
            known.clear();
        } else {
            known.retain(|name| !names.contains(name));
        }
        (count.max(1), true)
    }

    /// Follows what a command does to the connection.
    fn follow(&mut self, name: &str) {
        match name {
            "MULTI" => self.in_transaction = true,
            "EXEC" | "DISCARD" => self.in_transaction = false,
            "RESET" => {
                self.in_transaction = false;
                self.protocol = Protocol::Resp2;
                self.channels.clear();
                self.patterns.clear();
                self.ahead = self.address.greetings().collect();
            }
            _ => {}
        }
    }

    /// What the client asked of HELLO is asked of the server before the next command.
    fn follow_protocol(&mut self) {
        let protocol = self.client.outbox.protocol();
        if protocol != self.protocol {
            self.protocol = protocol;
            let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
            self.ahead.push(Request::new("HELLO", version));
        }
    }
}

impl Link for RedisLink {
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called {
        if name != "RESET" {
            self.follow_protocol();
        }
        let (count, acknowledged) = self.replies(name, args.get(1..).unwrap_or_default());
        let mut bytes = BytesMut::new();
        for request in self.ahead.drain(..) {
            bytes.extend_from_slice(request.encoded());
            self.owed.expect(Expected {
                name: String::new(),
                count: 1,
                acknowledged: false,
                done: None,
            });
        }
        bytes.extend_from_slice(Request::new("", &args).encoded());
        let (done, reply) = oneshot::channel();
        self.owed.expect(Expected {
            name: name.to_owned(),
            count,
            acknowledged,
            done: Some(done),
        });
        self.follow(name);
        let (address, client) = (self.address.clone(), self.client.clone());
        let (upstream, owed) = (self.upstream.clone(), self.owed.clone());
        let exchange = Box::pin(async move {
            let mut upstream = upstream.lock().await;
            if let Err(error) = send(&mut upstream, &address, &client, &owed, &bytes).await {
                tracing::warn!(%error, "the upstream server is lost");
                client.outbox.cut();
                return;
            }
            // An error means that the reader has ended, and has cut the connection.
            let _ = reply.await;
        });
        if waits(name, &args) {
            Called::Blocked(exchange)
        } else {
            Called::Soon(exchange)
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn set_name(&mut self, name: &Bytes) -> Result<(), String> {
        self.ahead.push(Request::new("CLIENT SETNAME", name));
        Ok(())
    }
}

/// Whether a command may wait for data.
fn waits(name: &str, args: &[Bytes]) -> bool {
    match name {
        "XREAD" | "XREADGROUP" => args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")),
        _ => name.starts_with('B') && (name.contains("POP") || name.contains("MOVE")),
    }
}

async fn send(
    upstream: &mut Option<Upstream>,
    address: &Address,
    client: &Client,
    owed: &Arc<Owed>,
    bytes: &[u8],
) -> io::Result<()> {
    let upstream = match upstream {
        Some(upstream) => upstream,
        None => {
            let (reader, writer) = address.connect().await?.into_split();
            let reading = read(reader, client.clone(), owed.clone());
            upstream.insert(Upstream {
                writer,
                reading: tokio::spawn(reading),
            })
        }
    };
    upstream.writer.write_all(bytes).await
}

/// Passes on what the server sends, until it ends; then the client's connection ends too, for its state is lost.
async fn read(mut reader: OwnedReadHalf, client: Client, owed: Arc<Owed>) {
    let (mut decoder, mut buffer) = (Decoder::new(), BytesMut::new());
    loop {
        match decoder.decode(&mut buffer) {
            Ok(Some(frame)) => {
                owed.arrived(frame, &client);
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the upstream server sent what is not RESP");
                break;
            }
        }
        match reader.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
    client.outbox.cut();
}
