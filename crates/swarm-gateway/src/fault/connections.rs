//! Open connections, for faults that do not wait for a command.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use swarm_resp::Frame;
use tokio::sync::oneshot;

use super::pushes::PushFault;
use crate::outbox::Outbox;

/// The open connections of a gateway.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: HashMap<u64, Entry>,
    /// The fault for the pushes of connections that are opened from now on.
    pushes: Option<Arc<PushFault>>,
}

#[derive(Debug)]
struct Entry {
    /// Cuts the connection; taken once it has been cut.
    cut: Option<oneshot::Sender<()>>,
    /// Receives pushes. HTTP connections have none.
    outbox: Option<Arc<Outbox>>,
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
    pub(super) fn open(self: &Arc<Self>, outbox: Option<&Arc<Outbox>>) -> Opened {
        let (sender, cut) = oneshot::channel();
        let mut table = self.lock();
        if let Some(outbox) = outbox {
            outbox.set_push_fault(table.pushes.clone());
        }
        table.last += 1;
        let id = table.last;
        let entry = Entry {
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

    /// Cuts all connections, or only those that have subscribed. Returns their number.
    pub(super) fn cut(&self, subscribers_only: bool) -> usize {
        let mut table = self.lock();
        let open = table.open.values_mut().filter(|entry| {
            let outbox = entry.outbox.as_ref();
            !subscribers_only || outbox.is_some_and(|outbox| outbox.is_subscriber())
        });
        open.filter_map(|entry| entry.cut.take()?.send(()).ok())
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
