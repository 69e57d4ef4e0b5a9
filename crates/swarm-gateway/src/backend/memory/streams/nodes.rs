//! Nodes in which Redis stores a stream. They show in what `~` keeps and in what XINFO counts.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::id::StreamId;

/// Maximum size of a node, as set by `stream-node-max-entries` and `stream-node-max-bytes`.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeSize {
    /// 0 for no maximum.
    entries: usize,
    bytes: usize,
}

/// Nodes of a stream by their first ID, which remains when that entry is deleted.
#[derive(Debug, Clone, Default)]
pub(super) struct Nodes(BTreeMap<StreamId, Node>);

/// A node: a listpack that begins with a master entry and its fields.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Number of entries.
    pub(super) live: usize,
    /// ID of the last entry, which may be deleted.
    pub(super) last: StreamId,
    /// Number of deleted entries, which the node still contains.
    deleted: usize,
    /// Size without the two counters.
    bytes: usize,
    /// Fields of the first entry. Entries with the same fields do not repeat them.
    fields: Vec<Bytes>,
}

impl Default for NodeSize {
    fn default() -> Self {
        Self::new(100, 4096)
    }
}

impl NodeSize {
    /// Maximum number of bytes of a listpack.
    const MAX_BYTES: usize = 1 << 30;

    pub(super) const fn new(entries: usize, bytes: usize) -> Self {
        let bytes = match bytes {
            1..=Self::MAX_BYTES => bytes,
            _ => Self::MAX_BYTES,
        };
        Self { entries, bytes }
    }

    /// Returns how many entries a command removes at most with `~` and without LIMIT.
    pub(super) const fn limit(self) -> usize {
        match self.entries.saturating_mul(100) {
            0 => 10_000,
            limit @ ..=1_000_000 => limit,
            _ => 1_000_000,
        }
    }
}

impl Nodes {
    /// Adds an entry behind all others. `fields` alternates fields and values.
    pub(super) fn add(&mut self, id: StreamId, fields: &[Bytes], most: NodeSize) {
        let names: Vec<_> = fields.iter().step_by(2).cloned().collect();
        let size: usize = fields.iter().map(Bytes::len).sum();
        let last = self.0.last_key_value();
        if last.is_none_or(|(_, node)| node.is_full(size, most)) {
            self.begin(id, names);
        }
        self.push(id, fields);
    }

    /// Begins a node without entries, behind all others.
    pub(super) fn begin(&mut self, first: StreamId, fields: Vec<Bytes>) {
        self.0.insert(first, Node::new(first, fields));
    }

    /// Adds an entry to the last node, however large it is.
    pub(super) fn push(&mut self, id: StreamId, fields: &[Bytes]) {
        let names: Vec<_> = fields.iter().step_by(2).cloned().collect();
        if let Some(mut last) = self.0.last_entry() {
            let first = *last.key();
            last.get_mut().push(first, id, &names, fields);
        }
    }

    /// Iterates over the nodes with their first IDs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&StreamId, &Node)> {
        self.0.iter()
    }

    /// Removes an entry that exists. A node disappears with its last entry.
    pub(super) fn remove(&mut self, id: StreamId) {
        let Some((&first, node)) = self.0.range_mut(..=id).next_back() else {
            return;
        };
        node.live = node.live.saturating_sub(1);
        node.deleted += 1;
        if node.live == 0 {
            self.0.remove(&first);
        }
    }

    pub(super) fn oldest(&self) -> Option<&Node> {
        self.0.first_key_value().map(|(_, node)| node)
    }

    pub(super) fn remove_oldest(&mut self) {
        self.0.pop_first();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the number of nodes of the radix tree whose keys are the first IDs.
    pub(super) fn of_the_tree(&self) -> usize {
        let keys: Vec<_> = self.0.keys().map(|id| key(*id)).collect();
        match keys.as_slice() {
            // The root of an empty tree.
            [] => 1,
            keys => tree_nodes(keys, 0),
        }
    }
}

/// Returns an ID as a key of the radix tree.
fn key(id: StreamId) -> [u8; 16] {
    (u128::from(id.millis) << 64 | u128::from(id.sequence)).to_be_bytes()
}

/// Returns the number of radix tree nodes for sorted keys that share their first `depth` bytes: one
/// for the bytes that all keys share, one for the branches, and one at the end of each key.
fn tree_nodes(keys: &[[u8; 16]], depth: usize) -> usize {
    let byte = |key: &[u8; 16], at: usize| key.get(at).copied();
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return 0;
    };
    if first == last {
        return if depth == first.len() { 1 } else { 2 };
    }
    let mut branch = depth;
    while byte(first, branch) == byte(last, branch) {
        branch += 1;
    }
    let groups = keys.chunk_by(|one, next| byte(one, branch) == byte(next, branch));
    let below: usize = groups.map(|group| tree_nodes(group, branch + 1)).sum();
    usize::from(branch > depth) + 1 + below
}

impl Node {
    fn new(first: StreamId, fields: Vec<Bytes>) -> Self {
        // Header and end, then the number of fields, the fields, and a zero.
        let names: usize = fields.iter().map(|field| text(field)).sum();
        Self {
            live: 0,
            last: first,
            deleted: 0,
            bytes: 7 + integer(count(fields.len())) + names + integer(0),
            fields,
        }
    }

    /// Returns the fields of the first entry.
    pub(super) fn fields(&self) -> &[Bytes] {
        &self.fields
    }

    /// Returns whether an entry with fields and values of this size starts a new node.
    fn is_full(&self, size: usize, most: NodeSize) -> bool {
        let used = self.bytes + integer(count(self.live)) + integer(count(self.deleted));
        let entries = self.live + self.deleted;
        used + size >= most.bytes || most.entries > 0 && entries >= most.entries
    }

    fn push(&mut self, first: StreamId, id: StreamId, names: &[Bytes], fields: &[Bytes]) {
        let same = self.fields == names;
        let millis = id.millis.wrapping_sub(first.millis).cast_signed();
        let sequence = id.sequence.wrapping_sub(first.sequence).cast_signed();
        // Flags, and the ID relative to the first one.
        self.bytes += integer(0) + integer(millis) + integer(sequence);
        let mut elements = names.len() + 3;
        if same {
            self.bytes += (fields.iter().skip(1).step_by(2))
                .map(|value| text(value))
                .sum::<usize>();
        } else {
            elements += names.len() + 1;
            self.bytes += integer(count(names.len()));
            self.bytes += fields.iter().map(|part| text(part)).sum::<usize>();
        }
        self.bytes += integer(count(elements));
        self.live += 1;
        self.last = id;
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns the size of an integer in a listpack.
const fn integer(value: i64) -> usize {
    let encoded = match value {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    };
    with_length(encoded)
}

/// Returns the size of a text in a listpack, which stores integers as such.
fn text(value: &[u8]) -> usize {
    let number = str::from_utf8(value).ok().filter(|text| text.len() <= 20);
    let number = number.and_then(|text| Some((text, text.parse::<i64>().ok()?)));
    match number {
        Some((text, number)) if number.to_string() == text => integer(number),
        _ => with_length(match value.len() {
            length @ ..64 => 1 + length,
            length @ ..4096 => 2 + length,
            length => 5 + length,
        }),
    }
}

/// Adds the size of the length at the end of an element.
const fn with_length(encoded: usize) -> usize {
    encoded
        + match encoded {
            ..=127 => 1,
            128..=16_382 => 2,
            16_383..=2_097_150 => 3,
            2_097_151..=268_435_454 => 4,
            _ => 5,
        }
}
