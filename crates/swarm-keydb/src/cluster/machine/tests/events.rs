//! Single events: redirects, order, and when the topology is fetched.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::super::super::address::Address;
use super::super::super::refusal::Refusal;
use super::super::super::shards::Range;
use super::super::refresh::LONGEST;
use super::super::{MAX_REDIRECTS, Machine, NodeId, Output, Payload, Ticket, Unrun, Why};
use crate::runtime::Instant;

/// A call of a name, on a key.
#[derive(Debug, Clone)]
struct Call {
    name: &'static str,
    key: u8,
    is_gone: Rc<Cell<bool>>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Payload for Call {
    fn is_gone(&self) -> bool {
        self.is_gone.get()
    }
}

fn call(name: &'static str, key: u8) -> Call {
    Call {
        name,
        key,
        is_gone: Rc::default(),
    }
}

fn address(name: &str) -> Address {
    Address::new(name, 1)
}

/// A machine that knows two nodes: `a` has all slots.
struct Test {
    machine: Machine<Call>,
    now: Instant,
    a: NodeId,
}

impl Test {
    fn new() -> Self {
        let mut machine = Machine::new(vec![address("seed")], fastrand::Rng::with_seed(1));
        let now = Instant::now();
        assert!(machine.start_refresh(now).is_some());
        machine.refreshed(&ranges("a"), now);
        let closed = machine.next_output();
        assert!(
            matches!(closed, Some(Output::Close(_))),
            "the seed: {closed:?}"
        );
        let a = machine.find(&address("a")).unwrap();
        machine.node_up(a);
        Self { machine, now, a }
    }

    fn send(&mut self, slot: u16) -> Ticket {
        let (ticket, sends) = self
            .machine
            .submit(slot, self.now + Duration::from_secs(10));
        assert!(sends, "the call must be sent at once");
        ticket
    }

    fn park(&mut self, slot: u16, call: Call) -> Ticket {
        let (ticket, sends) = self
            .machine
            .submit(slot, self.now + Duration::from_secs(10));
        assert!(!sends, "the call must wait");
        self.machine.park(ticket, call, self.now);
        ticket
    }

    fn refuse(&mut self, ticket: Ticket, call: Call, refusal: Refusal) {
        self.machine
            .refused(ticket, call, Unrun::Refused(refusal), self.now);
    }

    fn end(&mut self, ticket: &Ticket, call: &Call) {
        if self.machine.ended(ticket.slot) {
            self.machine.overtook(ticket, |other| other.key == call.key);
            self.machine.release(ticket.slot, self.now);
        }
    }

    /// The next output that is not about a node that has left.
    fn next_output(&mut self) -> Option<Output<Call>> {
        loop {
            match self.machine.next_output()? {
                Output::Close(_) => {}
                output => return Some(output),
            }
        }
    }

    /// The next call to be sent, its node, and whether it is asked for.
    fn sent(&mut self) -> Option<(&'static str, String, bool)> {
        match self.next_output()? {
            Output::Send(ticket, call) => {
                let node = self.machine.address(ticket.node).unwrap().host().to_owned();
                Some((call.name, node, ticket.asking))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn ranges(primary: &str) -> Vec<Range> {
    vec![Range {
        first: 0,
        last: 16383,
        primary: address(primary),
        replicas: vec![address("a")],
    }]
}

#[test]
fn a_later_call_does_not_overtake_one_that_is_moved() {
    let mut test = Test::new();
    let (one, two) = (test.send(7), test.send(7));
    test.refuse(one, call("one", 0), Refusal::Moved(7, address("b")));
    // The map knows better by now, but a call to the new node would overtake.
    test.park(7, call("three", 0));
    assert_eq!(test.sent(), None, "a call is in flight behind the first");
    test.refuse(two, call("two", 1), Refusal::Moved(7, address("b")));
    for name in ["one", "two", "three"] {
        assert_eq!(test.sent(), Some((name, "b".into(), false)));
    }
    // Other slots are not affected.
    assert_eq!(test.send(8).node, test.a);
}

#[test]
fn a_refresh_that_moves_a_slot_keeps_later_calls_waiting_for_those_in_flight() {
    let mut test = Test::new();
    let one = test.send(7);
    test.machine.request_refresh(test.now);
    test.now += LONGEST;
    assert!(test.machine.start_refresh(test.now).is_some());
    test.machine.refreshed(&ranges("b"), test.now);
    test.park(7, call("two", 0));
    assert_eq!(test.send(8).slot, 8);
    assert_eq!(test.sent(), None);
    test.end(&one, &call("one", 0));
    assert_eq!(test.sent(), Some(("two", "b".into(), false)));
}

#[test]
fn an_ask_is_followed_once_and_changes_no_map() {
    let mut test = Test::new();
    let one = test.send(7);
    test.refuse(one, call("one", 0), Refusal::Ask(7, address("b")));
    assert_eq!(test.sent(), Some(("one", "b".into(), true)));
    assert_eq!(test.machine.owner(7), Some(test.a));
    let at = test.machine.refresh_at().unwrap();
    assert!(at > test.now + Duration::from_secs(30), "no fetch follows");
    // A call to the owner would have no order with the one that is asked for.
    test.park(7, call("two", 0));
    assert_eq!(test.sent(), None);
    let asked = Ticket {
        asking: true,
        ..one
    };
    test.end(&asked, &call("one", 0));
    assert_eq!(test.sent(), Some(("two", "a".into(), false)));
}

#[test]
fn a_refused_call_fails_if_a_later_one_on_its_key_has_run() {
    let mut test = Test::new();
    let (one, two, three) = (test.send(7), test.send(7), test.send(7));
    test.refuse(one, call("one", 0), Refusal::TryAgain);
    test.end(&two, &call("two", 1));
    assert_eq!(test.sent(), None, "another key");
    test.end(&three, &call("three", 0));
    let failed = test.machine.next_output();
    assert_eq!(failed, Some(Output::Fail(call("one", 0), Why::Overtaken)));
    assert_eq!(test.send(7).node, test.a);
}

#[test]
fn a_refused_call_fails_if_a_later_one_has_timed_out_and_may_still_run() {
    let mut test = Test::new();
    let (one, two) = (test.send(7), test.send(7));
    test.machine.doubt(&two);
    test.end(&two, &call("two", 0));
    test.refuse(one, call("one", 0), Refusal::Moved(7, address("b")));
    let failed = test.machine.next_output();
    assert_eq!(failed, Some(Output::Fail(call("one", 0), Why::Overtaken)));
    let three = test.send(7);
    test.refuse(three, call("three", 0), Refusal::Moved(7, address("c")));
    assert_eq!(
        test.sent(),
        Some(("three", "c".into(), false)),
        "the doubt is over"
    );
}

#[test]
fn a_call_that_cannot_run_now_is_sent_again_after_a_delay_and_holds_later_ones() {
    let mut test = Test::new();
    let one = test.send(7);
    test.refuse(one, call("one", 0), Refusal::TryAgain);
    test.park(7, call("two", 0));
    assert_eq!(test.sent(), None);
    let at = test.machine.next_deadline().unwrap();
    assert!(at > test.now && at <= test.now + Duration::from_millis(10));
    test.now = at;
    test.machine.expire(at);
    assert_eq!(test.sent(), Some(("one", "a".into(), false)));
    assert_eq!(test.sent(), Some(("two", "a".into(), false)));
}

#[test]
fn redirects_end() {
    let mut test = Test::new();
    let mut ticket = test.send(7);
    for redirect in 0..=MAX_REDIRECTS {
        let to = ["a", "b"][usize::from(redirect % 2)];
        test.refuse(ticket, call("one", 0), Refusal::Moved(7, address(to)));
        match test.machine.next_output().unwrap() {
            Output::Send(next, _) => ticket = next,
            Output::Fail(_, why) => {
                assert_eq!((redirect, why), (MAX_REDIRECTS, Why::Redirects));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("the call is redirected for ever");
}

#[test]
fn a_parked_call_fails_at_its_deadline_and_one_that_nobody_awaits_is_dropped() {
    let mut test = Test::new();
    let one = test.send(7);
    test.refuse(one, call("one", 0), Refusal::Unavailable);
    let two = call("two", 0);
    test.park(7, two.clone());
    two.is_gone.set(true);
    test.now += Duration::from_secs(10);
    test.machine.expire(test.now);
    let failed = test.machine.next_output();
    assert_eq!(failed, Some(Output::Fail(call("one", 0), Why::Late)));
    assert_eq!(test.machine.next_output(), None);
    assert_eq!(test.machine.next_deadline(), None);
}

#[test]
fn calls_to_a_node_that_is_lost_are_withdrawn_once_another_one_owns_their_slot() {
    let mut test = Test::new();
    let one = test.send(7);
    test.machine.node_down(test.a, test.now);
    assert_eq!(test.machine.next_output(), None, "the node may come back");
    test.now += LONGEST;
    assert!(test.machine.start_refresh(test.now).is_some());
    test.machine.refreshed(&ranges("b"), test.now);
    assert_eq!(test.next_output(), Some(Output::Withdraw(test.a)));
    test.machine
        .refused(one, call("one", 0), Unrun::Returned, test.now);
    assert_eq!(test.sent(), Some(("one", "b".into(), false)));
}

#[test]
fn a_move_that_is_heard_during_a_fetch_is_newer_than_what_was_fetched() {
    let mut test = Test::new();
    let one = test.send(7);
    test.machine.request_refresh(test.now);
    test.now += LONGEST;
    assert!(test.machine.start_refresh(test.now).is_some());
    test.refuse(one, call("one", 0), Refusal::Moved(7, address("b")));
    test.machine.refreshed(&ranges("a"), test.now);
    let b = test.machine.find(&address("b")).unwrap();
    assert_eq!(test.machine.owner(7), Some(b));
    assert_eq!(test.machine.owner(8), Some(test.a));
}

#[test]
fn many_moves_cause_one_fetch_at_a_time_and_few_in_all() {
    let mut test = Test::new();
    let end = test.now + Duration::from_secs(60);
    let mut fetches = 0;
    while test.now < end {
        for slot in 0..10 {
            test.machine.moved(slot, test.a, test.now);
        }
        if test.machine.start_refresh(test.now).is_some() {
            fetches += 1;
            assert_eq!(test.machine.start_refresh(test.now), None, "one at a time");
            test.machine.refreshed(&ranges("a"), test.now);
        }
        test.now += Duration::from_millis(5);
    }
    assert!((20..=65).contains(&fetches), "{fetches} fetches");
}

#[test]
fn clients_that_learn_of_a_change_together_do_not_fetch_together() {
    let at = |seed| {
        let mut machine: Machine<Call> =
            Machine::new(vec![address("seed")], fastrand::Rng::with_seed(seed));
        let now = Instant::now();
        machine.start_refresh(now);
        machine.refreshed(&ranges("a"), now);
        let later = now + Duration::from_secs(5);
        machine.request_refresh(later);
        machine.refresh_at().unwrap() - later
    };
    let mut times: Vec<_> = (0..100).map(at).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 90, "{times:?}");
    assert!(times.last().unwrap() < &Duration::from_millis(100));
}
