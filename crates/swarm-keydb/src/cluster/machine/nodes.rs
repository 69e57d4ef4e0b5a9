//! The nodes of a cluster: addresses, roles, and whether they are connected.

use std::collections::{HashMap, HashSet};

use super::super::address::Address;

/// Identity of a node. Never used again, so that calls of a node that has left are not taken for
/// those of one that has come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::cluster) struct NodeId(u32);

impl NodeId {
    /// No node.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// Returns the position in a list by node.
    pub(in crate::cluster) const fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug)]
struct Node {
    address: Address,
    /// Whether it is connected; `None` if it never was needed.
    up: Option<bool>,
}

/// The nodes of a cluster.
#[derive(Debug)]
pub(super) struct Nodes {
    seeds: Vec<Address>,
    nodes: HashMap<NodeId, Node>,
    ids: HashMap<Address, NodeId>,
    next: u32,
    /// Primaries with slots, and their replicas.
    shards: Vec<(NodeId, Vec<NodeId>)>,
}

impl Nodes {
    pub(super) fn new(seeds: Vec<Address>) -> Self {
        Self {
            seeds,
            nodes: HashMap::new(),
            ids: HashMap::new(),
            next: 0,
            shards: Vec::new(),
        }
    }

    /// Returns the node at an address, which may be new.
    pub(super) fn id_of(&mut self, address: &Address) -> NodeId {
        if let Some(id) = self.ids.get(address) {
            return *id;
        }
        let id = NodeId(self.next);
        self.next = self.next.wrapping_add(1);
        self.ids.insert(address.clone(), id);
        let address = address.clone();
        self.nodes.insert(id, Node { address, up: None });
        id
    }

    pub(super) fn find(&self, address: &Address) -> Option<NodeId> {
        self.ids.get(address).copied()
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.nodes.contains_key(&node)
    }

    pub(super) fn address(&self, node: NodeId) -> Option<&Address> {
        self.nodes.get(&node).map(|node| &node.address)
    }

    pub(super) fn shards(&self) -> &[(NodeId, Vec<NodeId>)] {
        &self.shards
    }

    pub(super) fn set_up(&mut self, node: NodeId, up: bool) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.up = Some(up);
        }
    }

    pub(super) fn is_up(&self, node: NodeId) -> bool {
        self.nodes
            .get(&node)
            .is_some_and(|node| node.up == Some(true))
    }

    /// Whether the node is known not to be connected. A node that has been closed counts.
    pub(super) fn is_down(&self, node: NodeId) -> bool {
        self.nodes
            .get(&node)
            .is_none_or(|node| node.up == Some(false))
    }

    pub(super) fn has_primary_down(&self) -> bool {
        self.shards
            .iter()
            .any(|(primary, _)| self.is_down(*primary))
    }

    /// Begins a new topology.
    pub(super) fn begin(&mut self) {
        self.shards.clear();
    }

    /// Adds a primary and its replicas to the topology. Returns the primary.
    pub(super) fn announce(&mut self, primary: &Address, replicas: &[Address]) -> NodeId {
        let primary = self.id_of(primary);
        if !self.shards.iter().any(|(other, _)| *other == primary) {
            let replicas = replicas.iter().map(|replica| self.id_of(replica)).collect();
            self.shards.push((primary, replicas));
        }
        primary
    }

    /// Ends a new topology. Removes the nodes that are not part of it and own no slot, and returns
    /// them.
    pub(super) fn finish(&mut self, owners: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut used: HashSet<_> = owners.collect();
        for (primary, replicas) in &self.shards {
            used.insert(*primary);
            used.extend(replicas);
        }
        let unused = self.nodes.keys().copied().filter(|id| !used.contains(id));
        let unused: Vec<_> = unused.collect();
        for id in &unused {
            if let Some(node) = self.nodes.remove(id) {
                self.ids.remove(&node.address);
            }
        }
        unused
    }

    /// Returns the node to fetch the topology from, after so many failures: the one of the hint, or
    /// a random one that is connected. If that fails, any other, and the seeds in turn.
    pub(super) fn source(
        &mut self,
        hint: Option<NodeId>,
        failures: u32,
        random: &mut fastrand::Rng,
    ) -> NodeId {
        if let Some(hint) = hint.filter(|hint| !self.is_down(*hint)) {
            return hint;
        }
        let mut known: Vec<_> = self.nodes.keys().copied().collect();
        known.sort_unstable();
        let up: Vec<_> = known
            .iter()
            .copied()
            .filter(|node| self.is_up(*node))
            .collect();
        let fresh = known.iter().copied().filter(|node| !self.is_down(*node));
        let fresh: Vec<_> = fresh.collect();
        let turn = failures as usize;
        let chosen = match failures % 3 {
            0 => random.choice(up).or_else(|| random.choice(fresh)),
            1 => random.choice(fresh),
            _ => None,
        };
        if let Some(node) = chosen {
            return node;
        }
        // Every node could have another address by now; the seeds are what the program knows.
        let seed = self.seeds.get(turn % self.seeds.len().max(1)).cloned();
        match seed {
            Some(seed) => self.id_of(&seed),
            None => random.choice(known).unwrap_or(NodeId::NONE),
        }
    }
}
