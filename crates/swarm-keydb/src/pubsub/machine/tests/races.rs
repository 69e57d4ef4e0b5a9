//! Random schedules: listeners come and go; the server replies, publishes, refuses names and sends
//! arbitrary pushes; bytes arrive in pieces of any size; connections break. Each listener receives
//! exactly the events it must, and the server never receives a redundant SUBSCRIBE.
//!
//! `SWARM_SCHEDULES` sets the number of schedules; `cargo xtask simulate` runs a million. A failure
//! names its seed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const SCHEDULES: u64 = 20_000;

const NAMES: [&str; 6] = ["a", "b", "subscribe", "a*", "*", "forbidden"];

/// Pushes that no request asked for.
const JUNK: [&str; 9] = [
    "invalidate k",
    "smessage a x",
    "message nobody x",
    "pmessage none* a x",
    "subscribe nobody 1",
    "unsubscribe nobody 0",
    "punsubscribe none* 0",
    "pong x",
    "what is this",
];

struct Member {
    names: Vec<&'static str>,
    notes: Notes,
    /// Whether all names are acknowledged, according to the events.
    whole: bool,
    /// Messages that it must have received since the last check.
    expected: Vec<String>,
    refused: bool,
}

struct Simulation {
    seed: u64,
    random: fastrand::Rng,
    bench: Bench,
    connected: bool,
    protocol: RespVersion,
    decoder: Decoder,
    /// Sent by the server, not yet arrived.
    bytes: BytesMut,
    /// Arrived, not yet decoded.
    input: BytesMut,
    /// Names subscribed on the server.
    subscribed: BTreeSet<String>,
    published: u64,
    members: BTreeMap<u64, Member>,
}

#[test]
fn no_schedule_loses_a_message_or_subscribes_twice() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    for seed in 0..schedules {
        Simulation::new(seed).run();
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            bench: Bench::ready(),
            connected: true,
            protocol: if seed.is_multiple_of(2) {
                RespVersion::Resp2
            } else {
                RespVersion::Resp3
            },
            decoder: Decoder::new(),
            bytes: BytesMut::new(),
            input: BytesMut::new(),
            subscribed: BTreeSet::new(),
            published: 0,
            members: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        for _ in 0..self.random.usize(1..80) {
            match self.random.u8(0..20) {
                0..=2 => self.join(),
                3..=4 => self.leave(),
                5..=8 => {
                    self.answer();
                }
                9..=10 => self.publish(),
                11..=14 => {
                    let len = self.random.usize(0..=self.bytes.len());
                    self.arrive(len);
                }
                15 => {
                    let junk = JUNK[self.random.usize(0..JUNK.len())];
                    self.write(&push(junk));
                }
                16 => self.drop_name(),
                17 if self.random.u8(0..3) == 0 => self.cut(),
                18 => self.connect(),
                19 => {
                    self.bench.now += Duration::from_secs(self.random.u64(0..12));
                    if self.bench.machine.expire(self.bench.now).is_err() {
                        self.cut();
                    }
                }
                _ => {}
            }
        }
        self.finish();
    }

    fn join(&mut self) {
        let mut names = NAMES.to_vec();
        self.random.shuffle(&mut names);
        names.truncate(self.random.usize(1..4));
        let (id, notes) = self.bench.join(&names);
        let member = Member {
            names,
            notes,
            whole: false,
            expected: Vec::new(),
            refused: false,
        };
        self.members.insert(id, member);
        self.check_events();
    }

    fn leave(&mut self) {
        let ids: Vec<_> = self.members.keys().copied().collect();
        if let Some(id) = self.random.choice(ids) {
            self.bench.machine.unsubscribe(id);
            self.check_events();
            self.members.remove(&id);
        }
    }

    /// The server receives one request and replies.
    fn answer(&mut self) -> bool {
        let Some(request) = self.bench.send() else {
            return false;
        };
        let (command, name) = request.split_once(' ').unwrap_or((&request, ""));
        let acknowledged = push(&format!("{} {name} 1", command.to_lowercase()));
        let reply = match command {
            "PING" if self.protocol == RespVersion::Resp3 => Frame::bulk(name.to_owned()),
            "PING" => push(&format!("pong {name}")),
            _ if name == "forbidden" => Frame::error("NOPERM forbidden"),
            "SUBSCRIBE" | "PSUBSCRIBE" => {
                let new = self.subscribed.insert(name.to_owned());
                assert!(new, "seed {}: redundant {request}", self.seed);
                acknowledged
            }
            _ => {
                self.subscribed.remove(name);
                acknowledged
            }
        };
        self.write(&reply);
        true
    }

    fn write(&mut self, frame: &Frame) {
        if self.connected {
            encode_frame(&mut self.bytes, frame, self.protocol);
        }
    }

    fn publish(&mut self) {
        for name in NAMES {
            if self.subscribed.contains(name) {
                self.published += 1;
                let number = self.published;
                self.write(&push(&if name.contains('*') {
                    format!("pmessage {name} subscribe m{number}")
                } else {
                    format!("message {name} m{number}")
                }));
            }
        }
    }

    /// The server drops a subscription on its own.
    fn drop_name(&mut self) {
        let names: Vec<_> = self.subscribed.iter().cloned().collect();
        if let Some(name) = self.random.choice(names) {
            self.subscribed.remove(&name);
            let prefix = if name.contains('*') { "p" } else { "" };
            self.write(&push(&format!("{prefix}unsubscribe {name} 0")));
        }
    }

    /// `len` bytes arrive, and the client receives the complete frames.
    fn arrive(&mut self, len: usize) {
        let piece = self.bytes.split_to(len);
        self.input.extend_from_slice(&piece);
        while let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
            let words: Vec<_> = frame.items().into_iter().flatten().collect();
            let words: Vec<_> = words.iter().map(|word| word.as_str()).collect();
            let mut whole: Vec<_> = (self.members.values_mut())
                .filter(|member| member.whole)
                .collect();
            let mut lost = None;
            match words[..] {
                [Some("message"), Some(name), Some(payload)]
                | [Some("pmessage"), Some(name), _, Some(payload)] => {
                    for member in whole.iter_mut().filter(|m| m.names.contains(&name)) {
                        member.expected.push(payload.to_owned());
                    }
                }
                // The server dropped a name that the client still counted as subscribed: a gap.
                [Some("unsubscribe" | "punsubscribe"), name, _] => lost = name,
                _ => {}
            }
            for member in whole {
                member.whole = lost.is_none_or(|name| !member.names.contains(&name));
            }
            let outcome = self.bench.machine.receive(self.bench.now, &frame);
            assert_eq!(outcome, Ok(()), "seed {}: {frame}", self.seed);
            self.check_events();
        }
    }

    fn cut(&mut self) {
        self.bench.machine.disconnected();
        self.connected = false;
        self.bytes.clear();
        self.input.clear();
        self.decoder = Decoder::new();
        self.subscribed.clear();
        for member in self.members.values_mut() {
            member.whole = false;
        }
    }

    fn connect(&mut self) {
        if !self.connected {
            self.bench.connect();
            self.connected = true;
        }
    }

    /// Compares the events of all members with the expected ones.
    fn check_events(&mut self) {
        let seed = self.seed;
        for (id, member) in &mut self.members {
            let mut heard = Vec::new();
            for note in member.notes.borrow_mut().drain(..) {
                match note.as_str() {
                    "ready" | "restored" => {
                        assert!(
                            !member.whole,
                            "seed {seed}: {id} was {note} without a reason"
                        );
                        member.whole = true;
                    }
                    "Server" => {
                        assert!(member.names.contains(&"forbidden"), "seed {seed}: {id}");
                        member.refused = true;
                    }
                    _ => heard.push(note),
                }
            }
            let expected = std::mem::take(&mut member.expected);
            assert_eq!(heard, expected, "seed {seed}: {id}");
        }
        self.members.retain(|_, member| !member.refused);
    }

    /// Runs until no request and no byte is in flight.
    fn settle(&mut self) {
        self.connect();
        loop {
            let answered = self.answer();
            if !answered && self.bytes.is_empty() {
                return;
            }
            self.arrive(self.bytes.len());
        }
    }

    fn finish(&mut self) {
        self.settle();
        let seed = self.seed;
        let wanted: BTreeSet<_> = (self.members.values())
            .flat_map(|member| member.names.iter().map(|name| (*name).to_owned()))
            .collect();
        assert_eq!(self.subscribed, wanted, "seed {seed}");
        for (id, member) in &self.members {
            assert!(member.whole, "seed {seed}: {id} never became ready");
        }
        while !self.members.is_empty() {
            self.leave();
        }
        self.settle();
        let machine = &self.bench.machine;
        assert_eq!(self.subscribed, BTreeSet::new(), "seed {seed}");
        assert!(machine.is_idle() && !machine.is_wanted(), "seed {seed}");
        assert!(
            machine.pending.is_empty(),
            "seed {seed}: {:?}",
            machine.pending
        );
    }
}
