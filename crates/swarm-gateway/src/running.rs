//! A running gateway: its accept loops and connections, and how they end.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept::Door;
use crate::dialect::Quirk;
use crate::event_loop;
use crate::listener::{self, Stop};
use crate::ports::{Listener, PerListener};
use crate::session::Shared;
use crate::shutdown;

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
