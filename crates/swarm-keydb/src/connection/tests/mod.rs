//! Tests of connections over an in-memory transport, on a paused clock.

mod closing;
mod deadlines;
mod establish;
mod lifetime;
mod link;
mod login;
mod offline;
mod policy;
mod progress;
mod retry_after;
mod rules;
mod session;
mod subscriptions;
mod suspended;
mod target;
mod watched;

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::memory::{MemoryPeer, pair};
use swarm_transport::{BoxTransport, Connect, TransportError, TransportErrorKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use watched::{Watch, Watched};

use crate::{Client, ClientOptions, Subscription};

/// No test waits longer than this, on the paused clock.
const FOREVER: Duration = Duration::from_secs(3600);

/// A server whose connections the test serves one by one.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Dials>>);

#[derive(Default)]
struct Dials {
    /// When each attempt to connect began.
    at: Vec<Instant>,
    /// Errors of the next attempts.
    errors: VecDeque<TransportError>,
    accepted: Option<mpsc::UnboundedSender<MemoryPeer>>,
    /// Whether attempts to connect do not end.
    hangs: bool,
    watch: Arc<Mutex<Watch>>,
}

impl Server {
    /// Returns a connector of this server, and the connections that the server accepts.
    fn connector(&self) -> (impl Connect, mpsc::UnboundedReceiver<MemoryPeer>) {
        let (accept, accepted) = mpsc::unbounded_channel();
        self.0.lock().unwrap().accepted = Some(accept);
        let server = self.clone();
        let connect = move || {
            let dialed = server.dial();
            async move {
                match dialed {
                    Some(dialed) => dialed,
                    None => pending().await,
                }
            }
        };
        (connect, accepted)
    }

    /// Creates a client of this server. Also returns the connections that the server accepts.
    fn client(
        &self,
        options: ClientOptions,
    ) -> (
        tokio::task::JoinHandle<crate::Result<Client>>,
        mpsc::UnboundedReceiver<MemoryPeer>,
    ) {
        let (connect, accepted) = self.connector();
        (
            tokio::spawn(Client::connect_with(connect, options)),
            accepted,
        )
    }

    /// Connects a client and serves its shared connection. Also returns all later connections.
    async fn connected(
        &self,
        options: ClientOptions,
    ) -> (Client, mpsc::UnboundedReceiver<MemoryPeer>) {
        let (client, mut accepted) = self.client(options);
        let peer = accepted.recv().await.unwrap();
        tokio::spawn(peer.serve(answer));
        (client.await.unwrap().unwrap(), accepted)
    }

    /// Returns `None` if the attempt hangs.
    fn dial(&self) -> Option<Result<BoxTransport, TransportError>> {
        let mut dials = self.0.lock().unwrap();
        dials.at.push(Instant::now());
        if dials.hangs {
            return None;
        }
        if let Some(error) = dials.errors.pop_front() {
            return Some(Err(error));
        }
        let (transport, peer) = pair();
        let accepted = dials.accepted.as_ref().unwrap().send(peer);
        let transport = Watched::new(transport, &dials.watch);
        Some(match accepted {
            Ok(()) => Ok(Box::new(transport)),
            Err(_) => Err(refused()),
        })
    }

    /// Makes the next attempts to connect fail.
    fn fail(&self, errors: impl IntoIterator<Item = TransportError>) {
        self.0.lock().unwrap().errors.extend(errors);
    }

    /// Makes the next attempts to connect hang, or no longer hang.
    fn hang(&self, hangs: bool) {
        self.0.lock().unwrap().hangs = hangs;
    }

    /// Changes what the transports do.
    fn set(&self, change: impl FnOnce(&mut Watch)) {
        let watch = Arc::clone(&self.0.lock().unwrap().watch);
        change(&mut watch.lock().unwrap());
    }

    /// Returns the number of attempts to connect.
    fn dials(&self) -> usize {
        self.0.lock().unwrap().at.len()
    }

    /// Returns the times between attempts to connect, except for the first ones.
    fn pauses_after(&self, first: usize) -> Vec<Duration> {
        let dials = self.0.lock().unwrap();
        let pairs = dials.at[first..].windows(2);
        pairs.map(|pair| pair[1] - pair[0]).collect()
    }
}

fn refused() -> TransportError {
    TransportError::new(TransportErrorKind::Refused, "nobody listens")
}

/// The replies of a Redis 5 server, which does not know HELLO.
fn answer(request: &Request) -> Frame {
    match (request.name(), request.args().nth(1)) {
        (b"PING" | b"ECHO", Some(text)) => Frame::bulk(text.to_vec()),
        _ => Frame::error("ERR unknown command"),
    }
}

/// Serves the handshake of a connection.
async fn shake_hands(peer: &mut MemoryPeer) {
    for name in [&b"HELLO"[..], b"ECHO"] {
        let request = peer.next_request().await.unwrap();
        assert_eq!(request.name(), name);
        peer.reply(answer(&request)).await.unwrap();
    }
}

/// Subscribes to a channel over a new connection, and returns that, too.
async fn subscribed(
    client: &Client,
    accepted: &mut mpsc::UnboundedReceiver<MemoryPeer>,
    name: &'static str,
) -> (Subscription, MemoryPeer) {
    let subscribing = tokio::spawn(client.subscribe(name));
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    peer.reply(push(&["subscribe", name, "1"])).await.unwrap();
    (subscribing.await.unwrap().unwrap(), peer)
}

fn push(words: &[&str]) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
    })
}
