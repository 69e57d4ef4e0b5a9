//! Equality and hashing of frames, by value and kind.

use std::hash::{Hash, Hasher};

use super::{Frame, FrameRef, Node, Tag};

impl PartialEq for FrameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        // The index is in pre-order, so two values are equal if their nodes are pairwise equal.
        self.nodes().len() == other.nodes().len()
            && self.nodes().iter().zip(other.nodes()).all(|(left, right)| {
                let null = |tag| matches!(tag, Tag::Null | Tag::NullArray);
                if null(left.tag) && null(right.tag) {
                    true
                } else if left.is_double() && right.is_double() {
                    self.double_key(*left) == other.double_key(*right)
                } else if left.is_text() {
                    left.tag == right.tag && self.node_text(*left) == other.node_text(*right)
                } else {
                    left.tag == right.tag && left.a == right.a && left.b == right.b
                }
            })
    }
}

impl<'a> FrameRef<'a> {
    /// Returns what doubles are compared by: the bits of the number, or the text if it is not a
    /// number.
    fn double_key(self, node: Node) -> Result<u64, &'a [u8]> {
        match self.node_double(node) {
            Some(value) => Ok(Node::double(value).bits()),
            None => Err(self.node_text(node)),
        }
    }
}

impl Eq for FrameRef<'_> {}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for Frame {}

impl Hash for FrameRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for node in self.nodes() {
            // Equal values must have equal hashes, so tags that compare as equal are unified.
            let tag = match node.tag {
                Tag::NullArray => Tag::Null,
                Tag::TextDouble => Tag::Double,
                tag => tag,
            };
            state.write_u8(tag as u8);
            if node.is_double() {
                self.double_key(*node).hash(state);
            } else if node.is_text() {
                self.node_text(*node).hash(state);
            } else {
                (node.a, node.b).hash(state);
            }
        }
    }
}

impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}
