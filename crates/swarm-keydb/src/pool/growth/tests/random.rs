//! What must hold after any sequence of events.

use super::*;

/// A pool of connections that are opened, lost and closed at random, and the calls on them.
struct World {
    random: fastrand::Rng,
    limits: Limits,
    now: Instant,
    growth: Growth,
    dialing: Vec<ConnectionId>,
    /// Open connections and the calls in flight on each.
    open: Vec<(ConnectionId, usize)>,
    closing: Vec<ConnectionId>,
    gone: Vec<ConnectionId>,
    waiting: usize,
    /// Whether the minimum was reached, and nothing was lost since.
    complete: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let max = random.usize(1..20);
        let min = match random.bool() {
            true => 1,
            false => random.usize(1..=max),
        };
        let limits = Limits { min, max };
        Self {
            random,
            limits,
            now: Instant::now(),
            growth: Growth::new(limits),
            dialing: vec![ConnectionId::PRIMARY],
            open: vec![],
            closing: vec![],
            gone: vec![],
            waiting: 0,
            complete: false,
        }
    }

    fn any(&mut self, ids: &[ConnectionId]) -> Option<ConnectionId> {
        (!ids.is_empty()).then(|| ids[self.random.usize(..ids.len())])
    }

    fn open_ids(&self) -> Vec<ConnectionId> {
        self.open.iter().map(|(id, _)| *id).collect()
    }

    fn step(&mut self) {
        let longest = [1, 50, 500, 20_000][self.random.usize(..4)];
        self.now += Duration::from_micros(self.random.u64(..longest * 1000));
        match self.random.u8(..20) {
            0..=2 => {
                let ids = self.dialing.clone();
                if let Some(id) = self.any(&ids) {
                    self.dialing.retain(|known| *known != id);
                    self.open.push((id, 0));
                    let handshake = Duration::from_micros(self.random.u64(..5000));
                    let handshake = Some(handshake).filter(|_| self.random.u8(..5) > 0);
                    self.growth.opened(id, handshake, self.now);
                }
            }
            3 => {
                let ids = [self.dialing.clone(), self.open_ids(), self.closing.clone()].concat();
                if let Some(id) = self.any(&ids) {
                    self.lose(id);
                }
            }
            4 if self.random.u8(..10) == 0 => {
                for id in self.open_ids() {
                    self.lose(id);
                }
            }
            5 if self.random.u8(..10) == 0 => self.growth.reset(),
            6 if self.random.u8(..5) == 0 => {
                let random = self.random.f64() * 3.0 - 1.0;
                self.growth.refused(self.now, random);
            }
            7 => {
                // Reports about connections that are gone.
                let ids = self.gone.clone();
                if let Some(id) = self.any(&ids) {
                    match self.random.u8(..3) {
                        0 => self.growth.answered(id, Duration::ZERO, 1, self.now),
                        1 => self.growth.opened(id, None, self.now),
                        _ => self.growth.closed(id, self.now),
                    }
                }
            }
            8 => {
                // A report that comes twice.
                let ids = self.open_ids();
                if let Some(id) = self.any(&ids) {
                    self.growth.opened(id, None, self.now);
                }
            }
            9..=11 => self.waiting = self.random.usize(..30),
            _ => {
                let ids = [self.open_ids(), self.closing.clone()].concat();
                if let Some(id) = self.any(&ids) {
                    let round_trip = Duration::from_micros(self.random.u64(..longest * 1000));
                    let replies = self.random.usize(..5);
                    self.growth.answered(id, round_trip, replies, self.now);
                }
            }
        }
        for (_, calls) in &mut self.open {
            *calls = self.random.usize(..4);
        }
        self.follow_plan();
        self.check();
    }

    fn lose(&mut self, id: ConnectionId) {
        self.growth.closed(id, self.now);
        self.dialing.retain(|known| *known != id);
        self.open.retain(|(known, _)| *known != id);
        self.closing.retain(|known| *known != id);
        if id == ConnectionId::PRIMARY {
            self.dialing.push(id);
        } else {
            self.gone.push(id);
        }
        self.complete = false;
    }

    fn follow_plan(&mut self) {
        for _ in 0..=self.limits.max {
            let open = self.open.clone();
            let in_flight = |id| {
                open.iter()
                    .find(|(known, _)| *known == id)
                    .map_or(0, |x| x.1)
            };
            match self.growth.plan(self.now, self.waiting, in_flight) {
                Plan::Keep => return,
                Plan::Open(id) => {
                    assert!(!self.gone.contains(&id), "{id:?} was used before");
                    assert!(!self.dialing.contains(&id) && !self.open_ids().contains(&id));
                    self.dialing.push(id);
                    let workers = self
                        .dialing
                        .iter()
                        .filter(|id| **id != ConnectionId::PRIMARY);
                    assert!(workers.count() <= self.open.len(), "too many at once");
                }
                Plan::Close(id) => {
                    assert_ne!(id, ConnectionId::PRIMARY);
                    let before = self.open.len();
                    self.open.retain(|(known, _)| *known != id);
                    assert_eq!(self.open.len(), before - 1, "{id:?} was not open");
                    self.closing.push(id);
                }
            }
        }
        panic!("the plan has no end");
    }

    fn check(&mut self) {
        let all = self.dialing.len() + self.open.len() + self.closing.len();
        assert!(
            all <= self.limits.max,
            "{all} connections, {:?}",
            self.limits
        );
        self.complete |= self.open.len() >= self.limits.min;
        assert!(!self.complete || self.open.len() >= self.limits.min);
        for (id, _) in &self.open {
            assert!(self.growth.window(*id) >= 1);
        }
        for id in self.dialing.iter().chain(&self.closing).chain(&self.gone) {
            assert_eq!(self.growth.window(*id), 0);
        }
        assert!(self.growth.is_pooled() || all == 1);
        if let Some(deadline) = self.growth.next_deadline() {
            assert!(deadline > self.now, "a deadline that has passed");
        }
    }
}

#[test]
fn limits_hold_after_any_sequence_of_events() {
    for seed in 0..SEQUENCES {
        let mut world = World::new(seed);
        for _ in 0..20 {
            world.step();
        }
    }
}

/// Sequences of 20 events.
const SEQUENCES: u64 = 100_000;
