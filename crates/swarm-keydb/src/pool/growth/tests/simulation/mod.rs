//! A simulated client that follows [`Growth`], and its tasks.

mod events;
mod kinds;
mod server;
mod shapes;

use std::collections::VecDeque;

use super::*;
use events::{Event, Events, MILLISECOND, Nanos, SECOND};
use server::{CallId, Job, Server};

const LIMITS: Limits = Limits { min: 1, max: 64 };

/// What the tasks of the client do.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    tasks: usize,
    /// Share of writes among the calls.
    writes: f64,
    /// Mean time between a reply and the next call of its task.
    pause: Nanos,
    /// Whether all tasks call at once, and again when all have their replies.
    bursts: bool,
}

impl Traffic {
    const fn new(tasks: usize, writes: f64) -> Self {
        Self {
            tasks,
            writes,
            pause: 0,
            bursts: false,
        }
    }
}

/// How the client's connections are managed.
#[derive(Debug, Clone, Copy)]
enum Pool {
    Fixed(usize),
    Grows(Limits),
}

struct Call {
    job: Job,
    task: usize,
    born: Nanos,
    sent: Nanos,
}

struct Link {
    id: ConnectionId,
    owed: VecDeque<CallId>,
    is_closing: bool,
}

/// What the simulation has shown.
#[derive(Default)]
struct Report {
    /// When each reply arrived, and how long its call took.
    replies: Vec<(Nanos, Nanos)>,
    /// When each connection was opened.
    opened: Vec<Nanos>,
    trials: usize,
    /// Connections at the end, and most at a time.
    connections: usize,
    most: usize,
    end: Nanos,
}

struct Client {
    start: Instant,
    random: fastrand::Rng,
    events: Events,
    server: Server,
    traffic: Traffic,
    pool: Pool,
    growth: Growth,
    links: Vec<Link>,
    calls: Vec<Call>,
    waiting: VecDeque<CallId>,
    pending: usize,
    deadline: Option<Nanos>,
    report: Report,
}

/// Runs the tasks until `end`.
fn simulate(server: Server, traffic: Traffic, pool: Pool, end: Nanos) -> Report {
    simulate_seed(server, traffic, pool, end, 7)
}

fn simulate_seed(
    mut server: Server,
    traffic: Traffic,
    pool: Pool,
    end: Nanos,
    seed: u64,
) -> Report {
    server.random = fastrand::Rng::with_seed(seed + 1000);
    let limits = match pool {
        Pool::Fixed(_) => Limits { min: 1, max: 1 },
        Pool::Grows(limits) => limits,
    };
    let mut client = Client {
        start: Instant::now(),
        random: fastrand::Rng::with_seed(seed),
        events: Events::default(),
        server,
        traffic,
        pool,
        growth: Growth::new(limits),
        links: vec![],
        calls: vec![],
        waiting: VecDeque::new(),
        pending: 0,
        deadline: None,
        report: Report {
            end,
            ..Report::default()
        },
    };
    let connections = match pool {
        Pool::Fixed(connections) => connections as u32,
        Pool::Grows(_) => 1,
    };
    for id in 0..connections {
        client.open(ConnectionId(id), client.server.round_trip);
    }
    for task in 0..traffic.tasks {
        client.events.at(0, Event::Call(task));
    }
    while let Some(event) = client.events.next(end) {
        client.on(event);
        client.dispatch();
    }
    client.report.connections = client.links.iter().filter(|link| !link.is_closing).count();
    client.report
}

impl Client {
    fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.events.now)
    }

    fn open(&mut self, id: ConnectionId, handshake: Nanos) {
        self.links.push(Link {
            id,
            owed: VecDeque::new(),
            is_closing: false,
        });
        self.report.opened.push(self.events.now);
        self.report.most = self.report.most.max(self.links.len());
        let now = self.now();
        self.growth
            .opened(id, Some(Duration::from_nanos(handshake)), now);
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Arrive(connection, call) => {
                let job = self.calls[call].job;
                self.server.arrive(connection, call, job, &mut self.events);
            }
            Event::Done(connection, call) => self.server.done(connection, call, &mut self.events),
            Event::Flush => self.server.flush(&mut self.events),
            Event::Dialed(id) => {
                let now = self.events.now;
                self.calls.push(Call {
                    job: Job::Greet,
                    task: 0,
                    born: now,
                    sent: now,
                });
                let arrival = now + self.server.round_trip / 2;
                self.events
                    .at(arrival, Event::Arrive(id, self.calls.len() - 1));
            }
            Event::Deadline => {}
            Event::Call(task) => {
                let writes = self.random.f64() < self.traffic.writes;
                let job = if writes { Job::Write } else { Job::Read };
                let born = self.events.now;
                self.calls.push(Call {
                    job,
                    task,
                    born,
                    sent: 0,
                });
                self.waiting.push_back(self.calls.len() - 1);
                self.pending += 1;
            }
            Event::Reply(connection, call) if self.calls[call].job == Job::Greet => {
                let round_trip = self.events.now - self.calls[call].sent;
                self.open(ConnectionId(connection), round_trip);
            }
            Event::Reply(connection, call) => {
                let mut calls = vec![call];
                let same = |event| matches!(event, Event::Reply(other, _) if other == connection);
                while let Some(Event::Reply(_, call)) = self.events.also_now(same) {
                    calls.push(call);
                }
                self.answered(ConnectionId(connection), &calls);
            }
        }
    }

    fn answered(&mut self, id: ConnectionId, calls: &[CallId]) {
        let now = self.events.now;
        for call in calls {
            let link = self.links.iter_mut().find(|link| link.id == id);
            let link = link.expect("an open connection");
            assert_eq!(link.owed.pop_front(), Some(*call), "replies come in order");
            let Call { task, born, .. } = self.calls[*call];
            self.report.replies.push((now, now - born));
            self.pending -= 1;
            if !self.traffic.bursts {
                let pause = self.pause();
                self.events.at(now + pause, Event::Call(task));
            }
        }
        if self.traffic.bursts && self.pending == 0 {
            let pause = self.pause();
            for task in 0..self.traffic.tasks {
                self.events.at(now + pause, Event::Call(task));
            }
        }
        let round_trip = Duration::from_nanos(now - self.calls[calls[0]].sent);
        let now = self.now();
        self.growth.answered(id, round_trip, calls.len(), now);
        if link_is_done(&self.links, id) {
            self.links.retain(|link| link.id != id);
            self.growth.closed(id, now);
        }
    }

    fn pause(&mut self) -> Nanos {
        (self.traffic.pause as f64 * -self.random.f64().max(1e-9).ln()) as Nanos
    }

    fn dispatch(&mut self) {
        loop {
            self.send();
            if let Pool::Fixed(_) = self.pool {
                return;
            }
            let links = &self.links;
            let owed = |id| {
                links
                    .iter()
                    .find(|link| link.id == id)
                    .map_or(0, |x| x.owed.len())
            };
            let now = self.start + Duration::from_nanos(self.events.now);
            let before = self.growth.mode();
            match self.growth.plan(now, self.waiting.len(), owed) {
                Plan::Keep => break,
                Plan::Open(ConnectionId(id)) => {
                    let jitter = self.random.u64(..10 * MILLISECOND);
                    let time = self.events.now + 2 * self.server.round_trip + jitter;
                    self.events.at(time, Event::Dialed(id));
                }
                Plan::Close(id) => {
                    let link = self.links.iter_mut().find(|link| link.id == id);
                    link.expect("an open connection").is_closing = true;
                    if link_is_done(&self.links, id) {
                        self.links.retain(|link| link.id != id);
                        self.growth.closed(id, now);
                    }
                }
            }
            if before == Mode::Single && self.growth.mode() == Mode::Trial {
                self.report.trials += 1;
            }
        }
        let deadline = self
            .growth
            .next_deadline()
            .map(|at| (at - self.start).as_nanos() as Nanos);
        if let Some(at) = deadline.filter(|_| deadline != self.deadline) {
            assert!(at > self.events.now, "a deadline that has passed");
            self.events.at(at, Event::Deadline);
        }
        self.deadline = deadline;
    }

    /// Sends what the windows allow, to the connection with the fewest calls in flight.
    fn send(&mut self) {
        while let Some(call) = self.waiting.front().copied() {
            let open = self.links.iter_mut().filter(|link| !link.is_closing);
            let Some(link) = open.min_by_key(|link| link.owed.len()) else {
                return;
            };
            let is_free = match self.pool {
                Pool::Fixed(_) => true,
                Pool::Grows(_) => link.owed.len() < self.growth.window(link.id),
            };
            if !is_free {
                return;
            }
            self.waiting.pop_front();
            link.owed.push_back(call);
            self.calls[call].sent = self.events.now;
            let arrival = self.events.now + self.server.round_trip / 2;
            self.events.at(arrival, Event::Arrive(link.id.0, call));
        }
    }
}

fn link_is_done(links: &[Link], id: ConnectionId) -> bool {
    links
        .iter()
        .any(|link| link.id == id && link.is_closing && link.owed.is_empty())
}

impl Report {
    /// Replies per second in the second half.
    fn rate(&self) -> f64 {
        let half = self
            .replies
            .iter()
            .filter(|(time, _)| *time > self.end / 2)
            .count();
        half as f64 / (self.end as f64 / SECOND as f64 / 2.0)
    }

    /// Median time of a call in the second half, in milliseconds.
    fn median(&self) -> f64 {
        let half = self.replies.iter().filter(|(time, _)| *time > self.end / 2);
        let mut times: Vec<_> = half.map(|(_, time)| *time).collect();
        times.sort_unstable();
        times
            .get(times.len() / 2)
            .map_or(0.0, |time| *time as f64 / MILLISECOND as f64)
    }

    /// When the last half second had replies at 0.9 of this rate, in seconds.
    fn reached(&self, rate: f64) -> Option<f64> {
        (5..=self.end / SECOND * 10)
            .map(|tenths| tenths * SECOND / 10)
            .find_map(|time| {
                let recent = time - SECOND / 2..time;
                let replies = self
                    .replies
                    .iter()
                    .filter(|(at, _)| recent.contains(at))
                    .count();
                (replies as f64 * 2.0 >= 0.9 * rate).then_some(time as f64 / SECOND as f64)
            })
    }

    /// When the last connection was opened, in seconds.
    fn last_opened(&self) -> f64 {
        self.opened
            .last()
            .map_or(0.0, |at| *at as f64 / SECOND as f64)
    }
}
