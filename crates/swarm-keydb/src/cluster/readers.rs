//! Connections to replicas, for reads.

use std::time::Duration;

use super::address::Address;
use super::machine::NodeId;
use super::options::Settled;
use crate::client::Client;
use crate::runtime::{Instant, Tasks};
use crate::status::State;

/// Shortest time between two attempts to connect to a replica.
const RECONNECT: Duration = Duration::from_millis(500);

/// Connections to the replicas, each in READONLY mode.
#[derive(Default)]
pub(super) struct Readers {
    /// By node.
    readers: Vec<Option<Reader>>,
    pub(super) turn: usize,
}

struct Reader {
    client: Client,
    since: Instant,
}

impl Readers {
    /// Returns the connection to a replica if it works. Connects in the background if not.
    pub(super) fn get(
        &mut self,
        options: &Settled,
        tasks: &Tasks,
        node: NodeId,
        address: &Address,
    ) -> Option<Client> {
        let at = node.index();
        if self.readers.len() <= at {
            self.readers.resize_with(at + 1, || None);
        }
        let place = self.readers.get_mut(at)?;
        if let Some(reader) = place {
            match reader.client.state() {
                State::Connected => return Some(reader.client.clone()),
                State::Connecting => return None,
                _ if reader.since.elapsed() < RECONNECT => return None,
                _ => {}
            }
        }
        let _context = tasks.enter();
        let client = Client::connect_lazy(options.reader(address)).ok()?;
        *place = Some(Reader {
            client,
            since: Instant::now(),
        });
        None
    }

    /// Removes the connection to a node.
    pub(super) fn take(&mut self, node: NodeId) -> Option<Client> {
        let reader = self.readers.get_mut(node.index())?.take()?;
        Some(reader.client)
    }

    /// Removes all connections.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Client> + use<> {
        let readers = std::mem::take(&mut self.readers);
        readers.into_iter().flatten().map(|reader| reader.client)
    }
}
