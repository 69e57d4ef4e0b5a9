//! Nodes and topology: what the machine knows about them, and what follows from changes.

use super::super::address::Address;
use super::super::shards::Range;
use super::super::slot::SLOTS;
use super::{Machine, NodeId, Output, Payload};
use crate::runtime::Instant;

impl<C: Payload> Machine<C> {
    /// Returns the address of a node that has not been closed.
    pub(in crate::cluster) fn address(&self, node: NodeId) -> Option<&Address> {
        self.nodes.address(node)
    }

    /// Returns the node at an address that a seed or a redirect names.
    pub(in crate::cluster) fn seed(&mut self, address: &Address) -> NodeId {
        self.nodes.id_of(address)
    }

    /// Returns the node at an address that the cluster or an option names, if it is known.
    pub(in crate::cluster) fn find(&self, address: &Address) -> Option<NodeId> {
        self.nodes.find(address)
    }

    /// Returns the owner of a slot.
    pub(in crate::cluster) fn owner(&self, slot: u16) -> Option<NodeId> {
        self.slots.get(usize::from(slot))?.owner
    }

    /// Returns whether a node owns slots.
    pub(in crate::cluster) fn owns_slots(&self, node: NodeId) -> bool {
        self.slots.iter().any(|slot| slot.owner == Some(node))
    }

    /// Returns the primaries that own slots, and their replicas.
    pub(in crate::cluster) fn shards(&self) -> &[(NodeId, Vec<NodeId>)] {
        self.nodes.shards()
    }

    /// Returns whether a node is known to be connected.
    pub(in crate::cluster) fn is_up(&self, node: NodeId) -> bool {
        self.nodes.is_up(node)
    }

    /// Returns whether a node is known not to be connected, or has left.
    pub(in crate::cluster) fn is_down(&self, node: NodeId) -> bool {
        self.nodes.is_down(node)
    }

    /// A node has connected.
    pub(in crate::cluster) fn node_up(&mut self, node: NodeId) {
        self.nodes.set_up(node, true);
    }

    /// The connection to a node is lost, or cannot be opened.
    pub(in crate::cluster) fn node_down(&mut self, node: NodeId, now: Instant) {
        self.nodes.set_up(node, false);
        if self.nodes.contains(node) {
            self.refresh.request(now, &mut self.random);
        }
        self.withdraw_stranded();
    }

    /// Withdraws calls from nodes that are not connected and no longer own their slots.
    fn withdraw_stranded(&mut self) {
        let stranded = self
            .slots
            .iter()
            .filter(|slot| slot.in_flight > 0 && slot.sent_to != slot.owner);
        let mut nodes: Vec<_> = stranded
            .filter_map(|slot| slot.sent_to)
            .filter(|node| self.nodes.is_down(*node))
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.outputs.extend(nodes.into_iter().map(Output::Withdraw));
    }

    /// Returns when the topology should be fetched, unless that is in progress.
    pub(in crate::cluster) fn refresh_at(&self) -> Option<Instant> {
        self.refresh.next()
    }

    /// Requests that the topology be fetched soon.
    pub(in crate::cluster) fn request_refresh(&mut self, now: Instant) {
        self.refresh.request(now, &mut self.random);
    }

    /// Starts to fetch the topology if that is due. Returns the node to ask.
    pub(in crate::cluster) fn start_refresh(&mut self, now: Instant) -> Option<NodeId> {
        let hint = self.refresh.start(now)?;
        self.moved.clear();
        let attempt = self.refresh.failures();
        Some(self.nodes.source(hint, attempt, &mut self.random))
    }

    /// The topology could not be fetched.
    pub(in crate::cluster) fn refresh_failed(&mut self, now: Instant) {
        self.refresh.failed(now, &mut self.random);
    }

    /// The topology was fetched.
    pub(in crate::cluster) fn refreshed(&mut self, ranges: &[Range], now: Instant) {
        let mut owners = vec![None; usize::from(SLOTS)];
        self.nodes.begin();
        for range in ranges {
            let primary = self.nodes.announce(&range.primary, &range.replicas);
            let (first, last) = (usize::from(range.first), usize::from(range.last));
            for owner in owners.iter_mut().take(last + 1).skip(first) {
                *owner = Some(primary);
            }
        }
        for slot in std::mem::take(&mut self.moved) {
            let slot = usize::from(slot);
            if let (Some(owner), Some(state)) = (owners.get_mut(slot), self.slots.get(slot)) {
                *owner = state.owner;
            }
        }
        for (state, owner) in self.slots.iter_mut().zip(&owners) {
            // Slots without an owner keep the last one, which says what is wrong.
            state.owner = owner.or(state.owner);
        }
        let used = self.slots.iter().filter_map(|state| state.owner);
        for node in self.nodes.finish(used) {
            self.outputs.push_back(Output::Close(node));
        }
        let is_uncertain = owners.iter().any(Option::is_none) || self.nodes.has_primary_down();
        self.refresh.succeeded(now, is_uncertain, &mut self.random);
        self.withdraw_stranded();
        self.release_all(now);
    }
}
