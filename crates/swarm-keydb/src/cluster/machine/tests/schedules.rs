//! Random schedules of calls, slots that move, nodes that fail, and time.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::super::super::address::Address;
use super::super::super::shards::Range;
use super::super::{Machine, NodeId, Output, Payload, Ticket, Unrun, Why};
use super::world::{Link, NODES, Reply, SLOTS, Work, World, address};
use crate::runtime::Instant;

/// How many schedules the test plays unless `SWARM_SCHEDULES` says otherwise.
const SCHEDULES: u64 = 500;

const STEPS: usize = 120;

#[derive(Debug)]
struct Call {
    work: Work,
    is_gone: Rc<Cell<bool>>,
    /// Whether it may have run where its connection was lost, and was sent again.
    is_retried: bool,
}

impl Payload for Call {
    fn is_gone(&self) -> bool {
        self.is_gone.get()
    }
}

impl Call {
    fn conflicts(&self, other: &Self) -> bool {
        let common = self
            .work
            .keys
            .iter()
            .any(|key| other.work.keys.contains(key));
        common && (self.work.writes || other.work.writes)
    }
}

/// What the caller of a call was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    /// It has certainly not run.
    Unrun,
    MayHaveRun,
}

type Sent = (Ticket, Call);

struct Schedule {
    random: fastrand::Rng,
    now: Instant,
    world: World,
    machine: Machine<Call>,
    links: BTreeMap<NodeId, (usize, Link<Sent>)>,
    /// The topology as earlier steps had it, for nodes that lag behind.
    past: VecDeque<Vec<Range>>,
    fetching: Option<Vec<Range>>,
    told: BTreeMap<u64, Told>,
    gone: BTreeMap<u64, Rc<Cell<bool>>>,
    retried: Vec<u64>,
    /// Calls that timed out after they were sent, so that they may run later.
    late: Vec<u64>,
    submitted: u64,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let seeds: Vec<Address> = (0..2).map(address).collect();
        let machine = Machine::new(seeds, random.fork());
        Self {
            random,
            now: Instant::now(),
            world: World::new(),
            machine,
            links: BTreeMap::new(),
            past: VecDeque::new(),
            fetching: None,
            told: BTreeMap::new(),
            gone: BTreeMap::new(),
            retried: Vec::new(),
            late: Vec::new(),
            submitted: 0,
        }
    }

    fn play(mut self) {
        for _ in 0..STEPS {
            self.step();
            self.obey();
        }
        self.settle();
        self.check();
    }

    fn step(&mut self) {
        match self.random.u8(..100) {
            0..25 => self.submit(),
            25..45 => self.execute(),
            45..65 => self.deliver(),
            65..73 => self.connect(),
            73..80 => self.lose(),
            80..86 => {
                self.past.push_front(self.world.ranges());
                self.past.truncate(4);
                self.world.change(&mut self.random);
            }
            86..92 => self.fetch(),
            92..95 => {
                if let Some(gone) = self.random.choice(self.gone.values()) {
                    gone.set(true);
                }
            }
            _ => {
                let millis = self.random.u64(0..400);
                self.advance(Duration::from_millis(millis));
            }
        }
    }

    fn submit(&mut self) {
        let slot = self.random.u16(..SLOTS);
        let deadline = self.now + Duration::from_millis(self.random.u64(1..3_000));
        let (ticket, sends) = self.machine.submit(slot, deadline);
        assert_eq!(ticket.number, self.submitted);
        self.submitted += 1;
        let keys = match self.random.u8(..4) {
            0 => vec![0, 1],
            key => vec![key % 2],
        };
        let is_gone = Rc::new(Cell::new(false));
        self.gone.insert(ticket.number, Rc::clone(&is_gone));
        let call = Call {
            work: Work {
                number: ticket.number,
                slot,
                keys,
                writes: self.random.u8(..3) > 0,
            },
            is_gone,
            is_retried: false,
        };
        match sends {
            true => self.send(ticket, call),
            false => self.machine.park(ticket, call, self.now),
        }
    }

    fn send(&mut self, ticket: Ticket, call: Call) {
        let known = self.machine.address(ticket.node);
        let Some(node) = known.and_then(|known| (0..NODES).find(|node| address(*node) == *known))
        else {
            // The node has left before the call could be sent.
            return self
                .machine
                .refused(ticket, call, Unrun::Returned, self.now);
        };
        let link = self.links.entry(ticket.node);
        link.or_insert_with(|| (node, Link::default()))
            .1
            .unsent
            .push_back((ticket, call));
    }

    fn any_link(&mut self) -> Option<NodeId> {
        self.random.choice(self.links.keys().copied())
    }

    /// A node runs what it was sent.
    fn execute(&mut self) {
        let Some(id) = self.any_link() else { return };
        let (node, link) = self.links.get_mut(&id).unwrap();
        if link.is_up {
            link.sent.append(&mut link.unsent);
        }
        for _ in 0..self.random.u8(1..4) {
            if self.world.nodes[*node].is_alive
                && let Some((ticket, call)) = link.sent.pop_front()
            {
                let reply = self.world.run(*node, &call.work, ticket.asking);
                link.replies.push_back(((ticket, call), reply));
            }
        }
    }

    fn deliver(&mut self) {
        let Some(id) = self.any_link() else { return };
        for _ in 0..self.random.u8(1..4) {
            let (_, link) = self.links.get_mut(&id).unwrap();
            let Some(((ticket, call), reply)) = link.replies.pop_front() else {
                return;
            };
            match reply {
                _ if self.told.contains_key(&ticket.number) => {}
                Reply::Done => self.end(&ticket, &call, Told::Done),
                Reply::Refused(refusal) => {
                    let why = Unrun::Refused(refusal);
                    self.machine.refused(ticket, call, why, self.now);
                }
            }
        }
    }

    /// A call ends that has run, may have run, or was not sent.
    fn end(&mut self, ticket: &Ticket, call: &Call, told: Told) {
        self.tell(ticket.number, told);
        let is_parked = self.machine.ended(ticket.slot);
        if is_parked {
            if told != Told::Unrun {
                self.machine.overtook(ticket, |other| other.conflicts(call));
            }
            self.machine.release(ticket.slot, self.now);
        }
    }

    fn tell(&mut self, number: u64, told: Told) {
        assert_eq!(
            self.told.insert(number, told),
            None,
            "call {number} ended twice"
        );
    }

    fn connect(&mut self) {
        let Some(id) = self.any_link() else { return };
        let (node, link) = self.links.get_mut(&id).unwrap();
        if self.world.nodes[*node].is_alive {
            link.is_up = true;
            self.machine.node_up(id);
        } else {
            self.machine.node_down(id, self.now);
        }
    }

    /// A connection is lost with commands that may have run.
    fn lose(&mut self) {
        let Some(id) = self.any_link() else { return };
        let (node, link) = self.links.get_mut(&id).unwrap();
        link.is_up = false;
        let lost: Vec<_> = link.replies.drain(..).map(|(sent, _)| sent).collect();
        let unread: Vec<_> = link.sent.drain(..).collect();
        let runs = self.random.usize(..=unread.len());
        for (ticket, call) in unread.iter().take(runs) {
            self.world.run(*node, &call.work, ticket.asking);
        }
        let mut again = Vec::new();
        for (ticket, mut call) in lost.into_iter().chain(unread) {
            if self.told.contains_key(&ticket.number) {
            } else if call.work.writes {
                self.end(&ticket, &call, Told::MayHaveRun);
            } else {
                self.retried.push(ticket.number);
                call.is_retried = true;
                again.push((ticket, call));
            }
        }
        // The client sends reads again, ahead of what it has not sent.
        let link = &mut self.links.get_mut(&id).unwrap().1;
        for sent in again.into_iter().rev() {
            link.unsent.push_front(sent);
        }
        self.machine.node_down(id, self.now);
    }

    fn fetch(&mut self) {
        if let Some(ranges) = self.fetching.take() {
            match self.random.u8(..5) {
                0 => self.machine.refresh_failed(self.now),
                _ => self.machine.refreshed(&ranges, self.now),
            }
        } else if let Some(id) = self.machine.start_refresh(self.now) {
            assert!(self.machine.address(id).is_some());
            let past = self.random.choice(self.past.iter()).cloned();
            let past = past.filter(|_| self.random.u8(..3) == 0);
            self.fetching = Some(past.unwrap_or_else(|| self.world.ranges()));
        }
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        self.machine.expire(self.now);
        self.obey();
        // The client to each node ends calls whose deadline has passed.
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            let link = &mut self.links.get_mut(&id).unwrap().1;
            let is_late = |(ticket, _): &Sent| ticket.deadline <= self.now;
            let mut late = Vec::new();
            let mut rest = VecDeque::new();
            for sent in link.unsent.drain(..) {
                match is_late(&sent) {
                    true => late.push(sent),
                    false => rest.push_back(sent),
                }
            }
            link.unsent = rest;
            let pending = link.replies.iter().map(|(sent, _)| sent).chain(&link.sent);
            let overdue = pending.filter(|sent| is_late(sent));
            let overdue: Vec<_> = overdue
                .map(|(ticket, call)| (*ticket, call.work.clone()))
                .collect();
            for (ticket, call) in late {
                let told = match call.is_retried {
                    true => Told::MayHaveRun,
                    false => Told::Unrun,
                };
                self.end(&ticket, &call, told);
            }
            for (ticket, work) in overdue {
                if !self.told.contains_key(&ticket.number) {
                    self.machine.doubt(&ticket);
                    self.late.push(ticket.number);
                    let call = Call {
                        work,
                        is_gone: Rc::default(),
                        is_retried: false,
                    };
                    self.end(&ticket, &call, Told::MayHaveRun);
                }
            }
            self.obey();
        }
    }

    fn obey(&mut self) {
        while let Some(output) = self.machine.next_output() {
            match output {
                Output::Send(ticket, call) => self.send(ticket, call),
                Output::Fail(call, why) => {
                    assert_ne!(why, Why::Closed);
                    let told = match call.is_retried {
                        true => Told::MayHaveRun,
                        false => Told::Unrun,
                    };
                    self.tell(call.work.number, told);
                }
                Output::Withdraw(id) => self.withdraw(id),
                Output::Close(id) => self.withdraw(id),
            }
        }
    }

    fn withdraw(&mut self, id: NodeId) {
        if let Some((_, link)) = self.links.get_mut(&id) {
            let unsent: Vec<_> = link.unsent.drain(..).collect();
            for (ticket, call) in unsent {
                self.machine
                    .refused(ticket, call, Unrun::Returned, self.now);
            }
        }
    }

    /// Ends all faults, and lets every call end.
    fn settle(&mut self) {
        self.world.heal();
        for _ in 0..400 {
            self.now += Duration::from_millis(10);
            let ids: Vec<_> = self.links.keys().copied().collect();
            for id in ids {
                let (node, link) = self.links.get_mut(&id).unwrap();
                let node = *node;
                link.is_up = true;
                self.machine.node_up(id);
                let link = &mut self.links.get_mut(&id).unwrap().1;
                link.sent.append(&mut link.unsent);
                while let Some((ticket, call)) = link.sent.pop_front() {
                    let reply = self.world.run(node, &call.work, ticket.asking);
                    link.replies.push_back(((ticket, call), reply));
                }
                while let Some(((ticket, call), reply)) = link.replies.pop_front() {
                    if self.told.contains_key(&ticket.number) {
                        continue;
                    }
                    match reply {
                        Reply::Done => {
                            self.end(&ticket, &call, Told::Done);
                        }
                        Reply::Refused(refusal) => {
                            self.machine
                                .refused(ticket, call, Unrun::Refused(refusal), self.now);
                        }
                    }
                    break;
                }
            }
            self.machine.expire(self.now);
            self.obey();
            self.past.clear();
            if let Some(ranges) = self.fetching.take() {
                self.machine.refreshed(&ranges, self.now);
            } else if self.machine.start_refresh(self.now).is_some() {
                self.fetching = Some(self.world.ranges());
            }
            self.obey();
        }
    }

    fn check(&self) {
        for (id, (_, link)) in &self.links {
            let left = link.unsent.len() + link.sent.len() + link.replies.len();
            assert_eq!(left, 0, "{id:?} owes replies");
        }
        for slot in 0..SLOTS {
            let state = self.machine.slots[usize::from(slot)];
            assert_eq!(state.in_flight, 0, "slot {slot}");
            assert!(!state.is_parked, "slot {slot}");
        }
        let mut runs: BTreeMap<u64, usize> = BTreeMap::new();
        for work in &self.world.log {
            *runs.entry(work.number).or_default() += 1;
        }
        for number in 0..self.submitted {
            let runs = runs.get(&number).copied().unwrap_or(0);
            let retried = self
                .retried
                .iter()
                .filter(|retried| **retried == number)
                .count();
            let is_gone = self.gone[&number].get();
            match self.told.get(&number) {
                Some(Told::Done) => assert!(runs >= 1, "{number} did not run"),
                Some(Told::Unrun) => assert_eq!(runs, 0, "{number} ran"),
                Some(Told::MayHaveRun) => {}
                None => assert!(is_gone, "{number} never ended"),
            }
            assert!(runs <= 1 + retried, "{number} ran {runs} times");
        }
        // Of two calls with a common key, the earlier one ran first, unless it is a read that was
        // lost and sent again, or one that timed out on a node that the slot left and came back to.
        let log = &self.world.log;
        for (at, later) in log.iter().enumerate() {
            // The reply to an earlier run of a read that was lost has reached nobody, nor has that
            // of a read that did not end well.
            let runs_again = |work: &Work| work.number == later.number;
            let is_seen = self.told.get(&later.number) == Some(&Told::Done);
            if !later.writes && (!is_seen || log.iter().skip(at + 1).any(runs_again)) {
                continue;
            }
            for earlier in log.iter().skip(at + 1) {
                let common = earlier.keys.iter().any(|key| later.keys.contains(key));
                let in_order = earlier.slot != later.slot
                    || !common
                    || !(earlier.writes || later.writes)
                    || earlier.number >= later.number
                    || self.retried.contains(&earlier.number)
                    || self.late.contains(&earlier.number);
                let told = self.told.get(&earlier.number);
                assert!(
                    in_order,
                    "{} ran after {}: {told:?}",
                    earlier.number, later.number
                );
            }
        }
    }
}

#[test]
fn any_schedule_keeps_order_and_runs_nothing_twice() {
    let schedules = std::env::var("SWARM_SCHEDULES").map_or(SCHEDULES, |n| n.parse().unwrap());
    let first = std::env::var("SWARM_SEED").map_or(0, |seed| seed.parse().unwrap());
    for seed in first..first + schedules {
        let play = std::panic::catch_unwind(|| Schedule::new(seed).play());
        assert!(play.is_ok(), "SWARM_SEED={seed} SWARM_SCHEDULES=1");
    }
}
