//! Tests of clients against an in-process server that writes as slowly as SwarmKeyDb, on a paused
//! clock.

mod asides;
mod deadlines;
mod dedicated;
mod fallback;
mod leaving;
mod overdue;
mod pool;
mod replaced;
mod silence;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::memory::{MemoryPeer, pair_with_capacity};
use swarm_transport::{BoxTransport, TransportError, TransportErrorKind};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::{Client, ClientOptions};

/// Time that the server takes for each key.
const INTERVAL: Duration = Duration::from_millis(100);

/// A server that runs the commands of a connection one after another, takes a while for each key
/// written, and interrupts a command when its connection ends.
#[derive(Clone, Default)]
struct Server(Arc<State>);

#[derive(Default)]
struct State {
    written: AtomicUsize,
    /// Number of accepted connections, and of open ones.
    made: AtomicUsize,
    open: AtomicUsize,
    unreachable: AtomicBool,
    /// Whether GET gets no reply.
    ignores_get: AtomicBool,
    /// Whether SET fails because the server is a replica.
    read_only: AtomicBool,
    /// Whether new connections get no replies.
    mute: AtomicBool,
    /// Whether the server echoes wrong nonces.
    out_of_step: AtomicBool,
    /// Closes each connection, in the order in which they were accepted.
    cuts: Mutex<Vec<Arc<Notify>>>,
    /// The names of all commands, in order of arrival.
    names: Mutex<Vec<String>>,
    /// Each SET that ran, with its key and value.
    sets: Mutex<Vec<(String, u32)>>,
    /// Maximum number of open connections, if there is one, and how many were refused for it.
    limit: Mutex<Option<usize>>,
    refused: AtomicUsize,
}

impl Server {
    async fn client(&self, options: ClientOptions) -> Client {
        let server = self.clone();
        let connect = move || {
            let server = server.clone();
            async move { server.connect() }
        };
        Client::connect_with(connect, options).await.unwrap()
    }

    fn connect(&self) -> Result<BoxTransport, TransportError> {
        if self.0.unreachable.load(Ordering::Relaxed) {
            return Err(TransportError::new(
                TransportErrorKind::Refused,
                "connection refused",
            ));
        }
        let limit = *self.0.limit.lock().unwrap();
        if limit.is_some_and(|limit| self.0.open.load(Ordering::Relaxed) >= limit) {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            let what = "max number of clients reached";
            return Err(TransportError::new(TransportErrorKind::Refused, what));
        }
        let (transport, peer) = pair_with_capacity(1024);
        let cut = Arc::<Notify>::default();
        self.0.cuts.lock().unwrap().push(Arc::clone(&cut));
        self.0.made.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        let server = self.clone();
        tokio::spawn(async move {
            server.serve(peer, &cut).await;
            server.0.open.fetch_sub(1, Ordering::Relaxed);
        });
        Ok(Box::new(transport))
    }

    async fn serve(&self, mut peer: MemoryPeer, cut: &Notify) {
        if self.0.mute.load(Ordering::Relaxed) {
            while peer.next_request().await.is_some() {}
            return;
        }
        let mut waiting = VecDeque::new();
        let mut queued = None;
        loop {
            let request = match waiting.pop_front() {
                Some(request) => request,
                None => tokio::select! {
                    request = peer.next_request() => match request {
                        Some(request) => self.note(request),
                        None => return,
                    },
                    () = cut.notified() => return,
                },
            };
            self.note_set(&request);
            let (keys, reply) = self.run(&request, &mut queued);
            if request.name() == b"GET" && self.0.ignores_get.load(Ordering::Relaxed) {
                continue;
            }
            for _ in 0..keys {
                let mut tick = pin!(sleep(INTERVAL));
                loop {
                    tokio::select! {
                        biased;
                        request = peer.next_request() => match request {
                            Some(request) => waiting.push_back(self.note(request)),
                            // The client closed the connection in the middle of the write.
                            None => return,
                        },
                        () = cut.notified() => return,
                        () = &mut tick => break,
                    }
                }
                self.0.written.fetch_add(1, Ordering::Relaxed);
            }
            if peer.reply(reply).await.is_err() {
                return;
            }
        }
    }

    fn note(&self, request: Request) -> Request {
        let name = String::from_utf8_lossy(request.name()).into_owned();
        self.0.names.lock().unwrap().push(name);
        request
    }

    fn note_set(&self, request: &Request) {
        let text = |at| request.args().nth(at).map(String::from_utf8_lossy);
        if request.name() == b"SET"
            && let (Some(key), Some(Ok(value))) = (text(1), text(2).map(|value| value.parse()))
        {
            self.0.sets.lock().unwrap().push((key.into_owned(), value));
        }
    }

    /// Returns the SETs of numbers that have run, in order.
    fn sets(&self) -> Vec<(String, u32)> {
        self.0.sets.lock().unwrap().clone()
    }

    /// Refuses connections beyond a number.
    fn limit(&self, connections: usize) {
        *self.0.limit.lock().unwrap() = Some(connections);
    }

    fn refused(&self) -> usize {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Returns the number of keys that a command writes, and its reply.
    fn run(&self, request: &Request, queued: &mut Option<usize>) -> (usize, Frame) {
        let args = request.args().count() - 1;
        let name = String::from_utf8_lossy(request.name()).into_owned();
        let keys = match &*name {
            "MSET" => args / 2,
            "DEL" => args,
            "SET" | "INCR" => 1,
            "FLUSHALL" => 300,
            _ => 0,
        };
        match &*name {
            "ECHO" if args == 1 && self.0.out_of_step.load(Ordering::Relaxed) => {
                (0, Frame::bulk("of another"))
            }
            "ECHO" | "PING" if args == 1 => {
                (0, Frame::bulk(request.args().nth(1).unwrap().to_vec()))
            }
            "MULTI" => {
                *queued = Some(0);
                (0, Frame::simple("OK"))
            }
            "EXEC" => {
                let keys = queued.take().unwrap();
                let list = Frame::build(|reply| {
                    reply.array(|list| (0..keys).for_each(|_| list.simple("OK")));
                });
                (keys, list)
            }
            _ if let Some(queued) = queued => {
                *queued += keys;
                (0, Frame::simple("QUEUED"))
            }
            "HELLO" | "ECHO" => (0, Frame::error("ERR unknown command")),
            "SET" if self.0.read_only.load(Ordering::Relaxed) => {
                (0, Frame::error("READONLY this is a replica"))
            }
            "GET" => (0, Frame::bulk("value")),
            "DEL" | "INCR" => (keys, Frame::build(|reply| reply.integer(1))),
            _ => (keys, Frame::simple("OK")),
        }
    }

    fn written(&self) -> usize {
        self.0.written.load(Ordering::Relaxed)
    }

    fn connections(&self) -> usize {
        self.0.made.load(Ordering::Relaxed)
    }

    /// Closes the newest connection.
    fn cut_newest(&self) {
        self.0.cuts.lock().unwrap().pop().unwrap().notify_one();
    }

    /// Closes the oldest connection, which is the primary one.
    fn cut_oldest(&self) {
        self.0.cuts.lock().unwrap().remove(0).notify_one();
    }

    /// Closes all connections.
    fn cut_all(&self) {
        for cut in self.0.cuts.lock().unwrap().drain(..) {
            cut.notify_one();
        }
    }

    /// Returns how often a command has arrived.
    fn count(&self, name: &str) -> usize {
        let names = self.0.names.lock().unwrap();
        names.iter().filter(|other| *other == name).count()
    }

    /// Waits until a command has arrived.
    async fn has_got(&self, name: &str) {
        while self.count(name) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until no connection is open. Returns the number of keys written by then.
    async fn settled(&self) -> usize {
        while self.0.open.load(Ordering::Relaxed) > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        self.written()
    }
}

fn options() -> ClientOptions {
    ClientOptions::default().request_timeout(Duration::from_secs(60))
}

fn pairs() -> Vec<(String, u32)> {
    (0..200).map(|n| (format!("key:{n}"), n)).collect()
}
