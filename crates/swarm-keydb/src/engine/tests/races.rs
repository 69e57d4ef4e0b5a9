//! Random schedules: whatever the order of sends, replies, timeouts, cancellations, cuts, departures and detours, every call
//! gets its own reply or an honest failure, and none that must not is sent twice.
//!
//! `cargo xtask simulate` plays a million of them.

use std::collections::{HashMap, VecDeque};

use super::*;
use crate::options::FallbackScope;

/// Schedules per run, unless `SWARM_SCHEDULES` says otherwise. A failure names its seed.
const SCHEDULES: u64 = 20_000;

#[derive(Default)]
struct World {
    bench: Option<Bench>,
    connected: bool,
    /// Requests that the server got over the connection, and over the detour, and has not answered.
    owed: VecDeque<String>,
    owed_on_detour: VecDeque<String>,
    /// How often each request reached the server, any way.
    got: HashMap<String, u32>,
    /// The unit that is being sent, and the place of its next request.
    sending: Option<(usize, usize)>,
    /// The requests of each call.
    calls: Vec<Vec<String>>,
    /// What each call was told, one text for each request.
    told: HashMap<u64, Vec<String>>,
    seed: u64,
}

#[test]
fn no_schedule_shifts_a_reply_or_doubles_a_write() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    for seed in 0..schedules {
        World::new(seed).play();
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::ready();
        bench.engine.settings.reconnect_on = ["READONLY".into()].into();
        if seed.is_multiple_of(2) {
            bench.engine.settings.fallback = FallbackScope::Stateless;
        }
        Self {
            bench: Some(bench),
            connected: true,
            seed,
            ..Self::default()
        }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().unwrap()
    }

    fn play(&mut self) {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut cancelled = Vec::new();
        for _ in 0..rng.usize(1..60) {
            match rng.u8(0..15) {
                0..=2 => cancelled.push(self.call(&mut rng)),
                3..=5 => self.send(),
                6..=7 => self.answer(),
                8 if !cancelled.is_empty() => {
                    *cancelled[rng.usize(0..cancelled.len())].borrow_mut() = true;
                }
                9 => self.wait(rng.u64(0..6)),
                10 if self.connected => {
                    let push = Frame::build(|reply| reply.push_message(|push| push.bulk(b"x")));
                    self.bench().reply(&push);
                }
                11 if rng.u8(0..3) == 0 => self.cut(),
                12 => self.connect(),
                13 => {
                    if rng.bool() {
                        self.detour();
                    } else {
                        self.answer_detour();
                    }
                }
                14 if rng.u8(0..3) == 0 => self.refuse(),
                _ => {}
            }
            self.note();
            self.depart();
        }
        self.finish();
        self.judge(&cancelled);
    }

    /// Lets everything come to its end.
    fn finish(&mut self) {
        while !self.owed_on_detour.is_empty() {
            self.answer_detour();
        }
        self.connect();
        loop {
            self.depart();
            self.connect();
            self.send();
            if self.owed.is_empty() {
                break;
            }
            self.answer();
        }
        self.note();
    }

    fn judge(&mut self, cancelled: &[Rc<RefCell<bool>>]) {
        let seed = self.seed;
        let engine = &self.bench().engine;
        assert!(
            !engine.has_living_calls(),
            "seed {seed}: a call was forgotten"
        );
        assert_eq!(engine.in_flight(), 0, "seed {seed}: a slot leaked");
        for (number, requests) in self.calls.iter().enumerate() {
            let told = self.told.get(&(number as u64));
            let Some(told) = told.filter(|told| told.len() == requests.len()) else {
                assert!(
                    *cancelled[number].borrow(),
                    "seed {seed}: {requests:?} got no answer"
                );
                continue;
            };
            for (name, text) in requests.iter().zip(told) {
                self.judge_answer(name, text);
            }
        }
        for (name, times) in &self.got {
            let write = name.starts_with("SET") || name.starts_with("INCR");
            assert!(
                *times <= 1 || !write,
                "seed {seed}: {name} was sent {times} times"
            );
        }
    }

    fn judge_answer(&self, name: &str, text: &str) {
        let seed = self.seed;
        let times = self.got.get(name).copied().unwrap_or(0);
        if text.starts_with('"') {
            assert_eq!(text, format!("{name:?}"), "seed {seed}: a reply of another");
        } else if let Some(refused) = text.strip_prefix("error READONLY ") {
            assert_eq!(refused, name, "seed {seed}: an error of another");
        } else if text.ends_with("sent=false") {
            assert_eq!(times, 0, "seed {seed}: {name} was sent, though it says not");
        } else {
            assert!(text.ends_with("sent=true"), "seed {seed}: {text}");
        }
    }

    /// Makes a call of one request, or of several that go as a unit.
    fn call(&mut self, rng: &mut fastrand::Rng) -> Rc<RefCell<bool>> {
        // What may take the detour under the narrow scope has the name of what may.
        let kinds = ["GET", "SET", "SCAN", "INCR"];
        let kind = kinds[rng.usize(0..kinds.len())];
        let retry = match kind {
            "GET" | "SCAN" => Retry::ReadOnly,
            _ => Retry::Never,
        };
        let number = self.calls.len();
        if rng.u8(0..4) > 0 {
            let name = format!("{kind} {number}");
            self.calls.push(vec![name.clone()]);
            return self.bench().call(&name, retry, rng.u8(0..10) == 0);
        }
        let requests: Vec<_> = (0..rng.usize(1..5))
            .map(|place| format!("{kind} {number} {place}"))
            .collect();
        self.calls.push(requests.clone());
        let words: Vec<_> = requests.iter().map(String::as_str).collect();
        self.bench().unit(&words, retry)
    }

    fn connect(&mut self) {
        if !self.connected {
            self.bench().handshake();
            self.connected = true;
        }
    }

    fn cut(&mut self) {
        if self.connected {
            self.bench().cut();
            self.owed.clear();
            self.sending = None;
            self.connected = false;
        }
    }

    fn wait(&mut self, seconds: u64) {
        if self.bench().wait(seconds).is_err() {
            self.cut();
        }
    }

    fn send(&mut self) {
        if let Some(name) = self.bench().send() {
            assert!(
                self.owed_on_detour.is_empty(),
                "seed {}: overtook the detour",
                self.seed
            );
            self.follow(&name);
            self.got(name.clone());
            self.owed.push_back(name);
        }
    }

    /// Nothing may come between the requests of a unit.
    fn follow(&mut self, name: &str) {
        let seed = self.seed;
        let numbers: Vec<usize> = name
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        if let Some(expected) = self.sending.take() {
            assert_eq!(
                numbers,
                [expected.0, expected.1],
                "seed {seed}: {name} came into a unit"
            );
        }
        if let [call, place] = numbers[..]
            && place + 1 < self.calls[call].len()
        {
            self.sending = Some((call, place + 1));
        }
    }

    fn answer(&mut self) {
        if let Some(name) = self.owed.pop_front() {
            self.bench().reply(&bulk(&name));
        }
    }

    /// The server says that it serves no longer.
    fn refuse(&mut self) {
        if let Some(name) = self.owed.pop_front() {
            let bench = self.bench();
            bench.reply(&Frame::error(format!("READONLY {name}")));
            if bench.engine.take_advice() {
                bench.engine.leave();
            }
        }
    }

    /// Follows what the server said. Nobody may lose anything by it.
    fn depart(&mut self) {
        if self.connected && self.bench().engine.has_left() {
            self.note();
            self.cut();
            let told = self.bench().answers();
            assert!(told.is_empty(), "seed {}: {told:?}", self.seed);
        }
    }

    fn detour(&mut self) {
        if self.connected {
            return;
        }
        let bench = self.bench();
        let Some(request) = bench.engine.next_detour(bench.now, |_| Ok(())) else {
            return;
        };
        let words: Vec<_> = request.args().map(String::from_utf8_lossy).collect();
        let name = words.join(" ");
        let narrow = bench.engine.settings.fallback == FallbackScope::GetAndSet;
        assert!(
            !narrow || name.starts_with("GET") || name.starts_with("SET"),
            "{name}"
        );
        self.got(name.clone());
        self.owed_on_detour.push_back(name);
    }

    fn answer_detour(&mut self) {
        if let Some(name) = self.owed_on_detour.pop_front() {
            self.bench().engine.receive_detour(bulk(&name)).unwrap();
        }
    }

    fn got(&mut self, name: String) {
        *self.got.entry(name).or_default() += 1;
    }

    fn note(&mut self) {
        for (number, text) in self.bench().answers() {
            let told = self.told.entry(number).or_default();
            told.push(text);
            assert!(
                told.len() <= self.calls[usize::try_from(number).unwrap()].len(),
                "seed {}: call {number} was answered twice",
                self.seed
            );
        }
    }
}
