//! Open connections, for faults that do not wait for a command.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use swarm_resp::Frame;
use tokio::sync::oneshot;

use super::pushes::PushFault;
use crate::listener_kind::ListenerKind;
use crate::outbox::Outbox;

/// The open connections of a gateway.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: BTreeMap<u64, Entry>,
    /// The fault for the pushes of connections that are opened from now on.
    pushes: Option<Arc<PushFault>>,
}

#[derive(Debug)]
struct Entry {
    opening: Opening,
    /// Cuts the connection; taken once it has been cut.
    cut: Option<oneshot::Sender<()>>,
    /// Receives pushes. HTTP connections have none.
    outbox: Option<Arc<Outbox>>,
}

/// What is known about a connection when it is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) listener: ListenerKind,
    pub(crate) remote: Option<SocketAddr>,
    /// The connection's number as `CLIENT ID` returns it. HTTP connections have none.
    pub(crate) client_id: Option<u64>,
}

/// Listener of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Listener {
    /// RESP or JSON over WebSocket.
    Ws,
    /// HTTP.
    Http,
    /// RESP over TCP.
    Tcp,
}

impl fmt::Display for Listener {
    /// Writes `ws`, `http`, or `tcp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ws => "ws",
            Self::Http => "http",
            Self::Tcp => "tcp",
        })
    }
}

impl From<ListenerKind> for Listener {
    fn from(kind: ListenerKind) -> Self {
        match kind {
            ListenerKind::Ws => Self::Ws,
            ListenerKind::Http => Self::Http,
            ListenerKind::Tcp => Self::Tcp,
        }
    }
}

/// A client's open connection, as returned by
/// [`Gateway::connections`](crate::Gateway::connections).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    id: u64,
    listener: Listener,
    remote: Option<SocketAddr>,
    client_id: Option<u64>,
    is_subscriber: bool,
}

impl Connection {
    /// Returns the number of the connection, for
    /// [`Faults::cut_connection`](super::Faults::cut_connection).
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Returns the listener that accepted the connection.
    pub const fn listener(&self) -> Listener {
        self.listener
    }

    /// Returns the address of the client, if the system knows it.
    pub const fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Returns the number that the embedded store replies to `CLIENT ID`. HTTP connections have
    /// none: each request has its own.
    pub const fn client_id(&self) -> Option<u64> {
        self.client_id
    }

    /// Returns whether the connection has run `SUBSCRIBE`, `PSUBSCRIBE` or `SSUBSCRIBE`.
    pub const fn is_subscriber(&self) -> bool {
        self.is_subscriber
    }

    fn new(id: u64, entry: &Entry) -> Self {
        let Opening {
            listener,
            remote,
            client_id,
        } = entry.opening;
        Self {
            id,
            listener: listener.into(),
            remote,
            client_id,
            is_subscriber: (entry.outbox.as_ref()).is_some_and(|outbox| outbox.is_subscriber()),
        }
    }
}

/// An open connection. Dropping it removes the connection from the table.
#[derive(Debug)]
pub(crate) struct Opened {
    connections: Arc<Connections>,
    id: u64,
    cut: oneshot::Receiver<()>,
}

impl Opened {
    /// Waits until a fault cuts the connection.
    pub(crate) async fn cut(&mut self) {
        poll_fn(|cx| self.poll_cut(cx)).await;
    }

    /// Polls whether a fault cuts the connection.
    pub(crate) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The table keeps the sender until it cuts the connection.
        match Pin::new(&mut self.cut).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.id);
    }
}

impl Connections {
    /// Adds a connection.
    pub(super) fn open(self: &Arc<Self>, opening: Opening, outbox: Option<&Arc<Outbox>>) -> Opened {
        let (sender, cut) = oneshot::channel();
        let mut table = self.lock();
        if let Some(outbox) = outbox {
            outbox.set_push_fault(table.pushes.clone());
        }
        table.last += 1;
        let id = table.last;
        let entry = Entry {
            opening,
            cut: Some(sender),
            outbox: outbox.cloned(),
        };
        table.open.insert(id, entry);
        Opened {
            connections: self.clone(),
            id,
            cut,
        }
    }

    /// Returns the open connections, oldest first.
    pub(super) fn list(&self) -> Vec<Connection> {
        let table = self.lock();
        let open = table.open.iter();
        open.map(|(id, entry)| Connection::new(*id, entry))
            .collect()
    }

    /// Returns the number of connections so far.
    pub(super) fn opened(&self) -> u64 {
        self.lock().last
    }

    /// Cuts the connections that a condition selects. Returns their number.
    pub(super) fn cut_where(&self, selects: impl Fn(&Connection) -> bool) -> usize {
        let mut table = self.lock();
        let open = table.open.iter_mut();
        open.filter(|(id, entry)| selects(&Connection::new(**id, entry)))
            .filter_map(|(_, entry)| entry.cut.take()?.send(()).ok())
            .count()
    }

    /// Pushes a frame to every connection. Returns the number of connections.
    pub(super) fn push(&self, frame: &Frame) -> usize {
        let table = self.lock();
        let outboxes = table
            .open
            .values()
            .filter_map(|entry| entry.outbox.as_ref());
        outboxes
            .map(|outbox| outbox.push(frame.clone(), None))
            .count()
    }

    /// Applies a fault to the pushes of all connections, in place of the previous one.
    pub(super) fn start_push_fault(&self, fault: Arc<PushFault>) {
        self.lock().set_push_fault(Some(fault));
    }

    /// Ends a fault, unless a later one has replaced it.
    pub(super) fn end_push_fault(&self, fault: &Arc<PushFault>) {
        let mut table = self.lock();
        if (table.pushes.as_ref()).is_some_and(|current| Arc::ptr_eq(current, fault)) {
            table.set_push_fault(None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn set_push_fault(&mut self, fault: Option<Arc<PushFault>>) {
        for outbox in self.open.values().filter_map(|entry| entry.outbox.as_ref()) {
            outbox.set_push_fault(fault.clone());
        }
        self.pushes = fault;
    }
}
