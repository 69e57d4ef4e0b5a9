//! What a command does to the server's data: whether it writes, and how many keys.

use swarm_resp::RequestArgs;

use crate::commands::RULES;

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing, or blocks until there is something to read.
    Reads,
    /// It acts, and writes this many keys.
    Writes(u32),
    /// It runs a script, which may write any number of keys.
    Script,
}

/// How the effect of a command follows from its arguments. One for each row of the command table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Reads,
    /// Writes a fixed number of keys.
    Keys(u32),
    /// Every argument is a key.
    EachKey,
    /// Keys and values alternate.
    EachPair,
    /// Every key behind the word `STREAMS`; a position follows for each.
    EachStream,
    /// One key, and once more for its time to live, if there is one.
    Set,
    Script,
}

/// Commands outside the table that change no data. A command that neither list knows counts as a write of one key.
const CONTROL: &[&str] = &[
    "AUTH", "AUTHADDR", "AUTHDID", "CLIENT", "DISCARD", "HELLO", "MULTI", "QUIT", "RESET",
    "SELECT", "UNWATCH", "WATCH",
];

impl Effect {
    /// The effect of a request. A lone EXEC counts as a write of one key.
    pub(crate) fn of(args: &RequestArgs<'_>) -> Self {
        let mut words = args.clone();
        let name = words.next().unwrap_or_default();
        let Some(rule) = rule(name, words.peek()) else {
            let is_control = CONTROL
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
            return if is_control {
                Self::Reads
            } else {
                Self::Writes(1)
            };
        };
        let keys = match rule {
            Rule::Reads => return Self::Reads,
            Rule::Script => return Self::Script,
            Rule::Keys(keys) => return Self::Writes(keys),
            Rule::EachKey => words.count(),
            Rule::EachPair => words.count() / 2,
            Rule::Set => (words.count() / 2).clamp(1, 2),
            Rule::EachStream => {
                let mut options = words
                    .by_ref()
                    .take_while(|word| !word.eq_ignore_ascii_case(b"STREAMS"));
                if options.any(|word| word.eq_ignore_ascii_case(b"BLOCK")) {
                    return Self::Reads;
                }
                words.count() / 2
            }
        };
        Self::Writes(u32::try_from(keys).unwrap_or(u32::MAX))
    }

    pub(crate) const fn is_write(self) -> bool {
        !matches!(self, Self::Reads)
    }
}

/// The rule of a command of the table.
fn rule(name: &[u8], second: Option<&[u8]>) -> Option<Rule> {
    let mut capitals = [0; 16];
    let upper = capitals.get_mut(..name.len())?;
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    let first = RULES.partition_point(|(other, ..)| other.as_bytes() < &*upper);
    let rows = RULES.get(first..)?.iter();
    rows.take_while(|(other, ..)| other.as_bytes() == upper)
        .find(|(_, other, _)| {
            other.is_empty()
                || second.is_some_and(|word| word.eq_ignore_ascii_case(other.as_bytes()))
        })
        .map(|(.., rule)| *rule)
}

#[cfg(test)]
mod tests {
    use swarm_resp::Request;

    use super::*;

    fn effect(name: &str, args: &[&str]) -> Effect {
        Effect::of(&Request::new(name, args).args())
    }

    #[test]
    fn the_number_of_keys_follows_from_name_and_arguments() {
        let writes = [
            ("SET", &["k", "v"][..], 1),
            ("SET", &["k", "v", "EX", "10"], 2),
            ("set", &["k", "v", "PX", "10"], 2),
            ("SETEX", &["k", "10", "v"], 2),
            ("PSETEX", &["k", "10", "v"], 2),
            ("INCR", &["k"], 1),
            ("EXPIRE", &["k", "1"], 1),
            ("PEXPIRE", &["k", "1"], 1),
            ("DEL", &["a", "b", "c"], 3),
            ("MDEL", &["a", "b"], 2),
            ("MSET", &["a", "1", "b", "2"], 2),
            ("MSETNX", &["a", "1", "b", "2"], 2),
            ("XADD", &["s", "*", "f", "v"], 1),
            ("XACK", &["s", "g", "1-1", "1-2"], 1),
            (
                "XREADGROUP",
                &["GROUP", "g", "c", "STREAMS", "a", "b", ">", ">"],
                2,
            ),
            ("XGROUP", &["create", "s", "g", "$"], 1),
            ("PUBLISH", &["ch", "text"], 0),
            ("CONFIG", &["SET", "hz", "10"], 0),
            ("RENAME", &["a", "b"], 2),
            ("HSET", &["h", "f", "v"], 1),
            ("a command with a name that is long", &[], 1),
        ];
        for (name, args, keys) in writes {
            assert_eq!(effect(name, args), Effect::Writes(keys), "{name} {args:?}");
        }
        for name in ["EVAL", "EVALSHA", "evalsha"] {
            assert_eq!(effect(name, &["x", "0"]), Effect::Script);
        }
    }

    #[test]
    fn reads_commands_of_a_session_and_reads_that_block_change_nothing() {
        let reads = [
            ("GET", &["k"][..]),
            ("mget", &["a", "b"]),
            ("SCAN", &["0"]),
            ("PING", &[]),
            ("XREAD", &["STREAMS", "s", "0-0"]),
            (
                "XREADGROUP",
                &["GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"],
            ),
            ("XINFO", &["stream", "s"]),
            ("CONFIG", &["get", "*"]),
            ("MULTI", &[]),
            ("WATCH", &["k"]),
            ("CLIENT", &["SETNAME", "x"]),
        ];
        for (name, args) in reads {
            assert_eq!(effect(name, args), Effect::Reads, "{name} {args:?}");
        }
    }

    #[test]
    fn the_rules_are_sorted_and_their_names_are_found() {
        assert!(RULES.is_sorted_by_key(|(first, second, _)| (*first, std::cmp::Reverse(*second))));
        for (first, second, expected) in RULES {
            let second = Some(second.as_bytes()).filter(|word| !word.is_empty());
            assert_eq!(rule(first.as_bytes(), second), Some(*expected), "{first}");
        }
    }
}
