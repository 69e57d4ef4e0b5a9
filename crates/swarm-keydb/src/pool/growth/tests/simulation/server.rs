//! A simulated server: what its commands cost, and which of them run at the same time.

use std::collections::{BTreeMap, VecDeque};

use super::events::{Event, Events, MICROSECOND, MILLISECOND, Nanos};

/// What a command needs on the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// Time on one of the server's cores, which all connections share.
    Core(Nanos),
    /// Time that depends on no other command: an access to a store that is not busy.
    Alone(Nanos),
    /// Time under a lock of the whole server.
    Lock(Nanos),
    /// The next flush of the write queue.
    Queue,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Read,
    Write,
    /// The end of a handshake.
    Greet,
}

/// Returns what a command needs.
pub(super) type Costs = Box<dyn FnMut(&mut fastrand::Rng, Job) -> Work>;

/// A call, by its place in the client's list.
pub(super) type CallId = usize;

pub(super) struct Server {
    pub(super) round_trip: Nanos,
    /// Most time by which a reply is late. Replies of one connection stay in order.
    pub(super) jitter: Nanos,
    /// When it begins to run the commands of one connection one after another.
    pub(super) serial_from: Nanos,
    pub(super) costs: Costs,
    /// When each core is free.
    pub(super) cores: Vec<Nanos>,
    pub(super) lock_free_at: Nanos,
    /// Time between flushes, and writes per flush.
    pub(super) flush: (Nanos, usize),
    pub(super) queue: VecDeque<(u32, CallId)>,
    pub(super) flush_is_due: bool,
    /// Time between pauses in which nothing runs, and their length.
    pub(super) pauses: Option<(Nanos, Nanos)>,
    pub(super) connections: BTreeMap<u32, Line>,
    pub(super) random: fastrand::Rng,
}

/// The server's side of a connection.
#[derive(Default)]
pub(super) struct Line {
    waiting: VecDeque<(CallId, Job)>,
    is_busy: bool,
    last_reply: Nanos,
}

impl Server {
    /// A server that runs the commands of one connection one after another.
    pub(super) fn serial(
        round_trip: Nanos,
        costs: impl FnMut(&mut fastrand::Rng, Job) -> Work + 'static,
    ) -> Self {
        Self {
            round_trip,
            jitter: 0,
            serial_from: 0,
            costs: Box::new(costs),
            cores: vec![0; 64],
            lock_free_at: 0,
            flush: (100 * MILLISECOND, 64),
            queue: VecDeque::new(),
            flush_is_due: false,
            pauses: None,
            connections: BTreeMap::new(),
            random: fastrand::Rng::with_seed(1),
        }
    }

    /// A server with one thread for all connections, which does not wait between commands.
    pub(super) fn one_thread(
        round_trip: Nanos,
        mut cost: impl FnMut(&mut fastrand::Rng) -> Nanos + 'static,
    ) -> Self {
        Self {
            serial_from: Nanos::MAX,
            cores: vec![0],
            ..Self::serial(round_trip, move |random, _| Work::Core(cost(random)))
        }
    }

    /// SwarmKeyDb: reads take 20 µs, and writes go through a queue.
    pub(super) fn queue(tick: Nanos, batch: usize) -> Self {
        let costs = |_: &mut fastrand::Rng, job| match job {
            Job::Write => Work::Queue,
            _ => Work::Alone(20 * MICROSECOND),
        };
        Self {
            flush: (tick, batch),
            ..Self::serial(200 * MICROSECOND, costs)
        }
    }

    pub(super) fn with_cores(mut self, cores: usize) -> Self {
        self.cores = vec![0; cores];
        self
    }

    pub(super) fn arrive(&mut self, connection: u32, call: CallId, job: Job, on: &mut Events) {
        let line = self.connections.entry(connection).or_default();
        if on.now >= self.serial_from {
            line.waiting.push_back((call, job));
            self.run_next(connection, on);
        } else {
            self.run(connection, call, job, on);
        }
    }

    fn run_next(&mut self, connection: u32, on: &mut Events) {
        let line = self.connections.entry(connection).or_default();
        if line.is_busy {
            return;
        }
        if let Some((call, job)) = line.waiting.pop_front() {
            line.is_busy = true;
            self.run(connection, call, job, on);
        }
    }

    fn run(&mut self, connection: u32, call: CallId, job: Job, on: &mut Events) {
        let work = match job {
            Job::Greet => Work::Core(5 * MICROSECOND),
            _ => (self.costs)(&mut self.random, job),
        };
        let end = match work {
            Work::Core(time) => {
                let core = self.cores.iter_mut().min().expect("a core");
                *core = on.now.max(*core) + time;
                *core
            }
            Work::Alone(time) => on.now + time,
            Work::Lock(time) => {
                self.lock_free_at = on.now.max(self.lock_free_at) + time;
                self.lock_free_at
            }
            Work::Queue => {
                self.queue.push_back((connection, call));
                if !self.flush_is_due {
                    self.flush_is_due = true;
                    on.at(on.now + self.flush.0, Event::Flush);
                }
                return;
            }
        };
        on.at(self.after_pause(end), Event::Done(connection, call));
    }

    /// Nothing ends during a pause.
    fn after_pause(&self, end: Nanos) -> Nanos {
        match self.pauses {
            Some((period, length)) if end >= period && end % period < length => {
                end - end % period + length
            }
            _ => end,
        }
    }

    pub(super) fn flush(&mut self, on: &mut Events) {
        let (tick, batch) = self.flush;
        for at in 0..batch.min(self.queue.len()) {
            if let Some((connection, call)) = self.queue.pop_front() {
                let time = 20 * MICROSECOND * (at as Nanos / 4 + 1);
                on.at(on.now + time, Event::Done(connection, call));
            }
        }
        self.flush_is_due = !self.queue.is_empty();
        if self.flush_is_due {
            let is_full = self.queue.len() >= batch;
            let delay = if is_full { 400 * MICROSECOND } else { tick };
            on.at(on.now + delay, Event::Flush);
        }
    }

    pub(super) fn done(&mut self, connection: u32, call: CallId, on: &mut Events) {
        let late = if self.jitter > 0 {
            self.random.u64(..self.jitter)
        } else {
            0
        };
        let line = self.connections.entry(connection).or_default();
        let arrival = (on.now + self.round_trip / 2 + late).max(line.last_reply);
        line.last_reply = arrival;
        line.is_busy = false;
        on.at(arrival, Event::Reply(connection, call));
        self.run_next(connection, on);
    }
}
