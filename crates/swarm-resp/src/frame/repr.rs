//! Memory representation of frames.

use std::sync::Arc;

use bytes::Bytes;

use super::{Frame, FrameRef, Node};

/// Maximum length of text stored in the frame itself, chosen so that the frame does not grow.
const SMALL: usize = 32;

/// The representation of a [`Frame`]. A leaf stores its only node inline.
#[derive(Clone)]
pub(super) enum Repr {
    /// A number, a constant or a short string. Copying it costs less than a reference count, and
    /// does not pin the buffer.
    Small { node: [Node; 1], text: [u8; SMALL] },
    /// A longer string, which shares the read buffer or has its own.
    Leaf { node: [Node; 1], bytes: Bytes },
    /// An aggregate, or a value with attributes, whose whole encoding fits in the frame itself.
    SmallTree {
        nodes: Arc<[Node]>,
        text: [u8; SMALL],
    },
    /// A longer aggregate.
    Tree { nodes: Arc<[Node]>, bytes: Bytes },
}

impl Frame {
    /// Creates a frame without text.
    pub(crate) const fn scalar(node: Node) -> Self {
        let (node, text) = ([node], [0; SMALL]);
        Self(Repr::Small { node, text })
    }

    /// Creates a frame of one leaf, if it has no text or a short one.
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
            // A copy of constant size is two moves. The bytes after the text are never read.
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

    /// Creates a frame of one string that refers to `bytes`.
    #[inline]
    pub(crate) const fn leaf(bytes: Bytes, node: Node) -> Self {
        let node = [node];
        Self(Repr::Leaf { node, bytes })
    }

    /// Creates a frame of one string, copied from `bytes`.
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

    /// Creates a frame of an aggregate, if its bytes fit in the frame itself.
    pub(crate) fn small_tree(bytes: &[u8], nodes: &[Node]) -> Option<Self> {
        let mut text = [0; SMALL];
        text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let nodes = Arc::from(nodes);
        Some(Self(Repr::SmallTree { nodes, text }))
    }

    /// Returns a borrowed view of the frame.
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
