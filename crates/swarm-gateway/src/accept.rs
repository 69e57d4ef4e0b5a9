//! Accept loop of a listener, and the TLS handshakes of its connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::event_loop::Spawner;
use crate::listener::Stop;
use crate::ports::Listener;
use crate::session::Shared;
use crate::shutdown;
use crate::stream::{Encryption, Socket, Stream};

/// Number of connections accepted at once, before others have their turn.
const ACCEPTS: usize = 64;

/// Timeout of the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener that accepts connections.
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) spawner: Spawner,
    pub(crate) listener: Listener,
    pub(crate) nodelay: bool,
    pub(crate) stop: Stop,
}

impl Door {
    /// Accepts connections until the gateway stops.
    pub(crate) async fn accept<F>(
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
