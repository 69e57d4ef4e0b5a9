//! Which slots a scan of all nodes has covered. Performs no I/O.
//!
//! A scan of one node yields every key that the node has throughout. Keys of a slot that moves
//! meanwhile are only complete together with those of the node that it moves to, if that node is
//! scanned afterwards: keys move forward, in the direction of the scans.

use std::collections::HashMap;
use std::hash::Hash;

use super::super::slot::SLOTS;

/// What a node says about itself at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View<N> {
    /// Identity of the process, whose cursors no other process understands.
    pub(super) run: Vec<u8>,
    pub(super) is_primary: bool,
    /// Grows if the node takes slots, or becomes the primary.
    pub(super) epoch: u64,
    /// Ranges of slots that the node owns.
    pub(super) owned: Vec<(u16, u16)>,
    /// Slots that the node gives away, and to which node, if that is known.
    pub(super) migrating: HashMap<u16, Option<N>>,
    /// Slots that the node takes over, and from which node.
    pub(super) importing: HashMap<u16, Option<N>>,
}

impl<N> View<N> {
    fn owns(&self, slot: u16) -> bool {
        let mut ranges = self.owned.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

/// Which keys of a slot were not yielded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing<N> {
    All,
    /// Those that had left `source` when its scan ended, or left it before they were reached.
    Moved {
        source: N,
        /// Epoch of the source. Grows if the slot comes back.
        epoch: u64,
        to: Option<N>,
    },
    None,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<N> {
    Scan(N),
    Done,
}

/// Which keys were not yielded, by slot.
pub(super) struct Coverage<N>(Vec<Missing<N>>);

impl<N: Copy + Eq + Hash> Coverage<N> {
    pub(super) fn new() -> Self {
        Self(vec![Missing::All; usize::from(SLOTS)])
    }

    /// Whether keys of a slot may be missing.
    pub(super) fn is_missing(&self, slot: u16) -> bool {
        let missing = self.0.get(usize::from(slot));
        missing.is_none_or(|missing| *missing != Missing::None)
    }

    /// Whether a node owns or takes over a slot whose keys may be missing.
    pub(super) fn needs(&self, view: &View<N>) -> bool {
        (0..SLOTS).any(|slot| {
            self.is_missing(slot) && (view.owns(slot) || view.importing.contains_key(&slot))
        })
    }

    /// Returns the node to scan next. Slots that no node has ever owned have no keys.
    pub(super) fn next(&self, owner: impl Fn(u16) -> Option<N>) -> Next<N> {
        let nodes = self.0.iter().zip(0..).filter_map(|(missing, slot)| {
            let to = match missing {
                Missing::None => return None,
                Missing::Moved { to, .. } => *to,
                Missing::All => None,
            };
            to.or_else(|| owner(slot))
        });
        nodes.map(Next::Scan).next().unwrap_or(Next::Done)
    }

    /// A node is not what was expected: it neither owns nor takes over the slots whose keys are
    /// missing there.
    pub(super) fn not_at(&mut self, node: N) {
        for missing in &mut self.0 {
            if matches!(missing, Missing::Moved { to, .. } if *to == Some(node)) {
                *missing = Missing::All;
            }
        }
    }

    /// Returns the nodes that must be asked once more after the scan of one that takes over their
    /// slots.
    pub(super) fn sources(&self, before: &View<N>) -> Vec<N> {
        let mut sources = Vec::new();
        for (missing, slot) in self.0.iter().zip(0..) {
            if let Missing::Moved { source, .. } = missing
                && before.importing.get(&slot) == Some(&Some(*source))
                && !sources.contains(source)
            {
                sources.push(*source);
            }
        }
        sources
    }

    /// A node was scanned from the beginning to the end. `before` and `after` are what it said
    /// before the first page and after the last one, and `sources` what the
    /// [sources](Self::sources) say now.
    pub(super) fn scanned(
        &mut self,
        node: N,
        before: &View<N>,
        after: &View<N>,
        sources: &HashMap<N, View<N>>,
    ) {
        if before.run != after.run || !before.is_primary || !after.is_primary {
            return;
        }
        for (missing, slot) in self.0.iter_mut().zip(0..) {
            *missing = match *missing {
                Missing::None => Missing::None,
                _ if before.owns(slot) => after_owner(slot, node, before, after),
                Missing::All => Missing::All,
                Missing::Moved { source, epoch, .. }
                    if before.importing.get(&slot) == Some(&Some(source)) =>
                {
                    let source = (sources.get(&source)).filter(|source| source.epoch == epoch);
                    after_importer(slot, node, source, after)
                }
                Missing::Moved { to, .. } if to == Some(node) => Missing::All,
                moved => moved,
            };
        }
    }
}

/// Returns which keys of a slot are missing after a scan of the node that owned it.
fn after_owner<N: Copy>(slot: u16, node: N, before: &View<N>, after: &View<N>) -> Missing<N> {
    let (left, leaves) = (before.migrating.get(&slot), after.migrating.get(&slot));
    // The slot could have been away meanwhile, or keys of it.
    let is_uncertain = before.epoch != after.epoch || (left.is_some() && leaves.is_none());
    if after.owns(slot) && is_uncertain {
        return Missing::All;
    }
    if leaves.is_some() || !after.owns(slot) {
        return Missing::Moved {
            source: node,
            epoch: after.epoch,
            to: leaves.copied().flatten(),
        };
    }
    Missing::None
}

/// Returns which keys of a slot are missing after a scan of the node that took it over from one
/// that was scanned before. `source` is `None` if the slot may have been back there.
fn after_importer<N: Copy>(
    slot: u16,
    node: N,
    source: Option<&View<N>>,
    after: &View<N>,
) -> Missing<N> {
    let Some(source) = source else {
        return Missing::All;
    };
    if let Some(to) = after.migrating.get(&slot) {
        return Missing::Moved {
            source: node,
            epoch: after.epoch,
            to: *to,
        };
    }
    // What has not arrived yet was at the source throughout its scan.
    if after.owns(slot) || source.migrating.contains_key(&slot) {
        return Missing::None;
    }
    Missing::All
}
