//! Random command generator. Uses few keys and values, so that commands interact, and occasional
//! mistakes.

use std::fmt;

use crate::kinds::{KINDS, Kind};
use crate::patterns;

/// A command on one of the connections.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) connection: usize,
    pub(crate) args: Vec<Vec<u8>>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.connection)?;
        for arg in &self.args {
            write!(f, " {}", arg.escape_ascii())?;
        }
        Ok(())
    }
}

/// Command patterns: `k` is a string key, `s` a stream key, `x` any key, `q` a key of numbers, `v`
/// a value, `n` an integer, `f` a float, `t` a time to live, `d` a date, `e` a future date (how
/// Redis reports expired keys depends on when it removes them), `i` a stream ID, `r` a range bound,
/// `g` a group, `c` a consumer, and `p` a pattern. `[…]` is optional, `(…|…)` an alternative, and
/// upper-case words are literal.
const COMMANDS: &[&str] = &[
    "SET k v [( NX | XX )] [GET] [( EX t | PX t | EXAT e | PXAT e | KEEPTTL )]",
    "SET k v",
    "SET x v",
    "GET k",
    "GET x",
    "GETSET k v",
    "GETDEL x",
    "GETEX x [( EX t | PX t | EXAT d | PERSIST )]",
    "SETEX k t v",
    "PSETEX k t v",
    "SETNX k v",
    "APPEND x v",
    "STRLEN x",
    "GETRANGE x n n",
    "SETRANGE k ( 0 | 1 | 5 | -1 ) v",
    "INCR k",
    "DECR k",
    "INCRBY k n",
    "DECRBY k n",
    "INCRBYFLOAT ( q | x ) f",
    "INCRBYFLOAT q f",
    "INCRBYFLOAT q f",
    "INCRBY q n",
    "SET q ( f | f | n )",
    "GET q",
    "MGET x x x",
    "MSET k v k v",
    "MSETNX k v k v",
    "DEL x x",
    "UNLINK x",
    "TOUCH x x",
    "EXISTS x x x",
    "TYPE x",
    "RENAME x x",
    "RENAMENX x x",
    "COPY x x [DB ( 0 | n )] [REPLACE]",
    "EXPIRE x t [( NX | XX | GT | LT )] [( XX | GT )]",
    "PEXPIRE x t [( NX | XX | GT | LT )]",
    "EXPIREAT x d [( NX | XX | GT | LT )]",
    "PEXPIREAT x d",
    "TTL x",
    "PTTL x",
    "EXPIRETIME x",
    "PEXPIRETIME x",
    "PERSIST x",
    "KEYS p",
    "SCAN 0 COUNT 1000 [MATCH p] [TYPE ( string | stream | none )]",
    "DBSIZE",
    "RANDOMKEY",
    "PING [v]",
    "ECHO v",
    "SELECT ( 0 | 1 | n | v )",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH x x",
    "UNWATCH",
    "PUBLISH v v",
    "XADD s i F v [F v]",
    "XADD s i F v [F v]",
    "XADD s i F v",
    "XADD s [NOMKSTREAM] [MAXLEN [( = | ~ )] ( 0 | 2 | 3 | -1 )] i F v",
    "XADD s MINID = i i F v",
    "XADD x i F v",
    "XLEN x",
    "XDEL s i i",
    "XTRIM s ( MAXLEN | MINID ) [( = | ~ )] ( 1 | 3 | i ) [LIMIT n]",
    "XRANGE s r r [COUNT n]",
    "XREVRANGE s r r [COUNT n]",
    "XREAD [COUNT n] STREAMS s s i i",
    "XREAD [COUNT n] [BLOCK 1] STREAMS s ( $ | i | + )",
    "XGROUP CREATE s g ( $ | 0 | i ) [MKSTREAM] [ENTRIESREAD ( 0 | 2 | 9 | -1 | -2 )]",
    "XGROUP CREATE s g 0 MKSTREAM",
    "XGROUP SETID s g ( $ | 0 | i | - | + ) [ENTRIESREAD ( 0 | 2 | 9 | -1 )]",
    "XGROUP DESTROY s g",
    "XGROUP CREATECONSUMER s g c",
    "XGROUP DELCONSUMER s g c",
    "XREADGROUP GROUP g c [COUNT n] [NOACK] STREAMS s >",
    "XREADGROUP GROUP g c [COUNT n] [BLOCK 1] STREAMS s s > ( > | i )",
    "XREADGROUP GROUP g c STREAMS s i",
    "XACK s g i i",
    "XPENDING s g",
    "XPENDING s g [IDLE 0] r r n [c]",
    "XCLAIM s g c ( 0 | 1000000 | v ) i i [FORCE] [JUSTID] [RETRYCOUNT n] [LASTID i]",
    "XAUTOCLAIM s g c ( 0 | 1000000 ) r [COUNT n] [JUSTID]",
    "XINFO STREAM x [FULL [COUNT n]]",
    "XINFO GROUPS s",
    "XINFO CONSUMERS s g",
    "XSETID s i [ENTRIESADDED ( 0 | 2 | 5 | 100 | -1 | x )] [MAXDELETEDID i]",
    "CLIENT ( GETNAME | FOO )",
    "CLIENT LIST ( TYPE v | FOO | TYPE | ID | ID x | ID 1 x )",
    "CLIENT SETNAME v",
    "COMMAND GETKEYS ( SET k v | MSET k v k v | DEL k k | COPY k k | GET k )",
    "COMMAND GETKEYS XREAD [COUNT n] STREAMS s s i i",
    "COMMAND GETKEYS XREADGROUP GROUP g c STREAMS s i",
    "COMMAND GETKEYS ( PING | ECHO | NOSUCH | XGROUP ) v",
    "COMMAND GETKEYS ( GET | MSET k ) v v",
    "COMMAND LIST ( FOO v | FILTERBY MODULE v )",
    "PUBSUB CHANNELS [p]",
    "PUBSUB NUMSUB v v",
    "CONFIG ( FOO | SET ) v",
    "CONFIG SET maxmemory ( 1gb | 10G | 2000m | 999999KB | 1.5mb | -1 | abc | 0 )",
    "CONFIG SET timeout ( 0 | 1000 | -1 | x | 9223372036854775808 )",
    "CONFIG SET ( appendonly | maxmemory-policy | save | databases | nosuch ) v",
    "CONFIG SET maxmemory-policy ( allkeys-lru | noeviction ) maxmemory ( 0 | abc )",
    "CONFIG SET timeout 0 ( timeout | databases | nosuch ) ( 0 | abc )",
    "CONFIG GET ( maxmemory | timeout | appendonly | maxmemory-policy )",
    "NOSUCH v v v",
];

/// Replaces a timeout of a blocking command that a mistake has made long.
fn shorten_timeout(args: &mut [Vec<u8>]) {
    let name = args[0].to_ascii_uppercase();
    let at = match name.as_slice() {
        b"BLPOP" | b"BRPOP" | b"BLMOVE" | b"BRPOPLPUSH" | b"BZPOPMIN" | b"BZPOPMAX" => {
            args.len() - 1
        }
        b"BLMPOP" | b"BZMPOP" => 1,
        b"XREAD" | b"XREADGROUP" => return shorten_block(args),
        _ => return,
    };
    let timeouts = KINDS.iter().find(|kind| kind.name == "wait").unwrap();
    let known = |timeout: &[u8]| {
        let common = timeouts.common.iter().map(|known| known.as_bytes());
        common
            .chain(timeouts.edges.iter().copied())
            .any(|known| known == timeout)
    };
    if at > 0 && at < args.len() && !known(&args[at]) {
        args[at] = b"0.001".to_vec();
    }
}

/// Replaces the milliseconds after BLOCK.
fn shorten_block(args: &mut [Vec<u8>]) {
    let mut after = args.iter_mut();
    if after.any(|arg| arg.eq_ignore_ascii_case(b"BLOCK"))
        && let Some(timeout) = after.next()
        && timeout.iter().all(u8::is_ascii_digit)
    {
        *timeout = b"1".to_vec();
    }
}

/// Replaces a short time to live or minimum idle time, which might pass on one server only.
fn lengthen_times(args: &mut [Vec<u8>]) {
    let name = args[0].to_ascii_uppercase();
    let after = |option: &[u8]| {
        let mut names = args.iter().map(|arg| arg.to_ascii_uppercase());
        names.position(|name| name == option).map(|at| at + 1)
    };
    let positions = match name.as_slice() {
        b"RESTORE" | b"SETEX" | b"PSETEX" | b"EXPIRE" | b"PEXPIRE" => vec![Some(2)],
        b"SET" | b"GETEX" => vec![after(b"EX"), after(b"PX")],
        b"XCLAIM" | b"XAUTOCLAIM" => vec![Some(4)],
        b"XPENDING" => vec![after(b"IDLE")],
        _ => return,
    };
    for at in positions.into_iter().flatten() {
        let Some(arg) = args.get_mut(at) else {
            continue;
        };
        let time = std::str::from_utf8(arg)
            .ok()
            .and_then(|text| text.parse().ok());
        if time.is_some_and(|time: i64| (1..100_000).contains(&time)) {
            *arg = b"100000".to_vec();
        }
    }
}

pub(crate) struct Generator {
    state: u64,
    /// Family that most commands belong to, so that they interact.
    focus: &'static [&'static str],
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let families = patterns::ALL.len() as u64 + 1;
        let focus = usize::try_from(seed / 2 % families).unwrap();
        Self {
            state: seed,
            focus: patterns::ALL.get(focus).copied().unwrap_or(COMMANDS),
        }
    }

    pub(crate) fn sequence(mut self, length: usize) -> Vec<Step> {
        (0..length)
            .map(|_| Step {
                connection: self.below(10).min(2) as usize % 2,
                args: self.command(),
            })
            .collect()
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let patterns = match self.below(6) {
            0 => COMMANDS,
            1 => self.pick(patterns::ALL),
            _ => self.focus,
        };
        let pattern = self.pick(patterns);
        // Makes brackets separate words.
        let pattern = pattern.replace('[', "[ ").replace(']', " ]");
        let mut args = Vec::new();
        self.expand(&pattern, &mut args);
        // See there for commands that must not vary.
        if [
            // The store evicts nothing.
            "CONFIG SET maxmemory",
            "SPOP",
            "SADD e9",
            "ZADD z9",
            "ZREMRANGEBYLEX",
            "ZRANGESTORE zk z9",
        ]
        .iter()
        .any(|start| pattern.starts_with(start))
        {
            return args;
        }
        // A mistake: an argument missing, an extra one, or one of another type.
        match self.below(40) {
            0 if args.len() > 1 => {
                args.pop();
            }
            1 => args.push(self.word("v")),
            2 if args.len() > 1 => {
                let at = 1 + self.below(args.len() as u64 - 1) as usize;
                args[at] = self.word("v");
            }
            _ => {}
        }
        shorten_timeout(&mut args);
        lengthen_times(&mut args);
        args
    }

    /// Expands a pattern: `[` and `]` enclose optional parts, `(` and `)` alternatives.
    fn expand(&mut self, pattern: &str, args: &mut Vec<Vec<u8>>) {
        let words: Vec<&str> = pattern.split_ascii_whitespace().collect();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let (open, close, is_choice) = match *word {
                "[" => ("[", "]", false),
                "(" => ("(", ")", true),
                word => {
                    args.push(self.word(word));
                    continue;
                }
            };
            let mut depth = 1;
            let mut closes = |word: &str| {
                depth += i32::from(word == open) - i32::from(word == close);
                depth == 0
            };
            let length = words[at..].iter().position(|word| closes(word)).unwrap();
            let inside = &words[at..at + length];
            at += length + 1;
            if is_choice {
                let alternatives: Vec<_> = inside.split(|word| *word == "|").collect();
                let chosen = alternatives[self.below(alternatives.len() as u64) as usize];
                self.expand(&chosen.join(" "), args);
            } else if self.below(2) == 0 {
                self.expand(&inside.join(" "), args);
            }
        }
    }

    fn word(&mut self, word: &str) -> Vec<u8> {
        if let Some(kind) = KINDS.iter().find(|kind| kind.name == word) {
            return self.value(kind);
        }
        let text = match word {
            "F" => "field",
            word => word,
        };
        // Names and options are case-insensitive.
        if text.len() > 2
            && text.bytes().all(|byte| byte.is_ascii_uppercase())
            && self.below(8) == 0
        {
            return text.to_ascii_lowercase().into_bytes();
        }
        text.as_bytes().to_vec()
    }

    /// Returns a value of a kind: usually a common one, so that commands interact.
    fn value(&mut self, kind: &Kind) -> Vec<u8> {
        let is_common = !kind.common.is_empty() && self.below(6) > 0;
        if kind.edges.is_empty() || is_common {
            return self.pick(kind.common).as_bytes().to_vec();
        }
        match kind.name {
            "f" if self.below(3) > 0 => self.float().into_bytes(),
            "v" if self.below(12) == 0 => vec![b'x'; 1 << self.below(15)],
            _ => self.pick(kind.edges).to_vec(),
        }
    }

    /// Returns a number of any size, with up to 40 digits, in one of the notations of C.
    pub(crate) fn float(&mut self) -> String {
        let sign = self.pick(&["", "", "-", "+"]);
        let digits = |this: &mut Self, most| -> String {
            let count = this.below(most);
            (0..count).map(|_| this.below(10).to_string()).collect()
        };
        let (whole, fraction) = (digits(self, 20), digits(self, 20));
        let exponent = match self.below(6) {
            0 => format!("e{}", self.below(40)),
            1 => format!("e-{}", self.below(40)),
            2 => format!("E+{}", self.below(4_950)),
            3 => format!("e-{}", self.below(4_970)),
            _ => String::new(),
        };
        match self.below(12) {
            0 => format!("{sign}0x{whole}.{fraction}p{}", self.below(100)),
            1 => format!("{sign}0x{whole}.{fraction}P-{}", self.below(100)),
            _ => format!("{sign}{whole}.{fraction}{exponent}"),
        }
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// SplitMix64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
