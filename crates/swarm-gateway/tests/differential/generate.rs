//! Random command generator. Uses few keys and values, so that commands interact, and occasional
//! mistakes.

use std::fmt;

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

/// Command patterns: `k` is a string key, `s` a stream key, `x` any key, `q` a key of small
/// fractions (Redis adds 80-bit floats, which shows when large numbers meet small ones), `v` a
/// value, `n` an integer, `f` a float, `t` a time to live, `d` a date, `e` a future date (how Redis
/// reports expired keys depends on when it removes them), `i` a stream ID, `r` a range bound, `g` a
/// group, `c` a consumer, and `p` a pattern. `[…]` is optional, `(…|…)` an alternative, and
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
    "INCRBYFLOAT ( q | s ) f",
    "INCRBYFLOAT q f",
    "SET q v",
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
    "COPY x x [REPLACE]",
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
    "SELECT ( 0 | 1 | v )",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH x x",
    "UNWATCH",
    "PUBLISH v v",
    "XADD s i F v [F v]",
    "XADD s i F v [F v]",
    "XADD s i F v",
    "XADD s [NOMKSTREAM] [MAXLEN [( = )] ( 0 | 2 | 3 | -1 )] i F v",
    "XADD s MINID = i i F v",
    "XADD x i F v",
    "XLEN x",
    "XDEL s i i",
    "XTRIM s ( MAXLEN | MINID ) [( = )] ( 1 | 3 | i ) [LIMIT n]",
    "XRANGE s r r [COUNT n]",
    "XREVRANGE s r r [COUNT n]",
    "XREAD [COUNT n] STREAMS s s i i",
    "XREAD [COUNT n] [BLOCK 1] STREAMS s ( $ | i | + )",
    "XGROUP CREATE s g ( $ | 0 | i ) [MKSTREAM] [ENTRIESREAD ( 0 | 2 | 9 | -1 | -2 )]",
    "XGROUP CREATE s g 0 MKSTREAM",
    "XGROUP SETID s g ( $ | 0 | i ) [ENTRIESREAD ( 0 | 2 | 9 | -1 )]",
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
    "CLIENT SETNAME v",
    "PUBSUB CHANNELS [p]",
    "PUBSUB NUMSUB v v",
    "CONFIG FOO v",
    "NOSUCH v v v",
];

pub(crate) struct Generator {
    state: u64,
}

impl Generator {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn sequence(mut self, length: usize) -> Vec<Step> {
        (0..length)
            .map(|_| Step {
                connection: self.below(10).min(crate::peer::CONNECTIONS as u64) as usize % 2,
                args: self.command(),
            })
            .collect()
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let pattern = self.pick(COMMANDS);
        // Makes brackets separate words.
        let pattern = pattern.replace('[', "[ ").replace(']', " ]");
        let mut args = Vec::new();
        self.expand(&pattern, &mut args);
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
        let text = match word {
            "k" => self.pick(&["a", "b", "c"]),
            "q" => self.pick(&["f1", "f2"]),
            "s" => self.pick(&["s1", "s1", "s2"]),
            "x" => self.pick(&["a", "b", "c", "s1", "s2", "none"]),
            "v" => self.pick(&[
                "",
                "0",
                "10",
                "-3",
                "hello",
                "1.5",
                "two words",
                "\u{e4}\0\r\n",
            ]),
            "n" => self.pick(&["0", "1", "2", "-1", "5", "-100", "9223372036854775807", "x"]),
            "f" => self.pick(&["0.5", "-0.25", "1", "2e0", "0", "abc", ""]),
            "t" => self.pick(&["1000", "2000", "0", "-1", "9223372036854775807", "x"]),
            "e" => self.pick(&["4102444800000", "0", "x"]),
            "d" => self.pick(&["4102444800", "4102444800000", "1", "0", "x"]),
            "i" => self.pick(&[
                "1-1", "1-2", "2-0", "3-3", "5-1", "7-7", "9", "0-0", "x", "4-*",
            ]),
            "r" => self.pick(&["-", "+", "1", "2", "(1-1", "(3", "5-1", "9", "x"]),
            "g" => self.pick(&["g1", "g1", "g2"]),
            "c" => self.pick(&["c1", "c2"]),
            "p" => self.pick(&["*", "a*", "?", "[ab]", "s[^1]", "none", "\\a"]),
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

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
