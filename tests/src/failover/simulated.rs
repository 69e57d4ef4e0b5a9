//! Simulated servers with one store, without sockets, for a paused clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use swarm_keydb::{Client, ClientOptions, Frame, Request};
use swarm_transport::failover::{Candidate, Failover, FailoverOptions};
use swarm_transport::memory::{MemoryPeer, pair};
use swarm_transport::{BoxTransport, TransportError, TransportErrorKind};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::Fleet;

/// Simulated servers in front of one store. They crash at any moment: before a command runs, or
/// between a command and its reply.
#[derive(Clone)]
pub struct Simulated {
    store: Arc<Mutex<Store>>,
    options: FailoverOptions,
}

#[derive(Default)]
struct Store {
    servers: Vec<Server>,
    increments: BTreeMap<String, u64>,
    subscribers: Vec<mpsc::UnboundedSender<Bytes>>,
    dials: usize,
}

#[derive(Default)]
struct Server {
    is_down: bool,
    /// Whether connections are lost with the first command after the handshake.
    limps: bool,
    connections: Vec<AbortHandle>,
}

impl Simulated {
    /// Creates this many servers.
    pub fn new(servers: usize) -> Self {
        let store = Store {
            servers: (0..servers).map(|_| Server::default()).collect(),
            ..Store::default()
        };
        Self {
            store: Arc::new(Mutex::new(store)),
            options: FailoverOptions::new(),
        }
    }

    /// Sets the options of the failover.
    #[must_use]
    pub fn with_options(mut self, options: FailoverOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes a server accept connections and answer handshakes and probes, and lose the connection
    /// with any other command.
    ///
    /// # Panics
    ///
    /// Panics if there is no such server.
    pub fn limp(&self, server: usize, limps: bool) {
        self.lock().servers[server].limps = limps;
    }

    /// Returns the number of attempts to connect.
    pub fn dials(&self) -> usize {
        self.lock().dials
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial(self, server: usize) -> Result<BoxTransport, TransportError> {
        sleep(Duration::from_micros(fastrand::u64(100..2000))).await;
        let (transport, peer) = pair();
        let fleet = self.clone();
        let mut store = self.lock();
        store.dials += 1;
        if store.servers[server].is_down {
            let what = "connection refused";
            return Err(TransportError::new(TransportErrorKind::Refused, what));
        }
        let connection = tokio::spawn(fleet.serve(server, peer));
        let connections = &mut store.servers[server].connections;
        connections.retain(|connection| !connection.is_finished());
        connections.push(connection.abort_handle());
        Ok(Box::new(transport))
    }

    async fn serve(self, server: usize, mut peer: MemoryPeer) {
        let (subscriber, mut messages) = mpsc::unbounded_channel();
        loop {
            let reply = tokio::select! {
                request = peer.next_request() => {
                    let Some(request) = request else { return };
                    if fastrand::u8(0..16) == 0 {
                        sleep(Duration::from_millis(1)).await;
                    }
                    let Some(reply) = self.run(server, &request, &subscriber) else { return };
                    if fastrand::u8(0..16) == 0 {
                        sleep(Duration::from_millis(1)).await;
                    }
                    reply
                }
                Some(message) = messages.recv() => {
                    let words = [Bytes::from_static(b"message"), "news".into(), message];
                    Frame::array(&words.map(Frame::bulk))
                }
            };
            if peer.reply(reply).await.is_err() {
                return;
            }
        }
    }

    /// Runs a command. Returns no reply if the connection ends instead.
    fn run(
        &self,
        server: usize,
        request: &Request,
        subscriber: &mpsc::UnboundedSender<Bytes>,
    ) -> Option<Frame> {
        let args: Vec<_> = request.args().skip(1).map(Bytes::copy_from_slice).collect();
        let mut store = self.lock();
        let limps = store.servers[server].limps;
        Some(match (request.name(), &args[..]) {
            (b"ECHO", []) => Frame::error("ERR wrong number of arguments for 'echo' command"),
            (b"PING", []) => Frame::simple("PONG"),
            (b"PING" | b"ECHO", [text]) if !limps || text.len() == 32 => Frame::bulk(text.clone()),
            (b"HELLO", _) => Frame::error("ERR unknown command 'HELLO'"),
            _ if limps => return None,
            (b"INCR", [key]) => {
                let key = String::from_utf8_lossy(key).into_owned();
                let times = store.increments.entry(key).or_default();
                *times += 1;
                Frame::integer(i64::try_from(*times).unwrap_or(i64::MAX))
            }
            (b"SUBSCRIBE", [channel]) => {
                store.subscribers.push(subscriber.clone());
                Frame::build(|reply| {
                    reply.array(|array| {
                        array.bulk(b"subscribe");
                        array.bulk(channel);
                        array.integer(1);
                    });
                })
            }
            (b"PUBLISH", [_, message]) => {
                let subscribers = &mut store.subscribers;
                subscribers.retain(|one| one.send(message.clone()).is_ok());
                Frame::integer(i64::try_from(subscribers.len()).unwrap_or(i64::MAX))
            }
            _ => Frame::error("ERR unknown command"),
        })
    }
}

impl Fleet for Simulated {
    async fn client(&self, options: ClientOptions) -> Client {
        let candidate = |server: usize| {
            let fleet = self.clone();
            Candidate::new(self.name(server), move || fleet.clone().dial(server))
        };
        let failover = Failover::new((0..self.size()).map(candidate));
        let failover = failover.with_options(self.options.clone());
        let client = Client::connect_with(failover, options).await;
        client.expect("a server is there")
    }

    fn name(&self, server: usize) -> String {
        format!("server-{server}")
    }

    fn size(&self) -> usize {
        self.lock().servers.len()
    }

    async fn kill(&mut self, server: usize) {
        let mut store = self.lock();
        store.servers[server].is_down = true;
        let connections = std::mem::take(&mut store.servers[server].connections);
        connections.iter().for_each(AbortHandle::abort);
    }

    async fn revive(&mut self, server: usize) {
        self.lock().servers[server].is_down = false;
    }

    async fn increments(&self) -> BTreeMap<String, u64> {
        self.lock().increments.clone()
    }
}
