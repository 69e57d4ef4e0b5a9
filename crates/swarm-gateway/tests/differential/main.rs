//! Differential test: the same random commands produce the same replies from the gateway and a real
//! `redis-server`. The gateway runs over its embedded store, and in front of another
//! `redis-server`.
//!
//! Sequences are seeded, so a failure can be reproduced with its seed. The report shows the
//! shortest sequence that still fails. `DIFFERENTIAL_SEED` and `DIFFERENTIAL_SEQUENCES` select
//! other sequences.

mod admin;
mod dumps;
mod edges;
mod encodings;
mod exceptions;
mod families;
mod generate;
mod kinds;
#[cfg(feature = "lua")]
mod libraries;
#[cfg(feature = "lua")]
mod lua;
#[cfg(feature = "lua")]
mod msgpack;
mod patterns;
mod peer;
#[path = "../redis/mod.rs"]
mod redis;
mod scripts;
mod sessions;
mod silent;
mod users;
mod waits;

use std::collections::BTreeMap;
use std::{env, fmt};

use swarm_gateway::Gateway;
use swarm_resp::{Decoder, Frame};
use tokio::runtime::Runtime;

use generate::{Generator, Step};
use peer::Peers;
use redis::RedisServer;

/// Parameters that sequences change, and their defaults.
const LIMITS: [(&str, &str); 8] = [
    ("maxmemory", "0"),
    ("maxmemory-policy", "noeviction"),
    ("timeout", "0"),
    ("hash-max-listpack-entries", "512"),
    ("hash-max-listpack-value", "64"),
    ("set-max-intset-entries", "512"),
    ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"),
];

/// A gateway and a Redis to compare.
struct Arena {
    runtime: Runtime,
    gateway: Option<Gateway>,
    redis: RedisServer,
    /// Redis behind the gateway.
    behind: Option<RedisServer>,
}

impl Arena {
    /// Returns `None` if redis-server is not installed, which fails in CI.
    fn open(in_front_of_redis: bool) -> Option<Self> {
        let start = || RedisServer::start(&[]);
        let redis = start()?;
        let runtime = Runtime::new().unwrap();
        let behind = in_front_of_redis.then(start).flatten();
        let mut builder = Gateway::builder();
        if let Some(behind) = &behind {
            builder = builder.redis(format!("redis://{}", behind.address()));
        }
        let gateway = runtime.block_on(builder.start()).unwrap();
        Some(Self {
            runtime,
            gateway: Some(gateway),
            redis,
            behind,
        })
    }

    fn peers(&self) -> (Peers, Peers) {
        let gateway = self.gateway.as_ref().unwrap();
        let ours = gateway.tcp_url().trim_start_matches("redis://");
        (Peers::connect(ours), Peers::connect(self.redis.address()))
    }

    /// Runs the steps on both from empty stores and describes the first difference.
    fn difference(&self, protocol: &str, steps: &[Step], tally: &mut Tally) -> Option<String> {
        let (mut ours, mut theirs) = self.peers();
        for peers in [&mut ours, &mut theirs] {
            // Earlier sequences may have changed these.
            peers.run(
                0,
                &[
                    "CONFIG",
                    "SET",
                    "maxmemory",
                    "0",
                    "notify-keyspace-events",
                    "",
                ],
            );
            peers.run(0, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
            peers.run(0, &["FLUSHALL"]);
            for (name, value) in LIMITS {
                peers.run(0, &["CONFIG", "SET", name, value]);
            }
            for connection in 0..peer::CONNECTIONS {
                peers.run(connection, &["HELLO", protocol]);
            }
        }
        for (at, step) in steps.iter().enumerate() {
            theirs.before(&step.args);
            let our_reply = ours.run(step.connection, &step.args);
            let their_reply = theirs.run(step.connection, &step.args);
            tally.count(protocol, &step.args, our_reply == their_reply);
            if !exceptions::same(&step.args, &our_reply, &their_reply, &mut theirs) {
                return Some(format!(
                    "step {at}, {step:?}\n  ours:   {}\n  theirs: {}",
                    our_reply.escape_ascii(),
                    their_reply.escape_ascii()
                ));
            }
        }
        None
    }

    /// Removes steps that the difference does not depend on.
    fn shrink(&self, protocol: &str, mut steps: Vec<Step>) -> Vec<Step> {
        let mut chunk = steps.len() / 2;
        while chunk > 0 {
            let mut at = 0;
            while at < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(at..(at + chunk).min(steps.len()));
                if (self.difference(protocol, &fewer, &mut Tally::default())).is_some() {
                    steps = fewer;
                } else {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
        steps
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let gateway = self.gateway.take();
        self.runtime.block_on(async { drop(gateway) });
    }
}

/// What has been compared, for the summary.
#[derive(Default)]
struct Tally {
    /// Number of commands by protocol.
    commands: BTreeMap<String, u64>,
    /// Number of replies that differ for one of the listed reasons, by command.
    excused: BTreeMap<String, u64>,
}

impl Tally {
    fn count(&mut self, protocol: &str, args: &[Vec<u8>], is_equal: bool) {
        *self.commands.entry(format!("RESP{protocol}")).or_default() += 1;
        if !is_equal {
            let name = args.first().map(|name| name.to_ascii_uppercase());
            let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
            *self.excused.entry(name).or_default() += 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands: u64 = self.commands.values().sum();
        let excused: u64 = self.excused.values().sum();
        write!(
            f,
            "{commands} commands {:?}, 0 unexplained differences, ",
            self.commands
        )?;
        write!(
            f,
            "{excused} replies with a listed exception: {:?}",
            self.excused
        )
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = env::var(name).ok().map(|text| text.parse().unwrap());
    given.unwrap_or(default)
}

fn random(arena: &Arena, sequences: u64) {
    let first = number("DIFFERENTIAL_SEED", 1);
    let sequences = number("DIFFERENTIAL_SEQUENCES", sequences);
    let mut tally = Tally::default();
    for seed in first..first + sequences {
        let protocol = if seed % 2 == 0 { "3" } else { "2" };
        let steps = Generator::new(seed).sequence(150);
        if let Some(difference) = arena.difference(protocol, &steps, &mut tally) {
            let steps = arena.shrink(protocol, steps);
            let shortest = arena.difference(protocol, &steps, &mut Tally::default());
            let shortest = shortest.unwrap_or(difference);
            panic!("seed {seed}, RESP{protocol}: {shortest}\nsteps: {steps:#?}");
        }
    }
    println!("{sequences} sequences from seed {first}: {tally}");
}

/// Sequences that do not depend on what is behind the gateway.
fn all_sequences() -> Vec<(&'static str, &'static str)> {
    [scripts::ALL, waits::ALL, encodings::ALL].concat()
}

fn written(arena: &Arena, sequences: &[(&str, &str)]) {
    for protocol in ["2", "3"] {
        for (name, script) in sequences {
            if protocol == "2" && name.contains("RESP3") {
                continue;
            }
            let (mut ours, mut theirs) = arena.peers();
            let ours = scripts::play(&mut ours, protocol, script);
            let theirs = scripts::play(&mut theirs, protocol, script);
            assert_eq!(ours.len(), theirs.len(), "{name}: {ours:#?}\n{theirs:#?}");
            for ((line, ours), (_, theirs)) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "{name}, RESP{protocol}, `{line}`");
                assert!(!ours.starts_with("(no reply"), "{name}, `{line}`: {ours}");
            }
        }
    }
}

#[test]
fn random_sequences_on_the_embedded_store() {
    if let Some(arena) = Arena::open(false) {
        random(&arena, 60);
    }
}

/// Clients find the keys of a command with its arity and the positions of keys.
#[test]
fn commands_are_described_as_in_redis() {
    let Some(arena) = Arena::open(false) else {
        return;
    };
    let (mut ours, mut theirs) = arena.peers();
    let decode = |reply: Vec<u8>| Decoder::new().decode_message(reply.into()).unwrap();
    for peers in [&mut ours, &mut theirs] {
        peers.run(0, &["HELLO", "3"]);
    }
    let names = decode(ours.run(0, &["COMMAND", "LIST"]));
    let mut compared = 0;
    for name in names.items().unwrap() {
        let name = name.as_str().unwrap();
        let describe = |peers: &mut Peers| decode(peers.run(0, &["COMMAND", "INFO", name]));
        let (ours, theirs) = (describe(&mut ours), describe(&mut theirs));
        let row = |frame: &Frame| {
            let mut rows = frame.items().unwrap();
            let fields: Vec<_> = rows.next().unwrap().items()?.collect();
            let numbers = [1, 3, 4, 5].map(|at: usize| fields[at].as_integer().unwrap());
            let kinds: Vec<_> = fields.iter().map(|field| field.kind()).collect();
            Some((kinds, numbers))
        };
        // The others are commands of SwarmKeyDb.
        if let Some(theirs) = row(&theirs) {
            assert_eq!(row(&ours), Some(theirs), "{name}");
            compared += 1;
        }
    }
    assert!(
        compared > 100,
        "{compared} of {}",
        names.items().unwrap().count()
    );
}

#[cfg(feature = "lua")]
#[test]
fn scripts_on_the_embedded_store() {
    let Some(arena) = Arena::open(false) else {
        return;
    };
    let (mut ours, mut theirs) = arena.peers();
    for protocol in ["2", "3"] {
        let scripts = lua::SCRIPTS.iter().chain(libraries::JSON);
        let scripts = scripts.chain(libraries::STRUCT).chain(libraries::BITS);
        let scripts = scripts.chain(libraries::FUNCTIONS).chain(msgpack::SCRIPTS);
        let scripts = scripts.map(|script| vec!["EVAL", script, "0"]);
        let commands = lua::COMMANDS.iter().chain(lua::FUNCTIONS);
        let commands = commands.map(|command| command.to_vec());
        let start = [
            vec!["FLUSHALL"],
            vec!["SCRIPT", "FLUSH"],
            vec!["HELLO", protocol],
        ];
        for command in start.into_iter().chain(scripts).chain(commands) {
            let (ours, theirs) = (ours.run(0, &command), theirs.run(0, &command));
            if command[0] != "HELLO" {
                let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
                assert_eq!(
                    ours.to_string(),
                    theirs.to_string(),
                    "RESP{protocol}, {command:?}"
                );
            }
        }
    }
}

#[test]
fn values_move_between_both_with_dump_and_restore() {
    if let Some(arena) = Arena::open(false) {
        let (mut ours, mut theirs) = arena.peers();
        dumps::move_values(&mut ours, &mut theirs);
    }
}

#[test]
fn administration_of_the_embedded_store() {
    if let Some(arena) = Arena::open(false) {
        let (mut ours, mut theirs) = arena.peers();
        admin::compare(&mut ours, &mut theirs);
    }
}

#[test]
fn users_of_the_embedded_store() {
    if let Some(arena) = Arena::open(false) {
        users::compare(|| arena.peers());
    }
}

#[test]
fn silent_and_monitored_connections_of_the_embedded_store() {
    if let Some(arena) = Arena::open(false) {
        let (mut ours, mut theirs) = arena.peers();
        silent::compare(&mut ours, &mut theirs);
    }
}

/// Both compute with 80-bit floats.
#[test]
fn random_sums_on_the_embedded_store() {
    let Some(arena) = Arena::open(false) else {
        return;
    };
    let (mut ours, mut theirs) = arena.peers();
    let seed = number("DIFFERENTIAL_SEED", 1);
    let mut generator = Generator::new(seed);
    for _ in 0..2_000 {
        let (left, right) = (generator.float(), generator.float());
        let sum = |peers: &mut Peers| {
            peers.run(0, &["SET", "k", &left]);
            peers.run(0, &["INCRBYFLOAT", "k", &right])
        };
        let (ours, theirs) = (sum(&mut ours), sum(&mut theirs));
        let (ours, theirs) = (ours.escape_ascii(), theirs.escape_ascii());
        assert_eq!(ours.to_string(), theirs.to_string(), "{left} + {right}");
    }
}

#[test]
fn handwritten_sequences_on_the_embedded_store() {
    if let Some(arena) = Arena::open(false) {
        written(&arena, &all_sequences());
        written(&arena, sessions::ALL);
    }
}

#[test]
fn random_sequences_through_the_gateway_to_redis() {
    if let Some(arena) = Arena::open(true) {
        assert!(arena.behind.is_some());
        random(&arena, 20);
    }
}

#[test]
fn losing_redis_disconnects_the_client() {
    let Some(mut arena) = Arena::open(true) else {
        return;
    };
    let (mut ours, _) = arena.peers();
    assert_eq!(ours.run(0, &["PING"]), b"+PONG\r\n");
    drop(arena.behind.take());
    assert_eq!(ours.run(0, &["PING"]), b"(closed)");
}

#[test]
fn handwritten_sequences_through_the_gateway_to_redis() {
    if let Some(arena) = Arena::open(true) {
        written(&arena, &all_sequences());
    }
}
