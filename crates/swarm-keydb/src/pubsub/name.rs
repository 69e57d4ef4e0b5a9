//! Names of channels and patterns, and which of them would harm the server.

use std::collections::HashSet;

use bytes::Bytes;
use swarm_resp::ArgSink;

use crate::command::{Builder, has_line_break};
use crate::error::{Error, Result};
use crate::key::{ToKey, ToKeys};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// One channel.
    Channel,
    /// All channels that match.
    Pattern,
}

impl Kind {
    /// The command that asks for what a name stands for.
    pub(crate) const fn subscribe(self) -> &'static str {
        match self {
            Self::Channel => "SUBSCRIBE",
            Self::Pattern => "PSUBSCRIBE",
        }
    }

    /// The command that wants no more of it.
    pub(super) const fn unsubscribe(self) -> &'static str {
        match self {
            Self::Channel => "UNSUBSCRIBE",
            Self::Pattern => "PUNSUBSCRIBE",
        }
    }

    fn check(self, text: &[u8]) -> Result<()> {
        let what = match self {
            Self::Channel => "channel",
            Self::Pattern => "pattern",
        };
        if text.is_empty() {
            return Err(Error::argument(format!(
                "the name of a {what} is empty; give one"
            )));
        }
        if has_line_break(text) {
            return Err(Error::argument(format!(
                "the name of a {what} holds a line break (CR or LF), which would corrupt the server's replies; remove it"
            )));
        }
        if self == Self::Pattern && !is_readable(text) {
            return Err(Error::argument(
                "a class of the pattern is empty (`[]`) or reversed (`[z-a]`), which would make every PUBLISH on a \
                 SwarmKeyDb server fail; a backslash does not escape a bracket there",
            ));
        }
        Ok(())
    }
}

/// A channel or a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(super) kind: Kind,
    pub(super) text: Bytes,
}

impl Name {
    /// The names of a kind that arguments hold, each once.
    pub(crate) fn all(kind: Kind, keys: impl ToKeys) -> Result<Vec<Self>> {
        let mut names = Names {
            kind,
            seen: HashSet::new(),
            names: Ok(Vec::new()),
        };
        keys.write_keys(&mut names);
        let names = names.names?;
        if names.is_empty() {
            return Err(Error::argument("no name was given; give at least one"));
        }
        Ok(names)
    }
}

/// Takes names.
struct Names {
    kind: Kind,
    seen: HashSet<Bytes>,
    /// The first reason to refuse one stands.
    names: Result<Vec<Name>>,
}

impl ArgSink for Names {
    fn arg(&mut self, text: &[u8]) {
        let Ok(names) = &mut self.names else { return };
        if let Err(error) = self.kind.check(text) {
            self.names = Err(error);
            return;
        }
        let text = Bytes::copy_from_slice(text);
        if self.seen.insert(text.clone()) {
            names.push(Name {
                kind: self.kind,
                text,
            });
        }
    }
}

impl Builder {
    /// Puts the name of a channel.
    pub(crate) fn channel(self, name: impl ToKey) -> Self {
        self.names(Kind::Channel, name.to_key())
    }

    /// Puts the names of channels, any number of them.
    pub(crate) fn channels(self, names: impl ToKeys) -> Self {
        self.names(Kind::Channel, names)
    }

    /// Puts a pattern of channels.
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

/// Adds names to a command, and rejects it for names that the server cannot take.
struct NameSink<'a> {
    kind: Kind,
    builder: &'a mut Builder,
}

impl ArgSink for NameSink<'_> {
    fn arg(&mut self, text: &[u8]) {
        if let Err(error) = self.kind.check(text) {
            self.builder.refuse(error);
        }
        ArgSink::arg(&mut self.builder.request, text);
    }
}

/// Whether SwarmKeyDb can read a pattern: no class in it is empty or has a range that ends before it begins. Its patterns
/// know no escape.
fn is_readable(pattern: &[u8]) -> bool {
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
            "[a-]",
            "[-a]",
            "[abc",
            "a]",
            "\\*",
        ] {
            assert!(is_readable(pattern.as_bytes()), "{pattern}");
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
            assert!(!is_readable(pattern.as_bytes()), "{pattern}");
            let error = Name::all(Kind::Pattern, pattern).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument);
        }
    }

    #[test]
    fn a_name_given_twice_is_one() {
        let names = Name::all(Kind::Channel, ["a", "b", "a"]).unwrap();
        let texts: Vec<_> = names.iter().map(|name| name.text.as_ref()).collect();
        assert_eq!(texts, [b"a", b"b"]);
    }

    #[test]
    fn names_that_no_server_could_take_are_refused() {
        for names in [&[][..], &["a", ""], &["a\r\nb"]] {
            let error = Name::all(Kind::Channel, names).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{names:?}");
        }
        // A channel may be called what no pattern may be.
        assert!(Name::all(Kind::Channel, "[z-a]").is_ok());
    }
}
