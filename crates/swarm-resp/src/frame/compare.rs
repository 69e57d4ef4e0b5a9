//! Equality of frames: by value and kind, wherever their bytes lie.

use super::{Frame, FrameRef, Tag};

impl PartialEq for FrameRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        // The index is the value in pre-order, so two values are equal when their nodes are, one by one.
        self.nodes().len() == other.nodes().len()
            && self.nodes().iter().zip(other.nodes()).all(|(left, right)| {
                let null = |tag| matches!(tag, Tag::Null | Tag::NullArray);
                if null(left.tag) && null(right.tag) {
                    true
                } else if left.is_text() {
                    left.tag == right.tag && self.node_text(*left) == other.node_text(*right)
                } else {
                    left.tag == right.tag && left.a == right.a && left.b == right.b
                }
            })
    }
}

impl Eq for FrameRef<'_> {}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for Frame {}
