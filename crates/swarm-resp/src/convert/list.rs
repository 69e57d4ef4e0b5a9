//! Conversion to lists, sets and arrays.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasher, Hash};

use super::{ConvertError, FromFrame};
use crate::frame::FrameRef;

impl<T: FromFrame> FromFrame for Vec<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        T::list_from_frame(frame)
    }
}

impl<T: FromFrame> FromFrame for VecDeque<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        T::list_from_frame(frame).map(Self::from)
    }
}

impl<T: FromFrame> FromFrame for Box<[T]> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        T::list_from_frame(frame).map(Self::from)
    }
}

impl<T: FromFrame + Eq + Hash, S: BuildHasher + Default> FromFrame for HashSet<T, S> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        T::list_from_frame(frame).map(Self::from_iter)
    }
}

impl<T: FromFrame + Ord> FromFrame for BTreeSet<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        T::list_from_frame(frame).map(Self::from_iter)
    }
}

impl<T: FromFrame, const N: usize> FromFrame for [T; N] {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let wrong = |_| ConvertError::new("a list of a fixed length", frame);
        Self::try_from(T::list_from_frame(frame)?).map_err(wrong)
    }
}
