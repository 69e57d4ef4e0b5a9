//! Tests of connections over an in-memory transport, on a paused clock.

mod deadlines;
mod login;
mod policy;
mod retry_after;
mod rules;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::memory::{MemoryPeer, pair};
use swarm_transport::{BoxTransport, TransportError, TransportErrorKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::{Client, ClientOptions};

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
}

impl Server {
    /// Creates a client of this server. Also returns the connections that the server accepts.
    fn client(
        &self,
        options: ClientOptions,
    ) -> (
        tokio::task::JoinHandle<crate::Result<Client>>,
        mpsc::UnboundedReceiver<MemoryPeer>,
    ) {
        let (accept, accepted) = mpsc::unbounded_channel();
        self.0.lock().unwrap().accepted = Some(accept);
        let server = self.clone();
        let connect = move || {
            let dialed = server.dial();
            async move { dialed }
        };
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

    fn dial(&self) -> Result<BoxTransport, TransportError> {
        let mut dials = self.0.lock().unwrap();
        dials.at.push(Instant::now());
        if let Some(error) = dials.errors.pop_front() {
            return Err(error);
        }
        let (transport, peer) = pair();
        let accepted = dials.accepted.as_ref().unwrap().send(peer);
        accepted.map_err(|_| refused())?;
        Ok(Box::new(transport))
    }

    /// Makes the next attempts to connect fail.
    fn fail(&self, errors: impl IntoIterator<Item = TransportError>) {
        self.0.lock().unwrap().errors.extend(errors);
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

fn push(words: &[&str]) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
    })
}
