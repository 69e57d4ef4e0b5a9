//! Access to single values of an aggregate.

use super::{Frame, FrameRef, Kind};

/// Selects a value of an aggregate: a position, or the name of a field. Sealed.
pub trait FrameIndex: sealed::Sealed {
    /// Returns the selected value.
    #[doc(hidden)]
    fn of(self, frame: FrameRef<'_>) -> Option<FrameRef<'_>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for usize {}
    impl Sealed for &str {}
    impl Sealed for &[u8] {}
    impl<const N: usize> Sealed for &[u8; N] {}
}

impl FrameIndex for usize {
    fn of(self, frame: FrameRef<'_>) -> Option<FrameRef<'_>> {
        frame.items()?.nth(self)
    }
}

impl FrameIndex for &[u8] {
    fn of(self, frame: FrameRef<'_>) -> Option<FrameRef<'_>> {
        if !matches!(frame.kind(), Kind::Map | Kind::Array) {
            return None;
        }
        let mut items = frame.items()?;
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if key.as_bytes() == Some(self) {
                return Some(value);
            }
        }
        None
    }
}

impl FrameIndex for &str {
    fn of(self, frame: FrameRef<'_>) -> Option<FrameRef<'_>> {
        self.as_bytes().of(frame)
    }
}

impl<const N: usize> FrameIndex for &[u8; N] {
    fn of(self, frame: FrameRef<'_>) -> Option<FrameRef<'_>> {
        self.as_slice().of(frame)
    }
}

impl<'a> FrameRef<'a> {
    /// Returns a value of an aggregate. See [`Frame::get`].
    pub fn get(self, index: impl FrameIndex) -> Option<Self> {
        index.of(self)
    }

    /// Returns the number of values of an aggregate. See [`Frame::len`].
    #[expect(
        clippy::len_without_is_empty,
        reason = "most kinds have no length; a frame is not a container"
    )]
    pub fn len(self) -> Option<usize> {
        match self.pairs() {
            Some(pairs) => Some(pairs.len()),
            None => self.items().map(|items| items.len()),
        }
    }
}

impl Frame {
    /// Returns a value of an aggregate: with a number, the item at that position; with a string,
    /// the value of that field.
    ///
    /// A field is looked up in a map, or in an array of alternating keys and values, by which RESP2
    /// represents a map. The first of several equal fields counts. Each lookup searches from the
    /// start; to read many values, use [`items`](Self::items) or [`pairs`](Self::pairs), or convert
    /// the frame.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_resp::Frame;
    ///
    /// let hello = Frame::map([(&Frame::bulk("proto"), &Frame::integer(3))]);
    /// assert_eq!(hello.get("proto").and_then(|proto| proto.as_integer()), Some(3));
    /// assert!(hello.get("missing").is_none());
    ///
    /// let list = Frame::array(&[Frame::bulk("a"), Frame::bulk("b")]);
    /// assert_eq!(list.get(1).and_then(|item| item.as_str()), Some("b"));
    /// assert!(list.get(2).is_none());
    /// ```
    pub fn get(&self, index: impl FrameIndex) -> Option<FrameRef<'_>> {
        self.view().get(index)
    }

    /// Returns the number of values of an array, set or push, or the number of key-value pairs of a
    /// map. Returns `None` for other kinds.
    #[expect(
        clippy::len_without_is_empty,
        reason = "most kinds have no length; a frame is not a container"
    )]
    pub fn len(&self) -> Option<usize> {
        self.view().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> [Frame; 4] {
        ["a", "b", "b", "c"].map(Frame::bulk)
    }

    #[test]
    fn a_field_is_found_among_keys_only() {
        let [a, b, also_b, c] = &pairs();
        let map = Frame::map([(a, b), (also_b, c)]);
        let flat = Frame::array(&pairs());
        for frame in [&map, &flat] {
            assert_eq!(frame.get("b").unwrap().as_str(), Some("c"));
            assert_eq!(frame.get(b"a").unwrap().as_str(), Some("b"));
            assert!(frame.get("c").is_none());
        }
        assert_eq!((map.len(), flat.len()), (Some(2), Some(4)));
        assert_eq!(map.get(1).unwrap().as_str(), Some("b"));
    }

    #[test]
    fn other_kinds_have_no_fields_and_no_length() {
        let set = Frame::set(&pairs());
        assert_eq!(set.kind(), Kind::Set);
        assert_eq!(set.len(), Some(4));
        assert_eq!(set.get(3).unwrap().as_str(), Some("c"));
        assert!(set.get("a").is_none());
        let text = Frame::bulk("a");
        assert_eq!((text.len(), text.get(0).is_none()), (None, true));
        assert!(Frame::null().get("a").is_none());
        assert_eq!(Frame::array(&[]).len(), Some(0));
    }

    #[test]
    fn constructors_match_the_builder() {
        let number = Frame::big_number("-12345678901234567890");
        assert_eq!(number.kind(), Kind::BigNumber);
        assert_eq!(number.as_str(), Some("-12345678901234567890"));
        assert_eq!(Frame::big_number("12a").kind(), Kind::BulkString);
        let text = Frame::verbatim(*b"mkd", b"# Title");
        assert_eq!(text.verbatim_format(), Some(&b"mkd"[..]));
        assert_eq!(text.as_str(), Some("# Title"));
        assert_eq!(Frame::bulk("x").verbatim_format(), None);
        assert_eq!(Frame::error("ERR x").error_bytes(), Some(&b"ERR x"[..]));
        assert_eq!(Frame::bulk("x").error_bytes(), None);
    }
}
