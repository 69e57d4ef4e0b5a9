//! Conversion to maps, from maps (RESP3), flat lists (RESP2) and lists of pairs.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use super::{ConvertError, FromFrame};
use crate::frame::FrameRef;

impl<K, V, S> FromFrame for HashMap<K, V, S>
where
    K: FromFrame + Eq + Hash,
    V: FromFrame,
    S: BuildHasher + Default,
{
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        pairs(frame).map(Self::from_iter)
    }
}

impl<K: FromFrame + Ord, V: FromFrame> FromFrame for BTreeMap<K, V> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        pairs(frame).map(Self::from_iter)
    }
}

fn pairs<K: FromFrame, V: FromFrame>(frame: FrameRef<'_>) -> Result<Vec<(K, V)>, ConvertError> {
    <(K, V)>::list_from_frame(frame).map_err(|error| match error.expected {
        // The caller requested a map.
        super::tuple::LIST if error.position().len() == 0 => ConvertError::new("a map", frame),
        _ => error,
    })
}
