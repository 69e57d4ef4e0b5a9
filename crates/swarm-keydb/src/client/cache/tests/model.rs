//! Plays orders of events between a cache and a server, and checks that no caller gets a value that
//! is older than what the cache has learned before the call began.
//!
//! All short orders are played, and many long ones at random.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::LazyLock;
use std::time::Duration;

use crate::runtime::Instant;
use swarm_resp::Frame;

use super::super::flights::{FlightId, Flights};
use super::super::invalidation::apply;
use super::super::store::Store;
use super::super::validity::Stamp;
use super::{announcement, announcement_of_all, get, look_up};

const KEYS: [&str; 2] = ["a", "b"];

/// The hasher of every store, so that the keys either always share a counter or never.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// How long a key lives that expires.
const LIFE: Duration = Duration::from_secs(10);

/// Source of the choices of one order of events.
trait Choices {
    /// Chooses a number below `count`.
    fn choose(&mut self, count: usize) -> usize;
}

/// Enumerates all orders, like an odometer whose wheels differ in size.
#[derive(Default)]
struct Every {
    wheels: Vec<(usize, usize)>,
    at: usize,
}

impl Every {
    /// Advances to the next order. Returns false after the last.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, count)) = self.wheels.pop() {
            if choice + 1 < count {
                self.wheels.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

impl Choices for Every {
    fn choose(&mut self, count: usize) -> usize {
        if self.at == self.wheels.len() {
            self.wheels.push((0, count));
        }
        let (choice, was) = self.wheels[self.at];
        assert_eq!(was, count, "the model is not deterministic");
        self.at += 1;
        choice
    }
}

struct Random(fastrand::Rng);

impl Choices for Random {
    fn choose(&mut self, count: usize) -> usize {
        // Mostly what is at the ends: reads, and the progress of what was begun.
        match self.0.u8(..4) {
            0 => 0,
            1 => count - 1,
            _ => self.0.usize(..count),
        }
    }
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A caller reads.
    Read(usize),
    /// Another client writes, with or without a time to live.
    Write(usize, bool),
    FlushAll,
    /// The cache's own client writes: the command is sent, runs, and is answered.
    OwnWrite(usize),
    RunOwnWrite,
    AnswerOwnWrite,
    /// The server runs the next request of the tracked connection.
    Serve,
    /// The client receives the next frame of the tracked connection.
    Receive,
    /// A caller whose reply has arrived is polled.
    Deliver(usize),
    Reconnect,
    /// Keys expire without an announcement.
    Expire,
}

/// A message from the server to the client.
enum Message {
    Reply(usize, Option<u64>, Option<Duration>),
    /// The announced keys and their versions.
    Push(Frame, Vec<(usize, u64)>),
}

/// A request in flight.
struct Flight {
    key: usize,
    stamp: Stamp,
    id: FlightId,
    sent: Instant,
    /// The value, once its reply has arrived.
    reply: Option<(Option<u64>, Option<Duration>)>,
    /// What each waiting caller had learned when it began.
    callers: Vec<u64>,
}

/// The version of a key on the server, and when the key expires.
#[derive(Clone, Copy, Default)]
struct Stored {
    version: u64,
    expires: Option<Instant>,
    exists: bool,
}

struct World {
    now: Instant,
    store: Store,
    flights: Flights<usize>,
    in_flight: HashMap<usize, Flight>,
    next: usize,
    to_server: VecDeque<(usize, usize)>,
    to_client: VecDeque<Message>,
    server: [Stored; 2],
    tracked: BTreeSet<usize>,
    /// The oldest version of each key that a caller may get who begins now.
    floor: [u64; 2],
    own: Option<usize>,
    own_ran: Option<u64>,
    hits: u64,
    shared: u64,
}

impl World {
    fn new() -> Self {
        Self {
            now: Instant::now(),
            store: Store::new(64 << 10, None, HASHER.clone()),
            flights: Flights::default(),
            in_flight: HashMap::new(),
            next: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            server: [Stored::default(); 2],
            tracked: BTreeSet::new(),
            floor: [0; 2],
            own: None,
            own_ran: None,
            hits: 0,
            shared: 0,
        }
    }

    /// Returns a world whose cache holds the value of the first key.
    fn warmed() -> Self {
        let mut world = Self::new();
        for event in [
            Event::Write(0, false),
            Event::Read(0),
            Event::Serve,
            Event::Receive,
            Event::Deliver(0),
        ] {
            world.play(event);
        }
        assert!(look_up(&world.store, KEYS[0], world.now).is_ok());
        world
    }

    fn possible(&self) -> Vec<Event> {
        let mut events = vec![Event::Read(0), Event::Write(0, false), Event::Read(1)];
        events.extend([Event::Write(1, true), Event::FlushAll, Event::Reconnect]);
        match (self.own, self.own_ran) {
            (None, _) => events.push(Event::OwnWrite(0)),
            (Some(_), None) => events.push(Event::RunOwnWrite),
            (Some(_), Some(_)) => events.push(Event::AnswerOwnWrite),
        }
        if !self.to_server.is_empty() {
            events.push(Event::Serve);
        }
        if !self.to_client.is_empty() {
            events.push(Event::Receive);
        }
        if self.server.iter().any(|stored| stored.expires.is_some()) {
            events.push(Event::Expire);
        }
        let mut ready: Vec<_> = (self.in_flight.iter())
            .filter(|(_, flight)| flight.reply.is_some())
            .map(|(number, _)| *number)
            .collect();
        ready.sort_unstable();
        events.extend(ready.into_iter().map(Event::Deliver));
        events
    }

    /// A caller gets a value that must not be older than what it knew.
    fn give(version: Option<u64>, floor: u64) {
        let version = version.unwrap_or(u64::MAX);
        assert!(
            version >= floor,
            "version {version} after {floor} was known"
        );
    }

    fn read(&mut self, key: usize) {
        let floor = self.floor[key];
        let stamp = match look_up(&self.store, KEYS[key], self.now) {
            Err(stamp) => stamp,
            Ok(value) => {
                self.hits += 1;
                if let Some(expires) = self.server[key].expires
                    && self.server[key].exists
                {
                    assert!(self.now < expires || value.is_null(), "an expired value");
                }
                let version = value.as_integer().map(|version| version as u64);
                return Self::give(version, floor);
            }
        };
        let number = self.next;
        let begin = |id| (number, (number, Some(id)));
        let join = |work: &usize| Some((*work, None));
        let (joined, id) = self
            .flights
            .join_or_begin(&get(KEYS[key]), stamp, join, begin);
        match id {
            None => {
                self.shared += 1;
                self.in_flight.get_mut(&joined).unwrap().callers.push(floor);
            }
            Some(id) => {
                self.next += 1;
                let flight = Flight {
                    key,
                    stamp,
                    id,
                    sent: self.now,
                    reply: None,
                    callers: vec![floor],
                };
                self.in_flight.insert(number, flight);
                self.to_server.push_back((number, key));
            }
        }
    }

    /// A key changes on the server. Returns its version.
    fn change(&mut self, key: usize, exists: bool, expires: Option<Instant>) -> u64 {
        let stored = &mut self.server[key];
        *stored = Stored {
            version: stored.version + 1,
            expires,
            exists,
        };
        if self.tracked.remove(&key) {
            let keys = vec![(key, stored.version)];
            self.to_client
                .push_back(Message::Push(announcement(&[KEYS[key]]), keys));
        }
        self.server[key].version
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Read(key) => self.read(key),
            Event::Write(key, expires) => {
                let expires = expires.then(|| self.now + LIFE);
                self.change(key, true, expires);
            }
            Event::FlushAll => {
                for stored in &mut self.server {
                    (stored.version, stored.exists) = (stored.version + 1, false);
                    stored.expires = None;
                }
                self.tracked.clear();
                let keys = (0..2).map(|key| (key, self.server[key].version)).collect();
                self.to_client
                    .push_back(Message::Push(announcement_of_all(), keys));
            }
            Event::OwnWrite(key) => {
                self.store.invalidate(KEYS[key].as_bytes());
                self.own = Some(key);
            }
            Event::RunOwnWrite => {
                self.own_ran = Some(self.change(self.own.unwrap(), true, None));
            }
            Event::AnswerOwnWrite => {
                let key = self.own.take().unwrap();
                self.store.invalidate(KEYS[key].as_bytes());
                self.floor[key] = self.floor[key].max(self.own_ran.take().unwrap());
            }
            Event::Serve => {
                let (number, key) = self.to_server.pop_front().unwrap();
                self.tracked.insert(key);
                let Stored {
                    version,
                    expires,
                    exists,
                } = self.server[key];
                let left = expires.map(|expires| expires.saturating_duration_since(self.now));
                let value = exists.then_some(version);
                self.to_client
                    .push_back(Message::Reply(number, value, left));
            }
            Event::Receive => match self.to_client.pop_front().unwrap() {
                Message::Reply(number, value, left) => {
                    self.in_flight.get_mut(&number).unwrap().reply = Some((value, left));
                }
                Message::Push(push, keys) => {
                    apply(&self.store, &push);
                    for (key, version) in keys {
                        self.floor[key] = self.floor[key].max(version);
                    }
                }
            },
            Event::Deliver(number) => {
                let flight = self.in_flight.remove(&number).unwrap();
                let (value, left) = flight.reply.unwrap();
                let frame = match value {
                    Some(version) => Frame::integer(i64::try_from(version).unwrap()),
                    None => Frame::build(|reply| reply.null()),
                };
                let request = get(KEYS[flight.key]);
                (self.store).insert(&request, &frame, flight.stamp, flight.sent, left);
                self.flights.end(&request, flight.id);
                for floor in flight.callers {
                    Self::give(value, floor);
                }
            }
            Event::Reconnect => {
                self.to_server.clear();
                self.to_client.clear();
                self.tracked.clear();
                self.store.flush();
                // Replies that have arrived are delivered later.
                self.in_flight.retain(|_, flight| {
                    let arrived = flight.reply.is_some();
                    if !arrived {
                        self.flights.end(&get(KEYS[flight.key]), flight.id);
                    }
                    arrived
                });
                for (floor, stored) in self.floor.iter_mut().zip(self.server) {
                    *floor = stored.version;
                }
            }
            Event::Expire => {
                self.now += LIFE;
                for stored in &mut self.server {
                    if stored.expires.take().is_some() {
                        (stored.version, stored.exists) = (stored.version + 1, false);
                    }
                }
            }
        }
    }
}

/// Plays an order of events. Returns how many reads were hits, and how many shared a request.
fn play(length: usize, choices: &mut impl Choices) -> (u64, u64) {
    let mut world = World::warmed();
    for _ in 0..length {
        let events = world.possible();
        let event = events[choices.choose(events.len())];
        world.play(event);
    }
    (world.hits, world.shared)
}

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn no_caller_gets_an_older_value_in_any_short_order_of_events() {
    let depth = from_environment("SWARM_CACHE_DEPTH", 5);
    let (mut choices, mut orders, mut hits, mut shared) = (Every::default(), 0_u64, 0, 0);
    loop {
        let found = play(depth, &mut choices);
        (orders, hits, shared) = (orders + 1, hits + found.0, shared + found.1);
        if !choices.advance() {
            break;
        }
    }
    println!("{orders} orders of {depth} events, {hits} hits, {shared} shared requests");
    assert!(hits > 0 && shared > 0);
}

#[test]
fn no_caller_gets_an_older_value_in_long_random_orders() {
    let orders = from_environment("SWARM_CACHE_ORDERS", 3_000);
    let (mut hits, mut shared) = (0, 0);
    for seed in 0..orders {
        let rng = fastrand::Rng::with_seed(seed as u64);
        let result = std::panic::catch_unwind(|| play(100, &mut Random(rng)));
        let Ok(found) = result else {
            panic!("seed {seed}");
        };
        (hits, shared) = (hits + found.0, shared + found.1);
    }
    println!("{orders} orders of 100 events, {hits} hits, {shared} shared requests");
    assert!(hits > 0 && shared > 0);
}
