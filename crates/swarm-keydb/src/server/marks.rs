//! Marks of a request: content that some servers cannot take, or that needs a precaution.
//!
//! The server is not known when a command is built, so nothing is rejected there that only some
//! servers reject. Instead, the request is marked, and [`check`](super::check) compares the marks
//! with the profile of the connection that is about to send the request.

/// The marks of one request. Most have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    /// The reply may repeat text that contains a line break, so a fence must follow on servers that
    /// do not escape it.
    pub(crate) const FENCE: Self = Self(1);
    /// A name that the server may repeat in an error (a key, a group, a digest, …) contains a line
    /// break. [`FENCE`](Self::FENCE) comes with this mark, for servers that take such a name but
    /// may not escape it.
    pub(crate) const LINE_BREAK: Self = Self(2);
    /// A key or a channel is empty.
    pub(crate) const EMPTY_NAME: Self = Self(4);
    /// A class in a pattern of channels is empty or reversed.
    pub(crate) const PATTERN_CLASS: Self = Self(8);
    /// The increment of INCRBY is not an integer.
    pub(crate) const INCREMENT: Self = Self(16);

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of the other marks are among these.
    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the marks without the fence. Between MULTI and EXEC, a fence would be queued like
    /// any command.
    pub(crate) const fn unfenced(self) -> Self {
        Self(self.0 & !Self::FENCE.0)
    }

    /// Returns the marks of a name that the server may repeat in an error.
    #[inline]
    pub(crate) fn of_name(name: &[u8]) -> Self {
        if has_line_break(name) {
            Self::LINE_BREAK.and(Self::FENCE)
        } else {
            Self::NONE
        }
    }

    /// Returns the marks of a key.
    #[inline]
    pub(crate) fn of_key(key: &[u8]) -> Self {
        if key.is_empty() {
            Self::EMPTY_NAME
        } else {
            Self::of_name(key)
        }
    }
}

/// Whether a text contains CR or LF.
#[inline]
pub(crate) fn has_line_break(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}
