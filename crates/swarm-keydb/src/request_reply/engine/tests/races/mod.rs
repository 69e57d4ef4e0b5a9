//! Random schedules of sends, replies, timeouts, cancellations, lost connections, drains and
//! fallbacks. Every call receives its own reply or an accurate failure, and no write is sent twice.
//!
//! Connections are set aside, and replaced when they are silent; heartbeats and fences come between
//! calls; occasionally a script makes the server send one reply too many or too few.
//!
//! `cargo xtask simulate` runs a million schedules.

mod line;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;
use crate::options::{FallbackScope, RetryPolicy};
use line::Line;

/// Schedules per run, unless `SWARM_SCHEDULES` is set. A failure names its seed.
const SCHEDULES: u64 = 20_000;

/// A connection that is set aside.
struct Aside {
    engine: Engine<Tester>,
    line: Line,
}

#[derive(Default)]
struct Simulation {
    bench: Option<Bench>,
    connected: bool,
    line: Line,
    asides: Vec<Aside>,
    /// Requests that arrived over the fallback and have no reply yet.
    pending_on_fallback: VecDeque<String>,
    /// Number of times each request arrived, over any connection.
    got: HashMap<String, u32>,
    /// The requests of each call.
    calls: Vec<Vec<String>>,
    /// Results of each call, one per request, as text.
    results: HashMap<u64, Vec<String>>,
    rng: fastrand::Rng,
    seen: Seen,
}

/// Number of rare events, to detect schedules that never cause them.
#[derive(Default, Debug)]
struct Seen {
    shifts: u32,
    asides: u32,
    adopted: u32,
    taken_back: u32,
    closed: u32,
}

#[test]
fn no_schedule_shifts_a_reply_or_doubles_a_write() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    let mut seen = Seen::default();
    for seed in 0..schedules {
        let mut simulation = Simulation::new(seed);
        let played = catch_unwind(AssertUnwindSafe(|| simulation.run(seed)));
        played.unwrap_or_else(|panic| {
            eprintln!("seed {seed}");
            resume_unwind(panic)
        });
        seen.add(&simulation.seen);
    }
    let Seen {
        shifts,
        asides,
        adopted,
        taken_back,
        closed,
    } = seen;
    for count in [shifts, asides, adopted, taken_back, closed] {
        assert!(u64::from(count) > schedules / 1000, "{seen:?}");
    }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.shifts += other.shifts;
        self.asides += other.asides;
        self.adopted += other.adopted;
        self.taken_back += other.taken_back;
        self.closed += other.closed;
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::ready();
        let settings = &mut bench.engine.session.settings;
        settings.reconnect_on = ["READONLY".into()].into();
        settings.heartbeat = Some(Duration::from_secs(4));
        if seed.is_multiple_of(2) {
            settings.fallback = FallbackScope::Stateless;
        }
        if seed.is_multiple_of(3) {
            settings.retry = RetryPolicy::Idempotent;
        }
        Self {
            bench: Some(bench),
            connected: true,
            rng: fastrand::Rng::with_seed(seed),
            ..Self::default()
        }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().unwrap()
    }

    fn run(&mut self, seed: u64) {
        let mut cancelled = Vec::new();
        // Some schedules have a slow server, so that deadlines pass and the server is silent.
        let slow = seed.is_multiple_of(5);
        for _ in 0..self.rng.usize(1..80) {
            match self.rng.u8(0..20) {
                0..=2 => cancelled.push(self.call()),
                3..=6 => self.send(),
                7..=9 if !slow || self.rng.u8(0..4) == 0 => self.answer(),
                10 if !cancelled.is_empty() => {
                    let which = self.rng.usize(0..cancelled.len());
                    *cancelled[which].borrow_mut() = true;
                }
                11 => {
                    let seconds = self.rng.u64(0..if slow { 12 } else { 6 });
                    self.wait(seconds);
                }
                12 if self.connected => {
                    let push = Frame::build(|reply| reply.push_message(|push| push.bulk(b"x")));
                    self.bench().reply(&push);
                }
                13 if self.rng.u8(0..3) == 0 => self.cut(),
                14 => self.connect(),
                15 => match self.rng.u8(0..5) {
                    0..=1 => self.fallback(),
                    2..=3 => self.reply_on_fallback(),
                    _ => self.lose_fallback(),
                },
                16 if self.rng.u8(0..3) == 0 => self.refuse(),
                17 if self.rng.u8(0..3) == 0 => self.set_aside(),
                18 => self.serve_aside(),
                19 => self.replace_silent(),
                _ => {}
            }
            self.note();
            self.drain_if_advised();
        }
        if self.rng.u8(0..4) == 0 {
            self.close();
        }
        self.finish();
        self.judge(&cancelled);
    }

    /// Abandons all calls, as a client does whose time for closing is over. Connections stay open
    /// while a write is pending.
    fn close(&mut self) {
        self.seen.closed += 1;
        self.bench().engine.abandon();
        for aside in &mut self.asides {
            aside.engine.abandon();
        }
        let living = |engine: &Engine<Tester>| engine.pending().is_awaited();
        assert!(!living(&self.bench().engine), "abandoned");
        assert!(!self.asides.iter().any(|aside| living(&aside.engine)));
    }

    /// Runs until no request and no reply is in flight.
    fn finish(&mut self) {
        while !self.pending_on_fallback.is_empty() {
            self.reply_on_fallback();
        }
        while !self.asides.is_empty() {
            self.serve_aside();
            let is_idle = |aside: &Aside| aside.line.is_idle();
            if let Some(mute) = self.asides.iter().position(is_idle) {
                self.lose_aside(mute);
            }
        }
        self.connect();
        loop {
            self.drain_if_advised();
            self.connect();
            self.send();
            if !self.line.is_idle() {
                self.answer();
            } else if self.bench().engine.pending().in_flight() > 0 {
                self.cut();
            } else {
                break;
            }
        }
        self.note();
    }

    fn judge(&mut self, cancelled: &[Rc<RefCell<bool>>]) {
        let engine = &self.bench().engine;
        assert!(!engine.pending().is_awaited(), "a call was forgotten");
        assert_eq!(engine.pending().in_flight(), 0, "a slot leaked");
        for (number, requests) in self.calls.iter().enumerate() {
            let results = self.results.get(&(number as u64));
            let Some(results) = results.filter(|results| results.len() == requests.len()) else {
                assert!(*cancelled[number].borrow(), "{requests:?} got no answer");
                continue;
            };
            for (name, text) in requests.iter().zip(results) {
                self.judge_answer(name, text);
            }
        }
        for (name, times) in &self.got {
            let repeats = ["GET", "SCAN", "EXPIRE"];
            let repeats = repeats.iter().any(|repeats| name.starts_with(repeats));
            assert!(
                *times <= if repeats { 3 } else { 1 },
                "{name}: {times} times"
            );
        }
    }

    fn judge_answer(&self, name: &str, text: &str) {
        let times = self.got.get(name).copied().unwrap_or(0);
        let text = text.trim_end_matches(" }").replace("sent: ", "sent=");
        if text.starts_with('"') {
            assert_eq!(text, format!("{name:?}"), "a reply of another");
        } else if text.starts_with('[') {
            // An array that swallowed the next reply, an echo of a nonce.
            panic!("{name} returned {text}");
        } else if let Some(refused) = text.strip_prefix("error READONLY ") {
            assert_eq!(refused, name, "an error of another");
        } else if text.ends_with("sent=false") {
            assert_eq!(times, 0, "{name} was sent, though it says not");
        } else {
            assert!(text.ends_with("sent=true"), "{text}");
        }
    }

    /// Submits a call of one request, or a batch.
    fn call(&mut self) -> Rc<RefCell<bool>> {
        let number = self.calls.len();
        // Commands that may use the fallback under the narrow scope have the names of those
        // commands.
        let kinds = ["GET", "SET", "SCAN", "INCR", "EXPIRE", "EVAL"];
        let kind = kinds[self.rng.usize(0..kinds.len())];
        let retry = match kind {
            "GET" | "SCAN" => Retry::ReadOnly,
            "EXPIRE" => Retry::Idempotent,
            _ => Retry::Never,
        };
        match self.rng.u8(0..20) {
            0 => {
                let name = format!("HELLO {number}");
                self.calls.push(vec![name.clone()]);
                self.bench().call(&name, Retry::Never, true)
            }
            1..=3 => self.batch(number, kind, retry),
            4..=5 => self.transaction(number),
            _ => {
                let name = format!("{kind} {number}");
                self.calls.push(vec![name.clone()]);
                if kind == "EVAL" {
                    self.bench().fenced(&name, retry)
                } else {
                    self.bench().call(&name, retry, false)
                }
            }
        }
    }

    fn batch(&mut self, number: usize, kind: &str, retry: Retry) -> Rc<RefCell<bool>> {
        let scripts = retry == Retry::Never;
        let requests: Vec<_> = (0..self.rng.usize(1..5))
            .map(|place| match self.rng.u8(0..3) {
                0 if scripts => format!("EVAL {number} {place}"),
                _ => format!("{kind} {number} {place}"),
            })
            .collect();
        let is_script = |at: &usize| requests[*at].starts_with("EVAL");
        let fenced: Vec<_> = (0..requests.len()).filter(is_script).collect();
        self.several(requests, &fenced, retry)
    }

    fn transaction(&mut self, number: usize) -> Rc<RefCell<bool>> {
        let last = self.rng.usize(1..4);
        let requests = (0..=last).map(|place| {
            let name = match place {
                0 => "MULTI",
                _ if place == last => "EXEC",
                _ => "SET",
            };
            format!("{name} {number} {place}")
        });
        self.several(requests.collect(), &[last], Retry::Never)
    }

    fn several(
        &mut self,
        requests: Vec<String>,
        fenced: &[usize],
        retry: Retry,
    ) -> Rc<RefCell<bool>> {
        self.calls.push(requests);
        let words = self.calls.last().unwrap().clone();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        if fenced.is_empty() {
            self.bench().batch(&words, retry)
        } else {
            self.bench().fenced_batch(&words, fenced)
        }
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
            self.line = Line::default();
            self.connected = false;
        }
    }

    /// Sets the connection aside, because the client needs another one.
    fn set_aside(&mut self) {
        if self.connected {
            self.seen.asides += 1;
            let engine = self.bench().engine.set_aside();
            let line = std::mem::take(&mut self.line);
            self.asides.push(Aside { engine, line });
            self.connected = false;
        }
    }

    /// Checks over another connection if the server is silent, and switches to that connection.
    fn replace_silent(&mut self) {
        if self.connected && self.bench().engine.session_mut().take_unchecked_suspicion() {
            self.seen.adopted += 1;
            let settings = self.bench().engine.session.settings.clone();
            let mut other = Engine::new(settings);
            std::mem::swap(&mut other, &mut self.bench().engine);
            self.bench().handshake();
            std::mem::swap(&mut other, &mut self.bench().engine);
            self.set_aside();
            self.bench().engine.session = other.session;
            self.connected = true;
        }
    }

    /// One of the connections that are set aside makes progress, and closes when no reply is
    /// pending.
    fn serve_aside(&mut self) {
        if self.asides.is_empty() {
            return;
        }
        let at = self.rng.usize(0..self.asides.len());
        let lost = self.rng.u8(0..12) == 0;
        let now = self.bench().now;
        let Aside { engine, line } = &mut self.asides[at];
        while let Some(request) = engine.next_request(now, |_| Ok(())) {
            let name = words_of(request);
            assert!(!name.starts_with("PING"), "nobody asks whether it lives");
            if let Some(name) = line.take(name, &self.calls) {
                *self.got.entry(name).or_default() += 1;
            }
        }
        let reply = line.answer(&mut self.rng);
        let lost = lost || reply.is_some_and(|reply| engine.receive(now, reply).is_err());
        if lost {
            self.lose_aside(at);
        } else if !engine.pending().has_write() && !engine.pending().is_awaited() {
            self.note();
            self.asides.remove(at);
            let results = self.bench().answers();
            assert!(results.is_empty(), "{results:?}");
        }
    }

    fn lose_aside(&mut self, at: usize) {
        let now = self.bench().now;
        let Aside { mut engine, .. } = self.asides.remove(at);
        let error = TransportError::new(TransportErrorKind::Closed, "cut");
        engine.disconnected(&Arc::new(error), now);
        self.seen.taken_back += u32::from(engine.pending().queued() > 0);
        self.bench().engine.take_back(&mut engine);
        assert!(!engine.pending().is_awaited(), "a call was left behind");
    }

    fn wait(&mut self, seconds: u64) {
        if self.bench().wait(seconds).is_err() {
            self.cut();
        }
        let now = self.bench().now;
        for aside in &mut self.asides {
            assert_eq!(aside.engine.expire(now), Ok(()), "it may be silent");
        }
    }

    fn send(&mut self) {
        let Some(name) = self.bench().send() else {
            return;
        };
        assert!(
            self.pending_on_fallback.is_empty() || name.starts_with("PING"),
            "overtook the fallback"
        );
        if let Some(name) = self.line.take(name, &self.calls) {
            self.got(name);
        }
    }

    fn answer(&mut self) {
        if let Some(reply) = self.line.answer(&mut self.rng)
            && self.bench().receive(&reply).is_err()
        {
            self.seen.shifts += 1;
            self.cut();
        }
    }

    /// The server replies with an error that asks for another connection.
    fn refuse(&mut self) {
        if let Some(refusal) = self.line.refuse() {
            if self.bench().receive(&refusal).is_err() {
                self.cut();
            } else if self.bench().engine.drain().take_advice().is_some() {
                self.bench().engine.drain().start();
            }
        }
    }

    /// Drains the connection if the server asked for that. No call may be lost.
    fn drain_if_advised(&mut self) {
        if self.connected && self.bench().engine.drain().is_done() {
            self.note();
            if self.bench().engine.pending().has_write() {
                self.set_aside();
            } else {
                self.cut();
            }
            let results = self.bench().answers();
            assert!(results.is_empty(), "{results:?}");
        }
    }

    fn fallback(&mut self) {
        if self.connected {
            return;
        }
        let bench = self.bench();
        let Some(name) = bench.send_over_fallback() else {
            return;
        };
        let narrow = bench.engine.session.settings.fallback == FallbackScope::GetAndSet;
        assert!(
            !narrow || name.starts_with("GET") || name.starts_with("SET"),
            "{name}"
        );
        self.got(name.clone());
        self.pending_on_fallback.push_back(name);
    }

    fn reply_on_fallback(&mut self) {
        if let Some(name) = self.pending_on_fallback.pop_front() {
            self.bench().engine.fallback().receive(bulk(&name)).unwrap();
        }
    }

    fn lose_fallback(&mut self) {
        let now = self.bench().now;
        let error = TransportError::new(TransportErrorKind::Closed, "cut");
        self.bench()
            .engine
            .fallback()
            .disconnected(&Arc::new(error), now);
        self.pending_on_fallback.clear();
    }

    fn got(&mut self, name: String) {
        *self.got.entry(name).or_default() += 1;
    }

    fn note(&mut self) {
        for (number, text) in self.bench().answers() {
            let results = self.results.entry(number).or_default();
            results.push(text);
            assert!(
                results.len() <= self.calls[usize::try_from(number).unwrap()].len(),
                "call {number} was answered twice"
            );
        }
    }
}
