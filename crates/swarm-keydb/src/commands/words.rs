//! Marks raw commands whose names a server may repeat in a reply.
//!
//! SwarmKeyDb repeats command, subcommand, key, and group names in error texts without escaping
//! them, so a line break in one shifts all later replies. The table of facts lists the positions of
//! such names.

use swarm_transport::facts::{Access, facts};

use crate::command::Command;
use crate::request_reply::Retry;
use crate::server::{Marks, has_line_break};

/// Applies the table of facts to a raw command: whether the client may retry it, and marks for
/// arguments that some servers cannot take or that need a fence.
pub(super) fn guard<R>(command: &mut Command<R>) {
    let builder = &mut command.builder;
    let args = builder.request.written();
    let facts = facts(&args);
    let (keys, names) = (facts.keys(&args), facts.names_in(&args));
    let broken = |(_, arg): &(usize, &[u8])| has_line_break(arg);
    if facts.access == Access::Read {
        builder.retry = Retry::ReadOnly;
    }
    let repeats = facts.fenced || args.clone().enumerate().skip(1).any(|arg| broken(&arg));
    let name_is_broken = args
        .clone()
        .enumerate()
        .filter(broken)
        .any(|(at, _)| keys.contains(at) || names.contains(at));
    let key_is_empty = args
        .clone()
        .enumerate()
        .any(|(at, arg)| arg.is_empty() && keys.contains(at));
    let bad_number =
        facts.words.0 == "INCRBY" && !(args.clone().nth(2)).is_none_or(is_whole_number);
    if repeats {
        builder.mark(Marks::FENCE);
    }
    if name_is_broken {
        builder.mark(Marks::LINE_BREAK);
    }
    if key_is_empty {
        builder.mark(Marks::EMPTY_NAME);
    }
    if bad_number {
        builder.mark(Marks::INCREMENT);
    }
}

/// Whether SwarmKeyDb can parse an increment without closing the connection. A number out of range
/// is an error there.
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
    use swarm_resp::{Frame, ToArgs};

    use super::*;
    use crate::command::Builder;

    fn guarded(name: &'static str, args: impl ToArgs) -> Command<Frame> {
        let mut command = Builder::raw(name).args(args).build();
        guard(&mut command);
        command
    }

    #[test]
    fn names_with_line_breaks_are_marked_at_every_position() {
        for broken in ["a\r\nb", "a\rb", "a\nb", "\r\n:1", "\r"] {
            let sets: [(&'static str, &[&str]); 27] = [
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
                ("SWARM.RESYNC", &[broken]),
                ("PUBSUB", &[broken]),
                ("EVAL", &["return 1", "1", broken]),
                ("EVALSHA", &[broken, "0"]),
                ("SORT", &["k", "STORE", broken]),
                ("BLPOP", &["a", broken, "0"]),
                (
                    "XREADGROUP",
                    &["GROUP", "streams", "c", "STREAMS", broken, ">"],
                ),
                ("NEW.COMMAND", &[broken]),
            ];
            for (name, args) in sets {
                assert!(
                    guarded(name, args)
                        .builder
                        .marks
                        .contains(Marks::LINE_BREAK),
                    "{name} {args:?}"
                );
            }
            let name = format!("GET{broken}");
            let mut command: Command<Frame> = Builder::raw(name).build();
            guard(&mut command);
            assert!(command.is_rejected());
        }
    }

    #[test]
    fn values_with_line_breaks_are_accepted_and_fenced() {
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
            assert_eq!(command.builder.marks, Marks::FENCE, "{name} {args:?}");
        }
    }

    #[test]
    fn only_scripts_and_backend_commands_are_fenced() {
        for name in [
            "BACKENDMETA",
            "BACKUP",
            "EVAL",
            "evalsha",
            "EVALSHA_RO",
            "EVAL_RO",
            "FCALL",
            "FCALL_RO",
            "FUNCTION",
            "restoredb",
            "ROTATEKEY",
            "SCRIPT",
            "SWARM.RESYNC",
        ] {
            assert!(
                guarded(name, ["x", "0"])
                    .builder
                    .marks
                    .contains(Marks::FENCE),
                "{name}"
            );
        }
        for name in ["GET", "XACK", "HSET", "PING"] {
            assert!(guarded(name, ["a", "b"]).builder.marks.is_empty(), "{name}");
        }
    }

    #[test]
    fn empty_keys_are_marked_but_empty_values_are_not() {
        let sets: [(&'static str, &[&str], bool); 8] = [
            ("GET", &[""], true),
            ("MSET", &["a", "1", "", "2"], true),
            ("MGET", &["a", ""], true),
            ("EVAL", &["return 1", "1", ""], true),
            ("SET", &["k", ""], false),
            ("MSET", &["a", ""], false),
            ("ECHO", &[""], false),
            ("NEW.COMMAND", &[""], false),
        ];
        for (name, args, marked) in sets {
            let marks = guarded(name, args).builder.marks;
            assert_eq!(marks.contains(Marks::EMPTY_NAME), marked, "{name} {args:?}");
        }
    }

    #[test]
    fn only_commands_known_to_be_read_only_may_be_retried() {
        for (name, args, retry) in [
            ("get", &["k"][..], Retry::ReadOnly),
            ("HGETALL", &["k"], Retry::ReadOnly),
            ("SET", &["k", "v"], Retry::Never),
            ("EVAL", &["return 1", "0"], Retry::Never),
            ("PUBLISH", &["c", "x"], Retry::Never),
            ("SELECT", &["1"], Retry::Never),
            ("NEW.COMMAND", &["k"], Retry::Never),
        ] {
            assert_eq!(guarded(name, args).builder.retry, retry, "{name}");
        }
    }

    #[test]
    fn a_non_integer_increment_is_marked() {
        for bad in [
            "abc", "", "1.5", "1,000", " ", "+", "-", "1e3", "0x10", "1 2",
        ] {
            for name in ["INCRBY", "incrby"] {
                assert_eq!(
                    guarded(name, ["k", bad]).builder.marks,
                    Marks::INCREMENT,
                    "{bad:?}"
                );
            }
        }
        for good in ["5", "-5", "+5", " 5 ", "99999999999999999999"] {
            assert!(
                guarded("INCRBY", ["k", good]).builder.marks.is_empty(),
                "{good:?}"
            );
        }
        assert!(
            guarded("INCRBY", "k").builder.marks.is_empty(),
            "the server reports the wrong number of arguments"
        );
    }
}
