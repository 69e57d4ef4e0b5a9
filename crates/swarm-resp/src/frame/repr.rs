//! How a frame holds its bytes and its index.

use std::sync::Arc;

use bytes::Bytes;

use super::{Frame, FrameRef, Node};

/// How long a text may be that lies in the frame itself: as long as makes the frame no larger.
const SMALL: usize = 32;

/// What a [`Frame`] is inside. A leaf carries its only node in place.
#[derive(Clone)]
pub(super) enum Repr {
    /// A number, a constant or a short text: copying so little costs less than counting an owner of the buffer, and
    /// leaves the buffer to be used again.
    Small { node: [Node; 1], text: [u8; SMALL] },
    /// A longer text, which lies in the buffer it came in or in one of its own.
    Leaf { node: [Node; 1], bytes: Bytes },
    /// An aggregate, or a value with attributes, whose reply is so short that it is kept in the frame itself.
    SmallTree {
        nodes: Arc<[Node]>,
        text: [u8; SMALL],
    },
    /// A longer one.
    Tree { nodes: Arc<[Node]>, bytes: Bytes },
}

impl Frame {
    /// A frame without text.
    pub(crate) const fn scalar(node: Node) -> Self {
        let (node, text) = ([node], [0; SMALL]);
        Self(Repr::Small { node, text })
    }

    /// A frame of one leaf, if it has no text in `bytes` or a short one.
    #[inline]
    pub(crate) fn small(bytes: &[u8], node: Node) -> Option<Self> {
        if !node.is_text() {
            return Some(Self::scalar(node));
        }
        let (start, len) = (node.a as usize, node.b as usize);
        if len > SMALL {
            return None;
        }
        let from = bytes.get(start..)?;
        let text = match from.first_chunk::<SMALL>() {
            // So many bytes at once are two moves; those behind the text are never looked at.
            Some(chunk) => *chunk,
            None => {
                let mut text = [0; SMALL];
                text.get_mut(..len)?.copy_from_slice(from.get(..len)?);
                text
            }
        };
        let node = [Node { a: 0, ..node }];
        Some(Self(Repr::Small { node, text }))
    }

    /// A frame of one text that lies in `bytes`.
    #[inline]
    pub(crate) const fn leaf(bytes: Bytes, node: Node) -> Self {
        let node = [node];
        Self(Repr::Leaf { node, bytes })
    }

    /// A frame of one text, which is copied out of `bytes`.
    #[inline]
    pub(crate) fn copied_leaf(bytes: &[u8], node: Node) -> Self {
        let (start, len) = (node.a as usize, node.b as usize);
        let text = bytes.get(start..start.saturating_add(len));
        let text = Bytes::copy_from_slice(text.unwrap_or_default());
        Self::leaf(text, Node { a: 0, ..node })
    }

    pub(crate) fn from_nodes(bytes: Bytes, nodes: &[Node]) -> Self {
        match nodes {
            [node] if !node.tag.is_aggregate() => {
                Self::small(&bytes, *node).unwrap_or_else(|| Self::leaf(bytes, *node))
            }
            _ => {
                let nodes = Arc::from(nodes);
                Self(Repr::Tree { nodes, bytes })
            }
        }
    }

    /// A frame of the nodes of an aggregate, if its bytes are so short that they are kept in the frame itself.
    pub(crate) fn small_tree(bytes: &[u8], nodes: &[Node]) -> Option<Self> {
        let mut text = [0; SMALL];
        text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let nodes = Arc::from(nodes);
        Some(Self(Repr::SmallTree { nodes, text }))
    }

    /// Borrows the frame as a view; all readers live there.
    #[inline]
    pub fn view(&self) -> FrameRef<'_> {
        match &self.0 {
            Repr::Small { node, text } => FrameRef::new(text, None, node),
            Repr::SmallTree { nodes, text } => FrameRef::new(text, None, nodes),
            Repr::Leaf { node, bytes } => FrameRef::new(bytes, Some(bytes), node),
            Repr::Tree { nodes, bytes } => FrameRef::new(bytes, Some(bytes), nodes),
        }
    }
}
