//! Rejects requests that the server cannot take, directly before they are sent: only then is the
//! server known.
//!
//! SwarmKeyDb replaces invalid UTF-8 in keys, channels, groups, consumers and script arguments by
//! U+FFFD, so `\xff` and `\xfe` are the same key there. It preserves only the values of a few
//! commands.

use std::fmt;

use swarm_resp::RequestRef;

use super::marks::Marks;
use super::profile::ServerProfile;

/// Why the server of a connection cannot take a request. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// The server would change an argument that is not UTF-8.
    NotUtf8 {
        /// The position of the argument. The command's name is at 0.
        argument: usize,
    },
    /// A name that the server may repeat in an error contains a line break.
    LineBreak,
    /// A key or a channel is empty.
    EmptyName,
    /// A class in a pattern is empty or reversed.
    PatternClass,
    /// The increment of INCRBY is not an integer.
    Increment,
}

/// The cause first, then the remedy.
impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { argument } => write!(
                f,
                "argument {argument} is not UTF-8, which SwarmKeyDb would replace by U+FFFD, so \
                 that different names become the same; encode it as text, for example as base64 or \
                 hex"
            ),
            Self::LineBreak => f.write_str(
                "a key or another name contains a line break (CR or LF), which SwarmKeyDb would \
                 write unescaped into its replies; remove it, or encode the name, for example as \
                 base64 or hex",
            ),
            Self::EmptyName => {
                f.write_str("a key or channel is empty, which SwarmKeyDb rejects; pass a name")
            }
            Self::PatternClass => f.write_str(
                "a class in the pattern is empty (`[]`) or reversed (`[z-a]`), which would make \
                 every PUBLISH on a SwarmKeyDb server fail; correct the class (a backslash does \
                 not escape a bracket there)",
            ),
            Self::Increment => f.write_str(
                "the increment is not an integer; SwarmKeyDb would never reply; pass an integer",
            ),
        }
    }
}

impl ServerProfile {
    /// Fails if a request has a mark that the server rejects. Need not be called for requests
    /// without marks.
    pub(crate) fn check_marks(self, marks: Marks) -> Result<(), Unsupported> {
        let rejected = [
            (self.line_breaks, Marks::LINE_BREAK, Unsupported::LineBreak),
            (self.empty_names, Marks::EMPTY_NAME, Unsupported::EmptyName),
            (
                self.regex_patterns,
                Marks::PATTERN_CLASS,
                Unsupported::PatternClass,
            ),
            (
                self.fragile_incrby,
                Marks::INCREMENT,
                Unsupported::Increment,
            ),
        ];
        let first = rejected
            .into_iter()
            .find(|(fact, mark, _)| *fact && marks.contains(*mark));
        first.map_or(Ok(()), |(_, _, reason)| Err(reason))
    }

    /// Fails if the server would change an argument. Costs one comparison on servers that keep
    /// every byte.
    #[inline]
    pub(crate) fn check(self, request: RequestRef<'_>) -> Result<(), Unsupported> {
        if self.utf8_input {
            check_utf8(request)
        } else {
            Ok(())
        }
    }
}

/// Positions of the values in a command. Position 0 is the command's name.
#[derive(Clone, Copy)]
enum Values {
    /// At this position only.
    At(usize),
    /// At every second position, starting with this one.
    EverySecond(usize),
    /// At this position and all later ones. Options in between are ASCII.
    From(usize),
}

/// The commands with arguments that SwarmKeyDb does not decode. Arguments of all other commands
/// count as text.
const VALUES: &[(&str, Values)] = &[
    ("APPEND", Values::At(2)),
    ("ECHO", Values::At(1)),
    ("GETSET", Values::At(2)),
    ("MSET", Values::EverySecond(2)),
    ("MSETNX", Values::EverySecond(2)),
    ("PING", Values::At(1)),
    ("PSETEX", Values::At(3)),
    ("PUBLISH", Values::At(2)),
    ("SET", Values::At(2)),
    ("SETEX", Values::At(3)),
    ("SETNX", Values::At(2)),
    ("SETRANGE", Values::At(3)),
    // Fields and values of the entry.
    ("XADD", Values::From(3)),
];

impl Values {
    fn of(name: &[u8]) -> Option<Self> {
        let known = |(other, _): &&(&str, Self)| name.eq_ignore_ascii_case(other.as_bytes());
        VALUES.iter().find(known).map(|(_, values)| *values)
    }

    const fn contain(self, position: usize) -> bool {
        match self {
            Self::At(only) => position == only,
            Self::EverySecond(first) => position >= first && (position - first).is_multiple_of(2),
            Self::From(first) => position >= first,
        }
    }
}

/// Fails for the first argument that SwarmKeyDb would change.
fn check_utf8(request: RequestRef<'_>) -> Result<(), Unsupported> {
    // Headers are ASCII, and an invalid sequence cannot span two arguments.
    if std::str::from_utf8(request.encoded()).is_ok() {
        return Ok(());
    }
    let values = Values::of(request.name());
    let changed = |(position, arg): &(usize, &[u8])| {
        !values.is_some_and(|values| values.contain(*position)) && std::str::from_utf8(arg).is_err()
    };
    match request.args().enumerate().find(changed) {
        Some((argument, _)) => Err(Unsupported::NotUtf8 { argument }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use swarm_resp::Request;

    use super::*;

    const BINARY: &[u8] = b"\xff\x00";

    /// Returns the position of the rejected argument.
    fn rejected(name: &str, args: &[&[u8]]) -> Option<usize> {
        match check_utf8(Request::new(name, args).view()) {
            Err(Unsupported::NotUtf8 { argument }) => Some(argument),
            other => {
                assert_eq!(other, Ok(()));
                None
            }
        }
    }

    #[test]
    fn values_are_any_bytes() {
        for (name, args) in [
            ("SET", &[b"k", BINARY, b"EX", b"10"][..]),
            ("set", &[b"k", BINARY]),
            ("SETEX", &[b"k", b"10", BINARY]),
            ("PSETEX", &[b"k", b"10", BINARY]),
            ("MSET", &[b"a", BINARY, b"b", BINARY]),
            ("MSETNX", &[b"a", BINARY, b"b", BINARY]),
            ("PUBLISH", &[b"ch", BINARY]),
            ("XADD", &[b"s", b"*", BINARY, BINARY]),
            ("ECHO", &[BINARY]),
            ("PING", &[BINARY]),
        ] {
            assert_eq!(rejected(name, args), None, "{name}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for (name, args, at) in [
            ("GET", &[BINARY][..], 1),
            ("SET", &[BINARY, BINARY], 1),
            ("SETEX", &[BINARY, b"10", b"v"], 1),
            ("MGET", &[b"a", BINARY], 2),
            ("MSET", &[b"a", BINARY, BINARY, b"v"], 3),
            ("PUBLISH", &[BINARY, BINARY], 1),
            ("SUBSCRIBE", &[BINARY], 1),
            ("EVAL", &[BINARY, b"0"], 1),
            ("EVAL", &[b"return 1", b"1", b"k", BINARY], 4),
            ("SCRIPT", &[b"LOAD", BINARY], 2),
            ("XADD", &[BINARY, b"*", b"f", b"v"], 1),
            ("XACK", &[b"s", BINARY, b"1-1"], 2),
            ("XGROUP", &[b"CREATE", b"s", BINARY, b"$"], 3),
            (
                "XREADGROUP",
                &[b"GROUP", b"g", BINARY, b"STREAMS", b"s", b">"],
                3,
            ),
            // The server may know a command that this table does not.
            ("HSET", &[b"h", b"f", BINARY], 3),
        ] {
            assert_eq!(rejected(name, args), Some(at), "{name}");
        }
        // A broken sequence is invalid even if the bytes of the next argument would complete it.
        assert_eq!(rejected("MGET", &[b"\xc3", b"\xa4"]), Some(1));
    }
}
