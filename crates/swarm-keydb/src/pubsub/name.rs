//! Names of channels and patterns, and the marks of names that some servers reject.

use std::collections::HashSet;

use bytes::Bytes;
use swarm_resp::ArgSink;

use crate::command::Builder;
use crate::error::{Error, Result};
use crate::key::{ToKey, ToKeys};
use crate::server::Marks;

/// Whether a name is a channel, a pattern or a sharded channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The name of one channel.
    Channel,
    /// A pattern of channel names.
    Pattern,
    /// The name of one sharded channel.
    Shard,
}

impl Kind {
    /// Returns the command that subscribes to such a name.
    pub(crate) const fn subscribe(self) -> &'static str {
        match self {
            Self::Channel => "SUBSCRIBE",
            Self::Pattern => "PSUBSCRIBE",
            Self::Shard => "SSUBSCRIBE",
        }
    }

    /// Returns the command that unsubscribes from such a name.
    pub(super) const fn unsubscribe(self) -> &'static str {
        match self {
            Self::Channel => "UNSUBSCRIBE",
            Self::Pattern => "PUNSUBSCRIBE",
            Self::Shard => "SUNSUBSCRIBE",
        }
    }

    /// Returns the marks of a name: what it contains that some servers reject.
    pub(super) fn marks(self, text: &[u8]) -> Marks {
        let marks = Marks::of_key(text);
        if self == Self::Pattern && !is_valid_pattern(text) {
            marks.and(Marks::PATTERN_CLASS)
        } else {
            marks
        }
    }
}

/// A channel or a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(super) kind: Kind,
    pub(super) text: Bytes,
}

impl Name {
    /// Collects the names from arguments, without duplicates.
    pub(crate) fn all(kind: Kind, keys: impl ToKeys) -> Result<Vec<Self>> {
        let mut names = Names {
            kind,
            seen: HashSet::new(),
            names: Vec::new(),
        };
        keys.write_keys(&mut names);
        let names = names.names;
        if names.is_empty() {
            return Err(Error::argument("no name given; pass at least one"));
        }
        Ok(names)
    }
}

/// Collects names.
struct Names {
    kind: Kind,
    seen: HashSet<Bytes>,
    names: Vec<Name>,
}

impl ArgSink for Names {
    fn arg(&mut self, text: &[u8]) {
        let text = Bytes::copy_from_slice(text);
        if self.seen.insert(text.clone()) {
            self.names.push(Name {
                kind: self.kind,
                text,
            });
        }
    }
}

impl Builder {
    /// Appends the name of a channel.
    pub(crate) fn channel(self, name: impl ToKey) -> Self {
        self.names(Kind::Channel, name.to_key())
    }

    /// Appends the names of any number of channels.
    pub(crate) fn channels(self, names: impl ToKeys) -> Self {
        self.names(Kind::Channel, names)
    }

    /// Appends a pattern.
    pub(crate) fn pattern(self, pattern: impl ToKey) -> Self {
        self.names(Kind::Pattern, pattern.to_key())
    }

    fn names(mut self, kind: Kind, names: impl ToKeys) -> Self {
        names.write_keys(&mut NameSink {
            kind,
            builder: &mut self,
        });
        self
    }
}

/// Appends names to a command, and marks the command if some servers reject a name.
struct NameSink<'a> {
    kind: Kind,
    builder: &'a mut Builder,
}

impl ArgSink for NameSink<'_> {
    fn arg(&mut self, text: &[u8]) {
        self.builder.mark(self.kind.marks(text));
        ArgSink::arg(&mut self.builder.request, text);
    }
}

/// Returns whether SwarmKeyDb can parse a pattern: it has no empty class and no reversed range.
/// SwarmKeyDb's patterns have no escape character.
fn is_valid_pattern(pattern: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pattern);
    let mut rest = text.as_ref();
    while let Some((_, behind)) = rest.split_once('[') {
        let behind = behind.strip_prefix(['!', '^']).unwrap_or(behind);
        let (class, after) = behind.split_once(']').unwrap_or((behind, ""));
        if class.is_empty() || has_reversed_range(class) {
            return false;
        }
        rest = after;
    }
    true
}

fn has_reversed_range(class: &str) -> bool {
    let mut letters = class.chars();
    while let Some(first) = letters.next() {
        let mut range = letters.clone();
        if let (Some('-'), Some(last)) = (range.next(), range.next()) {
            if last < first {
                return true;
            }
            letters = range;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn patterns_that_would_break_every_publish_are_refused() {
        for pattern in [
            "*",
            "a?c",
            "[abc]*",
            "[!abc]",
            "[a-z]x[0-9]",
            "[a-a]",
            "[a-c-a]",
            "[a-]",
            "[-a]",
            "[abc",
            "a]",
            "\\*",
        ] {
            assert!(is_valid_pattern(pattern.as_bytes()), "{pattern}");
        }
        for pattern in [
            "[",
            "[]",
            "a[]b",
            "[!",
            "[!]",
            "[^]",
            "[z-a]",
            "x[a-cz-a]",
            "[a][]",
            "\\[",
        ] {
            assert!(!is_valid_pattern(pattern.as_bytes()), "{pattern}");
            let marks = Kind::Pattern.marks(pattern.as_bytes());
            assert!(marks.contains(Marks::PATTERN_CLASS), "{pattern}");
        }
    }

    #[test]
    fn a_name_given_twice_is_one() {
        let names = Name::all(Kind::Channel, ["a", "b", "a"]).unwrap();
        let texts: Vec<_> = names.iter().map(|name| name.text.as_ref()).collect();
        assert_eq!(texts, [b"a", b"b"]);
    }

    #[test]
    fn no_name_at_all_is_an_error_and_odd_names_are_marked() {
        let none: [&str; 0] = [];
        let error = Name::all(Kind::Channel, none).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert_eq!(Kind::Channel.marks(b""), Marks::EMPTY_NAME);
        assert!(Kind::Channel.marks(b"a\r\nb").contains(Marks::LINE_BREAK));
        assert!(Kind::Channel.marks(b"[z-a]").is_empty(), "not a pattern");
        assert!(Name::all(Kind::Channel, ["a", "", "a\r\nb"]).is_ok());
    }

    #[test]
    fn commands_are_marked_by_the_names_in_their_arguments() {
        let marks = |builder: Builder| builder.marks;
        let channel = Builder::new("PUBLISH").channel("a\r\nb");
        assert!(marks(channel).contains(Marks::LINE_BREAK));
        let pattern = Builder::new("PUBSUB CHANNELS").pattern("[z-a]");
        assert!(marks(pattern).contains(Marks::PATTERN_CLASS));
        assert!(marks(Builder::new("PUBLISH").channel("a")).is_empty());
    }
}
