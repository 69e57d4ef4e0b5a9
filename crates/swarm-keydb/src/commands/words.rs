//! Which arguments of any command are names that a server may repeat in its reply.
//!
//! SwarmKeyDb repeats command, subcommand, key and group names in error texts without escaping them, so a line break in one
//! shifts every reply behind it. For commands without a method, this table says where such names stand.

use swarm_resp::Frame;

use crate::command::{Command, has_line_break};
use crate::engine::Marks;
use crate::error::Error;

/// Commands whose reply repeats text that no argument shows: scripts, and messages of the storage backend.
const REPEATING: &[&str] = &[
    "BACKENDMETA",
    "BACKUP",
    "EVAL",
    "EVALSHA",
    "EVALSHA_RO",
    "EVAL_RO",
    "FCALL",
    "FCALL_RO",
    "FUNCTION",
    "RESTOREDB",
    "ROTATEKEY",
    "SCRIPT",
    "SWARM.RESYNC",
];

/// Commands whose first argument is a subcommand.
const WITH_SUBCOMMAND: &[&str] = &[
    "ACL",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "CONFIG",
    "DEBUG",
    "FUNCTION",
    "LATENCY",
    "MEMORY",
    "MODULE",
    "OBJECT",
    "PUBSUB",
    "SCRIPT",
    "SLOWLOG",
    "SWARM.RESYNC",
    "XGROUP",
    "XINFO",
];

/// Commands of which every argument is a key.
const OF_KEYS: &[&str] = &[
    "DEL",
    "EXISTS",
    "MDEL",
    "MGET",
    "PFCOUNT",
    "PFMERGE",
    "RENAME",
    "RENAMENX",
    "RPOPLPUSH",
    "SDIFF",
    "SDIFFSTORE",
    "SINTER",
    "SINTERSTORE",
    "SUNION",
    "SUNIONSTORE",
    "TOUCH",
    "UNLINK",
    "WATCH",
];

/// Commands whose first argument is no key.
const WITHOUT_KEY: &[&str] = &[
    "AUTH",
    "AUTHADDR",
    "AUTHDID",
    "BACKUP",
    "DBSIZE",
    "ECHO",
    "FLUSHALL",
    "FLUSHDB",
    "HELLO",
    "INFO",
    "KEYS",
    "LOLWUT",
    "PING",
    "PUBLISH",
    "RESTOREDB",
    "ROTATEKEY",
    "SCAN",
    "SELECT",
    "SPUBLISH",
    "TIME",
];

/// A name that the server may repeat: its place among the arguments, the command's name being the first.
type IsName = fn(&Names<'_>, usize) -> bool;

struct Names<'a> {
    args: Vec<&'a [u8]>,
}

impl Names<'_> {
    fn command_is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.word_is(0, name))
    }

    fn word_is(&self, at: usize, word: &str) -> bool {
        (self.args.get(at)).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn find(&self, word: &str) -> Option<usize> {
        (1..self.args.len()).find(|at| self.word_is(*at, word))
    }

    /// Whether the argument at a place is a key, a group, a consumer or a subcommand.
    fn is_name(&self, at: usize) -> bool {
        let is_name: IsName = if self.command_is_one_of(WITH_SUBCOMMAND) {
            |names, at| {
                at == 1
                    || names.command_is_one_of(&["XGROUP", "XINFO"]) && at <= 4
                    || names.command_is_one_of(&["OBJECT", "MEMORY"]) && at == 2
            }
        } else if self.command_is_one_of(&["XREAD", "XREADGROUP"]) {
            |names, at| {
                let streams = names.find("STREAMS").unwrap_or(names.args.len());
                let keys = names.args.len().saturating_sub(streams) / 2;
                let group = names.find("GROUP").filter(|group| *group < streams);
                (at > streams && at <= streams.saturating_add(keys))
                    || group.is_some_and(|group| at == group + 1 || at == group + 2)
            }
        } else if self.command_is_one_of(&["XCLAIM", "XAUTOCLAIM"]) {
            |_, at| at <= 3
        } else if self.command_is_one_of(&["XACK", "XPENDING", "BITOP"]) {
            |_, at| at <= 2
        } else if self.command_is_one_of(&["MSET", "MSETNX"]) {
            |_, at| at % 2 == 1
        } else if self.command_is_one_of(OF_KEYS) {
            |_, _| true
        } else if self.command_is_one_of(&[
            "EVAL",
            "EVALSHA",
            "EVAL_RO",
            "EVALSHA_RO",
            "FCALL",
            "FCALL_RO",
        ]) {
            |names, at| {
                let count = names
                    .args
                    .get(2)
                    .and_then(|count| str::from_utf8(count).ok());
                let keys = count.and_then(|count| count.parse::<usize>().ok());
                at > 2 && at.saturating_sub(2) <= keys.unwrap_or(0)
                    || at == 1 && !names.command_is_one_of(&["EVAL", "EVAL_RO"])
            }
        } else if self.command_is_one_of(WITHOUT_KEY) {
            |_, _| false
        } else {
            |_, at| at == 1
        };
        is_name(self, at)
    }
}

/// Takes precautions for a command that comes without a method: refuses what would harm the connection, and marks what needs
/// a check behind it.
pub(super) fn guard(command: &mut Command<Frame>) {
    let draft = &mut command.draft;
    let names = Names {
        args: draft.request.written().collect(),
    };
    let broken = |at: &usize| names.args.get(*at).is_some_and(|arg| has_line_break(arg));
    let repeats = names.command_is_one_of(REPEATING) || (1..names.args.len()).any(|at| broken(&at));
    let refused = (1..names.args.len())
        .filter(broken)
        .any(|at| names.is_name(at));
    let bad_number = names.command_is_one_of(&["INCRBY"])
        && !names.args.get(2).is_none_or(|arg| is_whole_number(arg));
    if repeats {
        draft.marks = draft.marks.and(Marks::FENCE);
    }
    if refused {
        draft.refuse(Error::argument(
            "a subcommand, key or group name holds a line break (CR or LF), which would corrupt the server's replies; remove it",
        ));
    }
    if bad_number {
        draft.refuse(Error::argument(
            "the increment is not a whole number, which makes SwarmKeyDb stop answering on the connection",
        ));
    }
}

/// Whether SwarmKeyDb reads an increment without ending the connection. A number out of range is an error there.
fn is_whole_number(arg: &[u8]) -> bool {
    let arg = arg.trim_ascii();
    let digits = arg
        .strip_prefix(b"-")
        .or_else(|| arg.strip_prefix(b"+"))
        .unwrap_or(arg);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use swarm_resp::ToArgs;

    use super::*;
    use crate::command::Builder;

    fn guarded(name: &'static str, args: impl ToArgs) -> Command<Frame> {
        let mut command = Builder::named(name).args(args).build();
        guard(&mut command);
        command
    }

    #[test]
    fn names_with_line_breaks_are_refused_wherever_they_stand() {
        for broken in ["a\r\nb", "a\rb", "a\nb", "\r\n:1", "\r"] {
            let sets: [(&'static str, &[&str]); 22] = [
                ("GET", &[broken]),
                ("SET", &[broken, "v"]),
                ("mget", &["a", broken]),
                ("MSET", &["a", "1", broken, "2"]),
                ("DEL", &["a", "b", broken]),
                ("XACK", &["k", broken, "1-1"]),
                ("XACK", &[broken, "g", "1-1"]),
                ("XPENDING", &["k", broken]),
                ("XREADGROUP", &["GROUP", broken, "c", "STREAMS", "k", ">"]),
                ("XREADGROUP", &["GROUP", "g", broken, "STREAMS", "k", ">"]),
                ("XREADGROUP", &["GROUP", "g", "c", "STREAMS", broken, ">"]),
                (
                    "XREAD",
                    &["COUNT", "1", "STREAMS", "a", broken, "0-0", "0-0"],
                ),
                ("XCLAIM", &["k", broken, "c", "0", "1-1"]),
                ("XCLAIM", &["k", "g", broken, "0", "1-1"]),
                ("XAUTOCLAIM", &["k", broken, "c", "0", "0-0"]),
                ("XGROUP", &["CREATE", "k", broken, "$"]),
                ("XGROUP", &[broken, "k", "g"]),
                ("XINFO", &["GROUPS", broken]),
                ("SCRIPT", &[broken]),
                ("PUBSUB", &[broken]),
                ("EVAL", &["return 1", "1", broken]),
                ("EVALSHA", &[broken, "0"]),
            ];
            for (name, args) in sets {
                assert!(guarded(name, args).is_refused(), "{name} {args:?}");
            }
            let name = format!("GET{broken}");
            let mut command: Command<Frame> = Builder::named(name).build();
            guard(&mut command);
            assert!(command.is_refused());
        }
    }

    #[test]
    fn values_with_line_breaks_pass_and_are_fenced() {
        let broken = "a\r\nb";
        let sets: [(&'static str, &[&str]); 7] = [
            ("SET", &["k", broken]),
            ("MSET", &["a", broken]),
            ("ECHO", &[broken]),
            ("PUBLISH", &["c", broken]),
            ("XADD", &["k", "*", "f", broken]),
            ("EVAL", &[broken, "1", "k", broken]),
            ("SCRIPT", &["LOAD", broken]),
        ];
        for (name, args) in sets {
            let command = guarded(name, args);
            assert!(!command.is_refused(), "{name} {args:?}");
            assert!(command.draft.marks.fence, "{name} {args:?}");
        }
    }

    #[test]
    fn scripts_and_messages_of_the_backend_are_fenced_and_others_are_not() {
        for name in REPEATING {
            assert!(guarded(name, ["x", "0"]).draft.marks.fence, "{name}");
            let lower: &'static str = name.to_ascii_lowercase().leak();
            assert!(guarded(lower, ["x", "0"]).draft.marks.fence, "{name}");
        }
        for name in ["GET", "XACK", "HSET", "PING"] {
            assert!(guarded(name, ["a", "b"]).draft.marks.is_empty(), "{name}");
        }
    }

    #[test]
    fn an_increment_that_is_no_whole_number_is_refused() {
        for bad in [
            "abc", "", "1.5", "1,000", " ", "+", "-", "1e3", "0x10", "1 2",
        ] {
            for name in ["INCRBY", "incrby"] {
                assert!(guarded(name, ["k", bad]).is_refused(), "{bad:?}");
            }
        }
        for good in ["5", "-5", "+5", " 5 ", "99999999999999999999"] {
            assert!(!guarded("INCRBY", ["k", good]).is_refused(), "{good:?}");
        }
        assert!(
            !guarded("INCRBY", "k").is_refused(),
            "the server tells the number of arguments"
        );
    }
}
