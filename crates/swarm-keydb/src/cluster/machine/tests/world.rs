//! A simulated cluster, and what its nodes have run.

use std::collections::{BTreeMap, VecDeque};

use super::super::super::address::Address;
use super::super::super::refusal::Refusal;
use super::super::super::shards::Range;

/// Slots that the schedules use.
pub(super) const SLOTS: u16 = 3;

/// Number of nodes.
pub(super) const NODES: usize = 4;

/// What a call reads or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) number: u64,
    pub(super) slot: u16,
    pub(super) keys: Vec<u8>,
    pub(super) writes: bool,
}

/// How a node answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Done,
    Refused(Refusal),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) is_alive: bool,
    pub(super) is_loading: bool,
    pub(super) is_confused: bool,
}

/// The truth about the cluster.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) owner: Vec<usize>,
    /// The target of a migration, by slot.
    pub(super) migrating: Vec<Option<usize>>,
    /// Which node has a key of a slot.
    pub(super) place: BTreeMap<(u16, u8), usize>,
    /// What has run, in order.
    pub(super) log: Vec<Work>,
}

pub(super) fn address(node: usize) -> Address {
    Address::new(format!("node{node}"), 1)
}

impl World {
    pub(super) fn new() -> Self {
        let owner: Vec<usize> = (0..SLOTS).map(|slot| usize::from(slot) % NODES).collect();
        let keys = (0..SLOTS).flat_map(|slot| (0..2).map(move |key| (slot, key)));
        let place = keys
            .map(|(slot, key)| ((slot, key), owner[usize::from(slot)]))
            .collect();
        Self {
            nodes: vec![
                Node {
                    is_alive: true,
                    ..Node::default()
                };
                NODES
            ],
            migrating: vec![None; owner.len()],
            owner,
            place,
            log: Vec::new(),
        }
    }

    /// A node executes a command, or says why it does not.
    pub(super) fn run(&mut self, node: usize, work: &Work, asking: bool) -> Reply {
        let state = &self.nodes[node];
        if state.is_loading || state.is_confused {
            return Reply::Refused(Refusal::Unavailable);
        }
        let slot = usize::from(work.slot);
        let missing = |world: &Self| {
            let here = |key: &&u8| world.place[&(work.slot, **key)] != node;
            work.keys.iter().filter(here).count()
        };
        let (missing, migrating) = (missing(self), self.migrating[slot]);
        let is_split = work.keys.len() > 1 && missing > 0 && missing < work.keys.len();
        match migrating {
            Some(to) if self.owner[slot] == node => {
                if is_split {
                    return Reply::Refused(Refusal::TryAgain);
                }
                if missing > 0 {
                    return Reply::Refused(Refusal::Ask(work.slot, address(to)));
                }
            }
            Some(to) if to == node && asking => {
                let is_complete = work.keys.len() == 1 || missing == 0;
                if !is_complete {
                    return Reply::Refused(Refusal::TryAgain);
                }
            }
            _ if self.owner[slot] != node => {
                return Reply::Refused(Refusal::Moved(work.slot, address(self.owner[slot])));
            }
            _ => {}
        }
        self.log.push(work.clone());
        Reply::Done
    }

    /// Something happens to the cluster.
    pub(super) fn change(&mut self, random: &mut fastrand::Rng) {
        let slot = random.u16(..SLOTS);
        let at = usize::from(slot);
        let node = random.usize(..NODES);
        match random.u8(..9) {
            0 | 1 => self.migrating[at] = Some(node).filter(|node| *node != self.owner[at]),
            2..=4 => {
                if let Some(to) = self.migrating[at] {
                    self.place.insert((slot, random.u8(..2)), to);
                }
            }
            5 => self.finish_migration(slot),
            6 => {
                // Failover.
                let failed = self.owner[at];
                self.nodes[failed].is_alive = random.bool();
                for slot in 0..SLOTS {
                    if self.owner[usize::from(slot)] != failed {
                        continue;
                    }
                    self.owner[usize::from(slot)] = node;
                    self.migrating[usize::from(slot)] = None;
                    self.place_all(slot, node);
                }
            }
            7 => self.nodes[node].is_loading = random.u8(..3) == 0,
            _ => self.nodes[node].is_confused = random.u8(..3) == 0,
        }
        if random.u8(..4) == 0 {
            self.nodes[node].is_alive = true;
        }
    }

    fn place_all(&mut self, slot: u16, node: usize) {
        for key in 0..2 {
            self.place.insert((slot, key), node);
        }
    }

    pub(super) fn finish_migration(&mut self, slot: u16) {
        if let Some(to) = self.migrating[usize::from(slot)].take() {
            self.place_all(slot, to);
            self.owner[usize::from(slot)] = to;
        }
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self) {
        for node in &mut self.nodes {
            *node = Node {
                is_alive: true,
                ..Node::default()
            };
        }
        (0..SLOTS).for_each(|slot| self.finish_migration(slot));
    }

    /// The topology. Real ranges do not matter, so that each slot is one.
    pub(super) fn ranges(&self) -> Vec<Range> {
        (0..SLOTS)
            .map(|slot| Range {
                first: slot,
                last: slot,
                primary: address(self.owner[usize::from(slot)]),
                replicas: vec![address((self.owner[usize::from(slot)] + 1) % NODES)],
            })
            .collect()
    }
}

/// The client's connection to a node: what it has sent, and what it has not.
#[derive(Debug)]
pub(super) struct Link<T> {
    pub(super) is_up: bool,
    pub(super) unsent: VecDeque<T>,
    /// Sent, and not executed.
    pub(super) sent: VecDeque<T>,
    /// Executed, and not answered.
    pub(super) replies: VecDeque<(T, Reply)>,
}

impl<T> Default for Link<T> {
    fn default() -> Self {
        Self {
            is_up: false,
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            replies: VecDeque::new(),
        }
    }
}
