//! Accept loops of a running gateway, and how they end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::dialect::Quirk;
use crate::event_loop::{self, Spawner};
use crate::listener::{self, Stop};
use crate::ports::{Listener, PerListener};
use crate::session::Shared;
use crate::shutdown;
use crate::stream::{Encryption, Socket, Stream};

/// Number of connections accepted at once, before others have their turn.
const ACCEPTS: usize = 64;

/// Timeout of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a gateway ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Connections are closed after the replies to all commands that were read.
    Graceful,
    /// Connections are cut.
    Immediate,
}

/// The accept loops and connections of a gateway. Dropping it aborts them.
pub(crate) struct Running {
    graceful: watch::Sender<bool>,
    immediate: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(shared: &Arc<Shared>, listeners: PerListener<Listener>) -> Self {
        let (graceful, stop) = watch::channel(false);
        let (immediate, kill) = watch::channel(false);
        Self {
            graceful,
            immediate,
            accepting: tokio::spawn(run(shared.clone(), listeners, stop, kill)),
        }
    }

    /// Ends the gateway and waits until all connections have ended.
    pub(crate) async fn end(mut self, ending: Ending) {
        let signal = match ending {
            Ending::Graceful => &self.graceful,
            Ending::Immediate => &self.immediate,
        };
        signal.send_replace(true);
        // The task ends by itself; nothing aborts it before that.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Runs the accept loops and their connections until all of them have ended.
async fn run(shared: Arc<Shared>, listeners: PerListener<Listener>, stop: Stop, mut kill: Stop) {
    let nodelay = !shared.dialect.has(Quirk::Nagle);
    let serving = event_loop::run(|spawner| {
        let door = |listener, nodelay| {
            let (shared, spawner) = (shared.clone(), spawner.clone());
            Door {
                shared,
                spawner,
                listener,
                nodelay,
                stop: stop.clone(),
            }
        };
        if let Some(listener) = listeners.ws {
            spawner.spawn(door(listener, nodelay).accept(listener::ws::serve));
        }
        if let Some(listener) = listeners.http {
            let serve = listener::http::serve(spawner.clone());
            spawner.spawn(door(listener, true).accept(serve));
        }
        if let Some(listener) = listeners.tcp {
            spawner.spawn(door(listener, nodelay).accept(listener::tcp::serve));
        }
    });
    tokio::select! {
        biased;
        // Drops all connections.
        () = shutdown::raised(&mut kill) => {}
        () = serving => {}
    }
}

/// A listener that accepts connections.
struct Door {
    shared: Arc<Shared>,
    spawner: Spawner,
    listener: Listener,
    nodelay: bool,
    stop: Stop,
}

impl Door {
    /// Accepts connections until the gateway stops.
    async fn accept<F>(
        mut self,
        serve: impl Fn(Arc<Shared>, Stream, Stop) -> F + Clone + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        for count in 1_usize.. {
            let stream = tokio::select! {
                biased;
                () = shutdown::raised(&mut self.stop) => return,
                accepted = self.listener.socket.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // The system has run out of a resource, such as file descriptors. Retrying
                        // immediately would spin.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            if self.shared.faults.refuses() {
                continue;
            }
            if let Err(error) = stream.set_nodelay(self.nodelay) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            let socket = Socket::new(stream, self.spawner.turns());
            let (shared, stop, serve) = (self.shared.clone(), self.stop.clone(), serve.clone());
            let encryption = self.listener.port.encryption().clone();
            self.spawner.spawn_accepted(async move {
                // Boxed, because a handshake needs more memory than the connection afterwards.
                let opening = Box::pin(open(&shared, encryption, socket, stop.clone()));
                if let Some(stream) = opening.await {
                    serve(shared, stream, stop).await;
                }
            });
            if count.is_multiple_of(ACCEPTS) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Performs the TLS handshake if the listener requires one. Returns `None` if it fails, times out,
/// or the gateway stops.
async fn open(
    shared: &Shared,
    encryption: Encryption,
    stream: Socket,
    mut stop: Stop,
) -> Option<Stream> {
    shared.faults.thawed().await;
    let opening = timeout(HANDSHAKE, encryption.open(stream));
    let opened = tokio::select! {
        opened = opening => opened,
        () = shutdown::raised(&mut stop) => return None,
    };
    match opened {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("TLS handshake timed out");
            None
        }
    }
}
