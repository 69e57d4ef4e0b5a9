//! Effect of a command on the server's data: whether it writes, and how many keys.

use swarm_resp::RequestArgs;
use swarm_transport::facts::{Access, Writes, facts};

/// Effect of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes no data, or blocks until there is data to read.
    Reads,
    /// Writes this many keys; zero if it changes something other than keys.
    Writes(u32),
    /// Runs a script, which may write any number of keys.
    Script,
}

impl Effect {
    /// The effect of a request. An unknown command counts as a write of one key, and so does a lone
    /// EXEC.
    pub(crate) fn of(args: &RequestArgs<'_>) -> Self {
        let facts = facts(args);
        match facts.access {
            Access::Read | Access::Session => return Self::Reads,
            _ if facts.blocks(args) => return Self::Reads,
            _ if facts.script => return Self::Script,
            _ => {}
        }
        let keys = match facts.writes {
            Writes::Fixed(keys) => return Self::Writes(keys),
            Writes::EachKey => facts.keys(args).count(),
            // The name, the key and the value come first, then pairs such as `EX 10`.
            Writes::ValueAndTtl => (args.clone().count().saturating_sub(1) / 2).clamp(1, 2),
            _ => 1,
        };
        Self::Writes(u32::try_from(keys).unwrap_or(u32::MAX))
    }

    pub(crate) const fn is_write(self) -> bool {
        !matches!(self, Self::Reads)
    }
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
            ("UNLINK", &["a", "b"], 2),
            ("SINTERSTORE", &["to", "a", "b"], 1),
            ("EXEC", &[], 1),
            // A group may have the name of an option.
            (
                "XREADGROUP",
                &["GROUP", "streams", "block", "STREAMS", "a", ">"],
                1,
            ),
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
            ("BLPOP", &["k", "0"]),
            ("HGETALL", &["h"]),
            (
                "XREADGROUP",
                &["BLOCK", "0", "GROUP", "streams", "c", "STREAMS", "s", ">"],
            ),
            ("AUTHDID", &["x"]),
            ("MULTI", &[]),
            ("WATCH", &["k"]),
            ("CLIENT", &["SETNAME", "x"]),
        ];
        for (name, args) in reads {
            assert_eq!(effect(name, args), Effect::Reads, "{name} {args:?}");
        }
    }
}
