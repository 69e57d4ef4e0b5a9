//! What a call must stay in order with: the names of its keys and channels, as keyed hashes.

use std::hash::{BuildHasher, Hasher};

use swarm_resp::RequestRef;
use swarm_transport::facts::{Access, Order, facts};

/// What a call must stay in order with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderKeys {
    /// Calls with a common name.
    names: Names,
    /// Every other call.
    is_fence: bool,
}

/// Hashes of keys and channels, ascending and without duplicates.
///
/// Most calls read or write one key, which needs no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    None,
    One(u64),
    Two([u64; 2]),
    Many(Box<[u64]>),
}

/// What a name is the name of. A key and a channel of the same name are unrelated.
#[derive(Debug, Clone, Copy)]
enum Space {
    Key,
    Channel,
    /// A key that is written, besides `Key`. Whoever holds it keeps all writers of the key waiting,
    /// and no reader.
    Written,
}

impl OrderKeys {
    /// No other call.
    pub(crate) const NOTHING: Self = Self {
        names: Names::None,
        is_fence: false,
    };

    /// Every other call, as long as neither is late.
    pub(crate) const FENCE: Self = Self {
        names: Names::None,
        is_fence: true,
    };

    /// What a call with these requests must stay in order with: the union over its requests.
    ///
    /// `hasher` must be the same for all calls that are compared, and keyed, so that nobody can
    /// choose keys whose hashes collide.
    pub(crate) fn of<'a>(
        requests: impl IntoIterator<Item = RequestRef<'a>>,
        hasher: &impl BuildHasher,
    ) -> Self {
        let mut names = Vec::new();
        let mut is_fence = false;
        for request in requests {
            let args = request.args();
            let facts = facts(&args);
            let order = facts.order(&args);
            let positions = facts.keys(&args);
            let space = match order {
                Order::Nothing => continue,
                Order::Keys => Space::Key,
                Order::Channel => Space::Channel,
                // An order that this client does not know could be with anything.
                _ => {
                    is_fence = true;
                    continue;
                }
            };
            let is_name = |at| match space {
                Space::Channel => at == 1,
                _ => positions.contains(at),
            };
            let writes = order == Order::Keys && facts.access != Access::Read;
            for (_, name) in args.enumerate().filter(|(at, _)| is_name(*at)) {
                names.push(space.hash(name, hasher));
                if writes {
                    names.push(Space::Written.hash(name, hasher));
                }
            }
        }
        let names = Names::of(names);
        Self { names, is_fence }
    }

    /// What a call with these requests, which only read, keeps waiting if later reads may overtake
    /// it: calls that write one of its keys.
    pub(crate) fn of_overtaken<'a>(
        requests: impl IntoIterator<Item = RequestRef<'a>>,
        hasher: &impl BuildHasher,
    ) -> Self {
        let mut names = Vec::new();
        let mut is_fence = false;
        for request in requests {
            let args = request.args();
            let facts = facts(&args);
            let positions = facts.keys(&args);
            match facts.order(&args) {
                Order::Nothing => {}
                Order::Keys => {
                    let keys = args.enumerate().filter(|(at, _)| positions.contains(*at));
                    names.extend(keys.map(|(_, key)| Space::Written.hash(key, hasher)));
                }
                _ => is_fence = true,
            }
        }
        let names = Names::of(names);
        Self { names, is_fence }
    }

    /// What keeps all calls that write one of these keys waiting.
    pub(crate) fn held<'a>(
        keys: impl IntoIterator<Item = &'a [u8]>,
        hasher: &impl BuildHasher,
    ) -> Self {
        let written = |key| Space::Written.hash(key, hasher);
        let names = Names::of(keys.into_iter().map(written).collect());
        Self {
            names,
            is_fence: false,
        }
    }

    /// Every other call, and still those with a common name if it is late.
    pub(crate) fn into_fence(self) -> Self {
        Self {
            is_fence: true,
            ..self
        }
    }

    /// Whether every other call is meant.
    pub(crate) const fn is_fence(&self) -> bool {
        self.is_fence
    }

    /// The names, ascending, each once.
    pub(crate) fn names(&self) -> &[u64] {
        match &self.names {
            Names::None => &[],
            Names::One(name) => std::slice::from_ref(name),
            Names::Two(names) => names,
            Names::Many(names) => names,
        }
    }
}

impl Names {
    fn of(mut names: Vec<u64>) -> Self {
        names.sort_unstable();
        names.dedup();
        match *names {
            [] => Self::None,
            [one] => Self::One(one),
            [one, other] => Self::Two([one, other]),
            _ => Self::Many(names.into_boxed_slice()),
        }
    }
}

impl Space {
    fn hash(self, name: &[u8], hasher: &impl BuildHasher) -> u64 {
        let mut state = hasher.build_hasher();
        state.write_u8(self as u8);
        state.write(name);
        state.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::sync::LazyLock;

    use swarm_resp::Request;

    use super::*;

    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

    /// The order of a call with these requests, one per `;`.
    fn of(requests: &str) -> OrderKeys {
        let requests: Vec<_> = requests
            .split("; ")
            .map(|words| {
                let mut words = words.split(' ');
                let name = words.next().unwrap();
                // An argument named "" in a test is empty.
                let args = words.map(|word| word.trim_matches('"')).collect::<Vec<_>>();
                Request::new(name, args)
            })
            .collect();
        OrderKeys::of(requests.iter().map(Request::view), &*HASHER)
    }

    /// The order with calls that name these keys, and channels with a `#`.
    fn names(names: &[&str]) -> OrderKeys {
        let hash = |name: &&str| match name.strip_prefix('#') {
            Some(channel) => Space::Channel.hash(channel.as_bytes(), &*HASHER),
            None => Space::Key.hash(name.as_bytes(), &*HASHER),
        };
        of_names(names.iter().map(hash))
    }

    fn of_names(names: impl Iterator<Item = u64>) -> OrderKeys {
        let names = Names::of(names.collect());
        OrderKeys {
            names,
            is_fence: false,
        }
    }

    /// Like [`of`], without the names that only writers have.
    fn of_readers(requests: &str) -> OrderKeys {
        let keys = requests
            .split([' ', ';'])
            .map(|word| word.trim_matches('"'));
        let written: Vec<_> = keys
            .map(|key| Space::Written.hash(key.as_bytes(), &*HASHER))
            .collect();
        let all = of(requests);
        assert!(!all.is_fence(), "{requests}");
        let kept = all.names().iter().copied();
        of_names(kept.filter(|name| !written.contains(name)))
    }

    #[test]
    fn whoever_holds_a_key_is_in_order_with_its_writers_and_not_with_its_readers() {
        let held = OrderKeys::held([b"a".as_slice()], &*HASHER);
        for (request, waits) in [
            ("SET a 1", true),
            ("MSET b 1 a 2", true),
            ("EVAL script 1 a", true),
            ("XADD a * f v", true),
            ("MULTI; GET a; INCR a; EXEC", true),
            ("GET a", false),
            ("MGET a b", false),
            ("SET b 1", false),
            ("PUBLISH a message", false),
        ] {
            let keys = of(request);
            let meets = (keys.names().iter()).any(|name| held.names().contains(name));
            assert_eq!(meets, waits, "{request}");
        }
    }

    #[test]
    fn writers_do_not_overtake_a_read_that_readers_may_overtake() {
        let read = Request::new("MGET", ["a", "b"]);
        let ping = Request::new("PING", ());
        let read = OrderKeys::of_overtaken([ping.view(), read.view()], &*HASHER);
        let held = OrderKeys::held([b"a".as_slice(), b"b"], &*HASHER);
        assert_eq!(read, held);
        let ping = OrderKeys::of_overtaken([ping.view()], &*HASHER);
        assert_eq!(ping, OrderKeys::NOTHING);
    }

    #[test]
    fn a_call_stays_in_order_with_those_that_name_one_of_its_keys_or_its_channel() {
        for (requests, expected) in [
            ("GET a", &["a"][..]),
            ("get a", &["a"]),
            ("SET a 1", &["a"]),
            ("SET a b EX 9", &["a"]),
            ("SET \"\" 1", &[""]),
            ("MSET a 1 b 2", &["a", "b"]),
            ("MSET b 1 a 2", &["a", "b"]),
            ("DEL a b a", &["a", "b"]),
            ("DEL a a", &["a"]),
            ("RENAME a b", &["a", "b"]),
            ("RENAME a a", &["a"]),
            ("COPY a b REPLACE", &["a", "b"]),
            ("BITOP AND to a b", &["to", "a", "b"]),
            ("SUNIONSTORE to a b", &["to", "a", "b"]),
            ("ZUNIONSTORE to 2 a b WEIGHTS 1 2", &["to", "a", "b"]),
            ("SORT a BY w STORE to", &["a", "to"]),
            ("XADD s * f v", &["s"]),
            ("XREAD COUNT 1 STREAMS s t 0 0", &["s", "t"]),
            ("XREADGROUP GROUP g c STREAMS s t > >", &["s", "t"]),
            ("XGROUP CREATE s g 0", &["s"]),
            ("XINFO STREAM s", &["s"]),
            ("OBJECT ENCODING a", &["a"]),
            ("MIGRATE h 1 \"\" 0 9 KEYS a b", &["", "a", "b"]),
            ("EVAL script 2 a b c", &["a", "b"]),
            ("FCALL_RO f 1 a", &["a"]),
            ("PUBLISH c message", &["#c"]),
            ("SPUBLISH c message", &["#c"]),
            // Batches.
            ("GET a; GET b", &["a", "b"]),
            ("INCR a; INCR a; GET a", &["a"]),
            ("PING; GET a; DBSIZE", &["a"]),
            ("GET a; PUBLISH a message", &["a", "#a"]),
            ("MULTI; INCR a; SET b 1; EXEC", &["a", "b"]),
            ("MULTI; GET a; DISCARD", &["a"]),
            (
                "MULTI; SCRIPT EXISTS d; EVALSHA d 2 a b c; EXEC",
                &["a", "b"],
            ),
        ] {
            assert_eq!(of_readers(requests), names(expected), "{requests}");
        }
    }

    #[test]
    fn a_call_that_may_concern_anything_stays_in_order_with_everything() {
        for requests in [
            "FLUSHALL",
            "FLUSHDB ASYNC",
            "SWAPDB 0 1",
            "SCRIPT FLUSH",
            "script load text",
            "FUNCTION RESTORE dump",
            "CONFIG SET name value",
            "ACL SETUSER ann",
            "RESTOREDB reference",
            "SWARM.RESYNC FULL",
            "CLIENT PAUSE 9",
            // Scripts without keys, or with a number of keys that is none.
            "EVAL script 0",
            "EVAL script 0 argument",
            "EVALSHA_RO digest 0",
            "FCALL f 0",
            "EVAL script x a",
            "EVAL",
            // Keys that are not known.
            "NOSUCH a",
            "",
            "XGROUP NOSUCH a",
            "SET",
            "XREADGROUP GROUP g c a >",
            // One such request is enough.
            "MULTI; EVAL script 0; EXEC",
            "MULTI; SCRIPT EXISTS d; EVALSHA d 0; EXEC",
        ] {
            assert_eq!(of(requests), OrderKeys::FENCE, "{requests:?}");
        }
    }

    #[test]
    fn a_batch_with_a_fence_keeps_the_names_of_its_other_requests() {
        for (requests, others) in [
            ("GET a; FLUSHALL; GET b", "GET a; GET b"),
            (
                "SET a 1; SCRIPT LOAD text; PUBLISH c m",
                "SET a 1; PUBLISH c m",
            ),
        ] {
            assert_eq!(of(requests), of(others).into_fence(), "{requests}");
        }
    }

    #[test]
    fn a_call_that_reads_no_key_stays_in_order_with_nothing() {
        for requests in [
            "PING",
            "ECHO a",
            "TIME",
            "INFO server",
            "HELLO",
            "KEYS *",
            "SCAN 0 MATCH a",
            "DBSIZE",
            "RANDOMKEY",
            "PUBSUB NUMSUB c",
            "CONFIG GET name",
            "CLIENT LIST",
            "SCRIPT EXISTS digest",
            "COMMAND COUNT",
            // They end what a call in flight waits for.
            "SCRIPT KILL",
            "FUNCTION KILL",
            "CLIENT UNBLOCK 1",
            "CLIENT UNPAUSE",
            // Invalid.
            "GET",
            "PUBLISH",
            "MULTI; EXEC",
            "PING; TIME",
        ] {
            assert_eq!(of(requests), OrderKeys::NOTHING, "{requests}");
        }
        assert_eq!(OrderKeys::of([], &*HASHER), OrderKeys::NOTHING);
    }

    #[test]
    fn names_are_ascending_and_each_occurs_once() {
        let keys: String = (0..1000).map(|key| format!(" k{}", key % 300)).collect();
        let keys = of(&format!("DEL{keys}"));
        let names = keys.names();
        assert_eq!(names.len(), 600, "as keys, and as keys that are written");
        assert!(names.is_sorted_by(|one, next| one < next));
    }
}
