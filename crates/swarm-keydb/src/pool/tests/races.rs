//! Random schedules: calls with random keys, fences and holds; connections that grow, are lost, set
//! aside and closed; replies, timeouts and calls that return.
//!
//! The server of the simulation runs the calls of one connection in order and those of different
//! connections in any order, as SwarmKeyDb does. Every call runs at most once, none is forgotten,
//! and of two calls that name a common key, the earlier one runs first.
//!
//! `cargo xtask simulate` runs a million schedules.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::*;

/// Schedules per run, unless `SWARM_SCHEDULES` is set. A failure names its seed.
const SCHEDULES: u64 = 5_000;

/// Keys of all calls: few, so that they meet.
const KEYS: u64 = 6;

#[derive(Debug, Clone)]
struct Job {
    number: usize,
    need: Need,
}

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
    /// The keys of each job, in order of submission.
    jobs: Vec<OrderKeys>,
    /// The jobs in the order in which the server ran them. A hold runs while it is held.
    ran: Vec<usize>,
    /// Jobs that hold their names.
    holds: Vec<(Position, Job)>,
    withdrawn: Vec<usize>,
    clock: Duration,
    rng: fastrand::Rng,
    seen: Seen,
}

#[derive(Debug, Default)]
struct Seen {
    parallel: u32,
    returned: u32,
    aside: u32,
    fences: u32,
    holds: u32,
    bypassed: u32,
    adopted: u32,
}

#[test]
fn no_schedule_runs_two_calls_of_one_key_out_of_order() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    let mut seen = Seen::default();
    for seed in 0..schedules {
        let mut simulation = Simulation::new(seed);
        let play = std::panic::AssertUnwindSafe(|| simulation.play());
        if let Err(panic) = std::panic::catch_unwind(play) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
        seen.parallel += simulation.seen.parallel;
        seen.returned += simulation.seen.returned;
        seen.aside += simulation.seen.aside;
        seen.fences += simulation.seen.fences;
        seen.holds += simulation.seen.holds;
        seen.bypassed += simulation.seen.bypassed;
        seen.adopted += simulation.seen.adopted;
    }
    let Seen {
        parallel,
        returned,
        aside,
        fences,
        holds,
        bypassed,
        adopted,
    } = seen;
    for count in [parallel, returned, aside, fences, holds, bypassed, adopted] {
        assert!(u64::from(count) > schedules / 10, "{seen:?}");
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut pool = Pool::new(Limits { min: 4, max: 64 });
        pool.opened(ConnectionId::PRIMARY, None, *START);
        let line = Line {
            open: true,
            ..Line::default()
        };
        Self {
            pool: Some(pool),
            lines: BTreeMap::from([(0, line)]),
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

    fn play(&mut self) {
        for _ in 0..self.rng.usize(20..120) {
            self.clock += Duration::from_micros(self.rng.u64(0..200_000));
            match self.rng.u8(0..20) {
                0..=6 => self.submit(),
                7..=11 => self.run_one(),
                12..=15 => self.answer_one(),
                16 => self.open(),
                17 => self.lose(),
                18 => self.release_hold(),
                _ => self.withdraw(),
            }
            self.dispatch();
        }
        self.finish();
        self.check();
    }

    fn random_keys(&mut self) -> OrderKeys {
        match self.rng.u8(0..20) {
            0 => OrderKeys::Nothing,
            1 => OrderKeys::Everything,
            2..=6 => {
                let key = |rng: &mut fastrand::Rng| format!("k{}", rng.u64(0..KEYS));
                let (one, other) = (key(&mut self.rng), key(&mut self.rng));
                keys(&format!("MGET {one} {other}"))
            }
            _ => keys(&format!("SET k{} v", self.rng.u64(0..KEYS))),
        }
    }

    fn submit(&mut self) {
        let keys = self.random_keys();
        let need = match (&keys, self.rng.u8(0..12)) {
            (OrderKeys::Everything, 0..=3) => Need::Primary,
            (OrderKeys::Names(_), 0) => Need::Names,
            (_, 1..=5) => Need::Reads,
            _ => Need::Connection,
        };
        let number = self.jobs.len();
        self.seen.fences += u32::from(keys == OrderKeys::Everything);
        self.jobs.push(keys.clone());
        if need == Need::Reads && self.lines[&0].open && self.pool().is_free(&keys) {
            let sent = (None, Job { number, need });
            self.lines.get_mut(&0).unwrap().unrun.push_back(sent);
            self.seen.bypassed += 1;
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
                let keys = self.jobs[job.number].clone();
                *position = Some(self.pool.as_mut().unwrap().adopt_read(keys, now));
                self.seen.adopted += 1;
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
                self.seen.holds += 1;
                continue;
            }
            assert!(job.need != Need::Primary || connection == ConnectionId::PRIMARY);
            let line = self.lines.get_mut(&connection.0).unwrap();
            assert!(line.open, "{connection:?} takes no calls");
            line.unrun.push_back((Some(position), job));
            let busy = self.lines.values().filter(|line| !line.unrun.is_empty());
            self.seen.parallel += u32::from(busy.count() > 1);
        }
    }

    /// The server runs the next call of some connection.
    fn run_one(&mut self) {
        let busy = self
            .lines
            .values_mut()
            .filter(|line| !line.unrun.is_empty());
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
            self.lines.get_mut(&0).unwrap().open = true;
            self.pool().opened(ConnectionId::PRIMARY, None, now);
            return;
        }
        match self.pool().plan(now) {
            Plan::Open(id) => {
                self.pool().opened(id, None, now);
                self.lines.insert(
                    id.0,
                    Line {
                        open: true,
                        ..Line::default()
                    },
                );
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
        let open = self
            .lines
            .iter()
            .filter(|(_, line)| line.open)
            .map(|(id, _)| *id);
        let Some(number) = self.rng.choice(open.collect::<Vec<_>>()) else {
            return;
        };
        let now = self.now();
        let kept = self.rng.u8(0..3);
        if number == 0 {
            self.adopt();
        }
        if number == 0 && kept == 0 {
            // Another takes its place at once.
            self.pool().set_aside();
            let line = self
                .lines
                .insert(
                    0,
                    Line {
                        open: true,
                        ..Line::default()
                    },
                )
                .unwrap();
            self.lines.insert(
                1_000_000 + self.rng.u32(0..1_000_000),
                Line {
                    open: false,
                    ..line
                },
            );
            self.seen.aside += 1;
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
            if self.rng.bool() {
                back.push((position, job));
            } else {
                self.withdrawn.push(job.number);
                self.pool().unanswered(position);
            }
        }
        self.rng.shuffle(&mut back);
        for (position, job) in back {
            self.seen.returned += 1;
            self.pool().returned(position, job);
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
            if self.pool().waiting().next().is_none() && self.lines.values().all(Line::is_idle) {
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

    fn check(&mut self) {
        let mut place = HashMap::new();
        for (at, number) in self.ran.iter().enumerate() {
            assert_eq!(place.insert(*number, at), None, "{number} ran twice");
        }
        for number in 0..self.jobs.len() {
            let left = self.withdrawn.contains(&number);
            assert!(
                place.contains_key(&number) || left,
                "{number} was forgotten"
            );
        }
        for (later, keys) in self.jobs.iter().enumerate() {
            let Some(ran_later) = place.get(&later) else {
                continue;
            };
            for (earlier, other) in self.jobs.iter().enumerate().take(later) {
                if let Some(ran_earlier) = place.get(&earlier)
                    && have_common(keys, other)
                {
                    assert!(ran_earlier < ran_later, "{later} overtook {earlier}");
                }
            }
        }
    }
}

impl Line {
    fn is_idle(&self) -> bool {
        self.unrun.is_empty() && self.run.is_empty()
    }
}

fn have_common(one: &OrderKeys, other: &OrderKeys) -> bool {
    match (one, other) {
        (OrderKeys::Everything, _) | (_, OrderKeys::Everything) => true,
        (OrderKeys::Names(one), OrderKeys::Names(other)) => {
            one.iter().any(|name| other.contains(name))
        }
        _ => false,
    }
}
