//! Random schedules: calls with random keys, fences and holds; connections that grow, are lost, set
//! aside and closed; a fallback while there is none; replies, timeouts and calls that return.
//!
//! The server of the simulation runs the calls of one connection in order and those of different
//! connections, and of the fallback, in any order, as SwarmKeyDb does. Every call runs at most
//! once, none is forgotten, and of two calls that name a common key, the earlier one runs first,
//! unless both only read, or the earlier one is a read that has timed out. So does a fence and
//! every call before and after it, unless the earlier one of the two has timed out.
//!
//! `cargo xtask simulate` runs many schedules.

mod check;

use std::collections::{BTreeMap, VecDeque};

use super::*;
use check::have_common;

/// Schedules per run, unless `SWARM_SCHEDULES` is set. A failure names its seed.
const SCHEDULES: u64 = 5_000;

/// Keys of all calls: few, so that they meet.
const KEYS: u64 = 6;

#[derive(Debug, Clone)]
struct Job {
    number: usize,
    need: Need,
}

/// Number of the fallback's line. It is never open.
const FALLBACK: u32 = 2_000_000;

/// A call in flight. A read that has bypassed the pool has no position until it is adopted.
type Sent = (Option<Position>, Job);

/// A connection, and what the server still has to run and to answer on it.
#[derive(Debug, Default)]
struct Line {
    /// Whether the client still sends on it.
    open: bool,
    unrun: VecDeque<Sent>,
    /// Run, but not answered.
    run: VecDeque<Sent>,
}

#[derive(Default)]
struct Simulation {
    pool: Option<Pool<Job>>,
    lines: BTreeMap<u32, Line>,
    /// The queue of the primary connection, while no connection is open.
    queue: VecDeque<Sent>,
    /// Each job, in order of submission: its command, its keys, and whether it only reads.
    jobs: Vec<(String, OrderKeys, bool)>,
    /// The jobs in the order in which the server ran them. A hold runs while it is held.
    ran: Vec<usize>,
    /// Jobs that hold their names.
    holds: Vec<(Position, Job)>,
    withdrawn: Vec<usize>,
    /// Calls that have timed out in flight.
    timed_out: Vec<usize>,
    clock: Duration,
    rng: fastrand::Rng,
    seen: BTreeMap<&'static str, u64>,
}

/// What must happen in many schedules.
const EVENTS: &str = "parallel returned aside fence hold bypassed adopted offline detour \
                      detour-lost read-timed-out late";

#[test]
fn no_schedule_runs_two_calls_of_one_key_out_of_order() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    let mut seen = BTreeMap::<_, u64>::new();
    for seed in 0..schedules {
        let mut simulation = Simulation::new(seed);
        let play = std::panic::AssertUnwindSafe(|| simulation.play());
        if let Err(panic) = std::panic::catch_unwind(play) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
        for (event, count) in simulation.seen {
            *seen.entry(event).or_default() += count;
        }
    }
    for event in EVENTS.split_whitespace() {
        assert!(seen[event] > schedules / 10, "{event}: {seen:?}");
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut pool = Pool::new(Limits { min: 4, max: 64 });
        pool.opened(ConnectionId::PRIMARY, None, *START);
        Self {
            pool: Some(pool),
            lines: BTreeMap::from([(0, Line::open())]),
            rng: fastrand::Rng::with_seed(seed),
            ..Self::default()
        }
    }

    fn now(&self) -> Instant {
        *START + self.clock
    }

    fn pool(&mut self) -> &mut Pool<Job> {
        self.pool.as_mut().unwrap()
    }

    fn note(&mut self, event: &'static str) {
        *self.seen.entry(event).or_default() += 1;
    }

    fn play(&mut self) {
        for _ in 0..self.rng.usize(20..120) {
            self.clock += Duration::from_micros(self.rng.u64(0..200_000));
            match self.rng.u8(0..24) {
                0..=6 => self.submit(),
                7..=11 => self.run_one(),
                12..=15 => self.answer_one(),
                16 => self.open(),
                17..=18 => self.lose(),
                19 => self.release_hold(),
                20 => self.time_out(),
                21..=22 => self.fall_back(),
                _ => self.withdraw(),
            }
            self.dispatch();
        }
        self.finish();
        self.check();
    }

    /// A random command, and whether it only reads.
    fn random_command(&mut self) -> (String, bool) {
        let key = |rng: &mut fastrand::Rng| format!("k{}", rng.u64(0..KEYS));
        let (one, other) = (key(&mut self.rng), key(&mut self.rng));
        match self.rng.u8(0..20) {
            0 => ("PING".to_owned(), self.rng.bool()),
            1 => ("FLUSHALL".to_owned(), false),
            2 => (format!("SET {one} v; FLUSHALL; SET {other} v"), false),
            3..=4 => (format!("DEL {one} {other}"), false),
            5..=6 => (format!("MGET {one} {other}"), true),
            7..=11 => (format!("GET {one}"), true),
            _ => (format!("SET {one} v"), false),
        }
    }

    fn submit(&mut self) {
        let (command, reads) = self.random_command();
        let keys = keys(&command);
        let need = match (&keys, self.rng.u8(0..12)) {
            (keys, 0..=3) if *keys == OrderKeys::FENCE => Need::Primary,
            (keys, 0) if !reads && !keys.is_fence() && *keys != OrderKeys::NOTHING => Need::Names,
            _ if reads => Need::Reads,
            _ => Need::Connection,
        };
        let number = self.jobs.len();
        if keys.is_fence() {
            self.note("fence");
        }
        self.jobs.push((command, keys.clone(), reads));
        if need == Need::Reads && self.lines[&0].open && self.pool().is_free(&keys) {
            let sent = (None, Job { number, need });
            self.lines.get_mut(&0).unwrap().unrun.push_back(sent);
            self.note("bypassed");
            return;
        }
        self.adopt();
        self.pool().submit(Job { number, need }, keys, need);
    }

    /// Gives the reads that have bypassed the pool their place in it.
    fn adopt(&mut self) {
        let now = self.now();
        let line = self.lines.get_mut(&0).unwrap();
        for (position, job) in line.run.iter_mut().chain(&mut line.unrun) {
            if position.is_none() {
                let keys = self.jobs[job.number].1.clone();
                *position = Some(self.pool.as_mut().unwrap().adopt_read(keys, now));
                *self.seen.entry("adopted").or_default() += 1;
            }
        }
    }

    fn dispatch(&mut self) {
        let now = self.now();
        while let Some(dispatched) = self.pool().next(|_| ONE, now) {
            let Dispatched {
                position,
                connection,
                job,
            } = dispatched;
            if job.need == Need::Names {
                assert_eq!(connection, ConnectionId::DEDICATED);
                // Its commands run on a connection of its own from now on.
                self.ran.push(job.number);
                self.holds.push((position, job));
                self.note("hold");
                continue;
            }
            assert!(job.need != Need::Primary || connection == ConnectionId::PRIMARY);
            if connection == ConnectionId::PRIMARY && self.is_offline() {
                self.queue.push_back((Some(position), job));
                self.note("offline");
                continue;
            }
            let line = self.lines.get_mut(&connection.0).unwrap();
            assert!(line.open, "{connection:?} takes no calls");
            line.unrun.push_back((Some(position), job));
            let busy = self.lines.values().filter(|line| !line.unrun.is_empty());
            if busy.count() > 1 {
                self.note("parallel");
            }
        }
    }

    fn is_offline(&self) -> bool {
        !self.lines.values().any(|line| line.open)
    }

    /// The fallback takes a call from the queue of the primary connection, if no earlier one there
    /// has a common key.
    fn fall_back(&mut self) {
        let Some(at) = (!self.queue.is_empty()).then(|| self.rng.usize(0..self.queue.len())) else {
            return;
        };
        let keys = |sent: &Sent| &self.jobs[sent.1.number].1;
        let lines = self.lines.range(FALLBACK..=FALLBACK);
        let ahead = lines.flat_map(|(_, line)| line.unrun.iter().chain(&line.run));
        let mut ahead = ahead.chain(self.queue.iter().take(at));
        if !ahead.any(|other| have_common(keys(other), keys(&self.queue[at]))) {
            let sent = self.queue.remove(at).unwrap();
            let fallback = self.lines.entry(FALLBACK).or_default();
            fallback.unrun.push_back(sent);
            // It has no order, and the calls on it have no common key.
            let order = self.rng.usize(0..fallback.unrun.len());
            fallback.unrun.swap(0, order);
            self.note("detour");
        }
    }

    /// The fallback is lost. What has not run there is known to be unsent, or may have run.
    fn lose_fallback(&mut self) {
        let Some(fallback) = self.lines.remove(&FALLBACK) else {
            return;
        };
        for (position, _) in fallback.run {
            self.pool().unanswered(position.unwrap());
        }
        for (position, job) in fallback.unrun {
            self.note("detour-lost");
            if self.rng.bool() && !self.timed_out.contains(&job.number) {
                self.queue.push_front((position, job));
            } else {
                self.withdrawn.push(job.number);
                self.pool().unanswered(position.unwrap());
            }
        }
    }

    fn has_detours(&self) -> bool {
        (self.lines.get(&FALLBACK)).is_some_and(|fallback| !fallback.is_idle())
    }

    /// Some call in flight times out: nobody waits for it any more.
    fn time_out(&mut self) {
        let lines = self.lines.values();
        let sent = lines.flat_map(|line| line.unrun.iter().chain(&line.run));
        let known: Vec<_> = sent
            .filter(|(_, job)| job.need != Need::Primary)
            .filter_map(|(at, job)| Some(((*at)?, job.clone())))
            .collect();
        if let Some((position, job)) = self.rng.choice(known) {
            let only_reads = job.need == Need::Reads;
            self.pool().freed(position, only_reads);
            self.timed_out.push(job.number);
            self.note(if only_reads { "read-timed-out" } else { "late" });
        }
    }

    /// A call returns to its place in the pool.
    fn give_back(&mut self, position: Position, job: Job) {
        self.note("returned");
        let (keys, need) = (self.jobs[job.number].1.clone(), job.need);
        self.pool().returned(position, job, keys, need);
    }

    fn give_back_queue(&mut self) {
        for (position, job) in std::mem::take(&mut self.queue) {
            self.give_back(position.unwrap(), job);
        }
    }

    /// The server runs the next call of some connection. The primary one sends nothing before the
    /// fallback is idle.
    fn run_one(&mut self) {
        let has_detours = self.has_detours();
        let may_run = |id: u32, line: &Line| !(line.unrun.is_empty() || has_detours && id == 0);
        let busy = self
            .lines
            .iter_mut()
            .filter(|(id, line)| may_run(**id, line));
        let busy = busy.map(|(_, line)| line);
        if let Some(line) = self.rng.choice(busy.collect::<Vec<_>>()) {
            let (position, job) = line.unrun.pop_front().unwrap();
            self.ran.push(job.number);
            line.run.push_back((position, job));
        }
    }

    /// The reply to the oldest call that has run arrives.
    fn answer_one(&mut self) {
        let busy = self.lines.values_mut().filter(|line| !line.run.is_empty());
        if let Some(line) = self.rng.choice(busy.collect::<Vec<_>>()) {
            let (position, _) = line.run.pop_front().unwrap();
            let now = self.now();
            if let Some(position) = position {
                self.pool().finished(position, now);
            }
        }
    }

    fn open(&mut self) {
        let now = self.now();
        if !self.lines[&0].open {
            self.pool().opened(ConnectionId::PRIMARY, None, now);
            self.lines.get_mut(&0).unwrap().open = true;
            self.give_back_queue();
            return;
        }
        match self.pool().plan(now) {
            Plan::Open(id) => {
                self.pool().opened(id, None, now);
                self.lines.insert(id.0, Line::open());
                self.give_back_queue();
            }
            Plan::Close(id) => {
                self.pool().closed(id, now);
                self.lines.get_mut(&id.0).unwrap().open = false;
            }
            Plan::Keep => {}
        }
    }

    /// A connection is closed, lost, or set aside.
    fn lose(&mut self) {
        if self.is_offline() {
            return self.lose_fallback();
        }
        let open = self.lines.iter().filter(|(_, line)| line.open);
        let open = open.map(|(id, _)| *id);
        let Some(number) = self.rng.choice(open.collect::<Vec<_>>()) else {
            return;
        };
        let now = self.now();
        let mut kept = self.rng.u8(0..3);
        if number == 0 {
            self.adopt();
            // Otherwise, it has sent nothing yet.
            kept = if self.has_detours() { 2 } else { kept };
        }
        if number == 0 && kept == 0 {
            // Another takes its place at once.
            self.pool().set_aside();
            for (position, job) in self.lines[&0].run.iter().chain(&self.lines[&0].unrun) {
                let (command, _, reads) = &self.jobs[job.number];
                if *reads && !self.timed_out.contains(&job.number) {
                    let kept = OrderKeys::of_overtaken([request(command).view()], &*HASHER);
                    let pool = self.pool.as_mut().unwrap();
                    pool.rekey_aside(position.unwrap(), kept);
                }
            }
            let line = self.lines.insert(0, Line::open()).unwrap();
            self.lines.insert(
                1_000_000 + self.rng.u32(0..1_000_000),
                Line {
                    open: false,
                    ..line
                },
            );
            self.note("aside");
            return;
        }
        self.pool().closed(id(number), now);
        let line = self.lines.get_mut(&number).unwrap();
        line.open = false;
        if kept == 1 {
            // What is in flight is still answered.
            return;
        }
        // The server runs nothing more of it. What has run is not answered; some of what has not
        // run is known to be unsent.
        let run = std::mem::take(&mut line.run);
        let unrun = std::mem::take(&mut line.unrun);
        for (position, _) in run {
            self.pool().unanswered(position.unwrap());
        }
        let mut back = Vec::new();
        for (position, job) in unrun {
            let position = position.unwrap();
            if self.rng.bool() && !self.timed_out.contains(&job.number) {
                back.push((position, job));
            } else {
                self.withdrawn.push(job.number);
                self.pool().unanswered(position);
            }
        }
        self.rng.shuffle(&mut back);
        for (position, job) in back {
            self.give_back(position, job);
        }
    }

    fn release_hold(&mut self) {
        if !self.holds.is_empty() {
            let at = self.rng.usize(0..self.holds.len());
            let (position, _) = self.holds.swap_remove(at);
            let now = self.now();
            self.pool().finished(position, now);
        }
    }

    /// A waiting call is cancelled.
    fn withdraw(&mut self) {
        let waiting: Vec<_> = self.pool().waiting().map(|job| job.number).collect();
        if let Some(number) = self.rng.choice(waiting) {
            self.withdrawn.push(number);
            self.pool()
                .retain(|job| Some(job).filter(|job| job.number != number));
        }
    }

    /// Runs and answers everything that is left.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            let is_idle = self.queue.is_empty() && self.lines.values().all(Line::is_idle);
            if is_idle && self.pool().waiting().next().is_none() {
                return;
            }
            self.clock += Duration::from_millis(1);
            self.open();
            self.run_one();
            self.answer_one();
            self.release_hold();
            self.dispatch();
        }
        panic!("calls are stuck: {:?}", self.pool);
    }
}

impl Line {
    fn open() -> Self {
        let open = true;
        Self {
            open,
            ..Self::default()
        }
    }

    fn is_idle(&self) -> bool {
        self.unrun.is_empty() && self.run.is_empty()
    }
}
