//! Random scans of a simulated cluster whose slots move meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::coverage::{Coverage, Next, View};

const NODES: usize = 3;
const SLOTS: u16 = 6;
const KEYS: u16 = 24;

/// A slot that is being given away.
#[derive(Clone, Copy)]
struct Move {
    slot: u16,
    from: usize,
    to: usize,
}

/// Nodes and the keys that are never deleted. A key is a number, and its slot follows from it.
struct World {
    owners: Vec<usize>,
    keys: Vec<BTreeSet<u16>>,
    epochs: [u64; NODES],
    runs: [u8; NODES],
    moving: Option<Move>,
    random: fastrand::Rng,
}

const fn slot(key: u16) -> u16 {
    key % SLOTS
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let owners: Vec<_> = (0..SLOTS).map(|_| random.usize(..NODES)).collect();
        let mut keys = vec![BTreeSet::new(); NODES];
        for key in 0..KEYS {
            keys[owners[usize::from(slot(key))]].insert(key);
        }
        Self {
            owners,
            keys,
            epochs: [1, 2, 3],
            runs: [0; NODES],
            moving: None,
            random,
        }
    }

    /// Something happens, as an operator could do it.
    fn step(&mut self) {
        let Some(moving) = self.moving else {
            let slot = self.random.u16(..SLOTS);
            let from = self.owners[usize::from(slot)];
            let to = (from + self.random.usize(1..NODES)) % NODES;
            self.moving = Some(Move { slot, from, to });
            return;
        };
        let Move {
            slot: moves,
            from,
            to,
        } = moving;
        let left = self.keys[from]
            .iter()
            .copied()
            .find(|key| slot(*key) == moves);
        match (left, self.random.u8(..8)) {
            // Gives up. If keys moved back to a node during its scan, nothing would show that.
            (_, 0) if !self.keys[to].iter().any(|key| slot(*key) == moves) => self.moving = None,
            (Some(key), _) => {
                self.keys[from].remove(&key);
                self.keys[to].insert(key);
            }
            (None, _) => {
                self.owners[usize::from(moves)] = to;
                let highest = *self.epochs.iter().max().unwrap();
                if self.epochs[to] != highest {
                    self.epochs[to] = highest + 1;
                }
                self.moving = None;
            }
        }
    }

    fn view(&self, node: usize) -> View<usize> {
        let owned = (0..SLOTS).filter(|slot| self.owners[usize::from(*slot)] == node);
        let mut view = View {
            run: vec![self.runs[node]],
            is_primary: true,
            epoch: self.epochs[node],
            owned: owned.map(|slot| (slot, slot)).collect(),
            migrating: HashMap::new(),
            importing: HashMap::new(),
        };
        if let Some(Move { slot, from, to }) = self.moving {
            if from == node {
                view.migrating.insert(slot, Some(to));
            } else if to == node {
                view.importing.insert(slot, Some(from));
            }
        }
        view
    }

    /// Returns a page, and the next cursor. Each process has its own order of keys.
    fn page(&self, node: usize, cursor: u16) -> (Vec<u16>, u16) {
        let place = |key: u16| (key * 7 + u16::from(self.runs[node]) * 5) % KEYS;
        let end = cursor + 4;
        let keys = self.keys[node].iter().copied();
        let keys = keys.filter(|key| (cursor..end).contains(&place(*key)));
        (keys.collect(), if end < KEYS { end } else { 0 })
    }
}

/// Scans a cluster while it changes. Returns how often each key was yielded.
fn scan(seed: u64) -> BTreeMap<u16, u32> {
    let mut world = World::new(seed);
    let mut coverage = Coverage::new();
    let mut yielded = BTreeMap::new();
    // The client's map of slots may be outdated.
    let mut owners = world.owners.clone();
    let busy = world.random.usize(..6);
    for turn in 0..1_000 {
        let is_owned = |slot: u16| owners.get(usize::from(slot)).copied();
        let Next::Scan(node) = coverage.next(is_owned) else {
            return yielded;
        };
        let may_change = turn < 20;
        let before = world.view(node);
        if !coverage.needs(&before) {
            coverage.not_at(node);
            owners.clone_from(&world.owners);
            continue;
        }
        let mut cursor = 0;
        loop {
            for _ in 0..world.random.usize(..=busy) {
                if may_change {
                    world.step();
                }
            }
            if may_change && world.random.u8(..60) == 0 {
                world.runs[node] += 1;
            }
            let (keys, next) = world.page(node, cursor);
            for key in keys
                .into_iter()
                .filter(|key| coverage.is_missing(slot(*key)))
            {
                *yielded.entry(key).or_default() += 1;
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let after = world.view(node);
        for _ in 0..world.random.usize(..=busy) {
            if may_change {
                world.step();
            }
        }
        let sources = coverage.sources(&before).into_iter();
        let sources = sources.map(|source| (source, world.view(source))).collect();
        coverage.scanned(node, &before, &after, &sources);
        if world.random.bool() {
            owners.clone_from(&world.owners);
        }
    }
    panic!("seed {seed}: the scan does not end");
}

#[test]
fn no_key_is_missed_although_slots_move() {
    let seeds = std::env::var("SWARM_SCHEDULES").map_or(300, |seeds| seeds.parse().unwrap());
    let mut twice = 0;
    for seed in 0..seeds {
        let yielded = scan(seed);
        let missed: Vec<_> = (0..KEYS).filter(|key| !yielded.contains_key(key)).collect();
        assert_eq!(missed, [0; 0], "seed {seed}");
        twice += yielded.values().filter(|count| **count > 1).count();
    }
    assert!(twice > 0, "no slot has moved");
}

#[test]
fn a_cluster_at_rest_is_scanned_once() {
    let world = World::new(1);
    let mut coverage = Coverage::new();
    let mut scans = 0;
    let owner = |slot: u16| world.owners.get(usize::from(slot)).copied();
    while let Next::Scan(node) = coverage.next(owner) {
        let view = world.view(node);
        coverage.scanned(node, &view, &view, &HashMap::new());
        scans += 1;
    }
    let owners: BTreeSet<_> = world.owners.iter().collect();
    assert_eq!(scans, owners.len());
}
