//! The rule, step by step.

use super::*;

const LONE: Duration = Duration::from_micros(200);
const SECOND: Duration = Duration::from_secs(1);
const SLOW: Duration = Duration::from_millis(100);
const FIRST: ConnectionId = ConnectionId::PRIMARY;

/// A client with calls on every connection, and the time.
struct Hand {
    growth: Growth,
    now: Instant,
    waiting: usize,
    in_flight: usize,
}

impl Hand {
    fn new(min: usize, max: usize) -> Self {
        let mut hand = Self {
            growth: Growth::new(Limits { min, max }),
            now: Instant::now(),
            waiting: 10,
            in_flight: 2,
        };
        hand.growth.opened(FIRST, Some(LONE), hand.now);
        hand
    }

    fn plan(&mut self) -> Plan {
        let in_flight = self.in_flight;
        self.growth.plan(self.now, self.waiting, |_| in_flight)
    }

    /// Opens what the plan wants, with handshakes of this length, and returns the new connections.
    fn open(&mut self, handshake: Duration) -> Vec<ConnectionId> {
        let mut opened = vec![];
        while let Plan::Open(id) = self.plan() {
            self.growth.opened(id, Some(handshake), self.now);
            opened.push(id);
        }
        opened
    }

    /// Each of these connections answers one call after a slow gap, and the next gap begins.
    fn answer_slowly(&mut self, ids: &[ConnectionId], gap: Duration, times: usize) {
        for _ in 0..times {
            self.now += gap;
            for id in ids {
                self.growth.answered(*id, gap * 2, 1, self.now);
            }
            self.plan();
        }
        self.now += Duration::from_millis(1);
    }

    fn begin_trial(&mut self, handshake: Duration) -> ConnectionId {
        self.answer_slowly(&[FIRST], SLOW, 3);
        let opened = self.open(handshake);
        assert_eq!(opened.len(), 1);
        assert_eq!(self.growth.mode(), Mode::Trial);
        opened[0]
    }

    /// Ends a trial in which each connection keeps its pace.
    fn serial(min: usize, max: usize) -> Self {
        let mut hand = Self::new(min, max);
        let second = hand.begin_trial(LONE);
        hand.answer_slowly(&[FIRST, second], SLOW, 4);
        assert_eq!(hand.growth.mode(), Mode::Serial);
        hand
    }
}

#[test]
fn three_slow_gaps_and_a_stall_begin_a_trial() {
    let mut hand = Hand::new(1, 64);
    hand.answer_slowly(&[FIRST], SLOW, 2);
    assert_eq!(hand.plan(), Plan::Keep);
    hand.now += SLOW;
    hand.growth.answered(FIRST, SLOW * 2, 1, hand.now);
    assert_eq!(hand.plan(), Plan::Keep, "the next reply may be fast");
    hand.now = hand.growth.next_deadline().expect("a time when it is slow");
    assert_eq!(hand.plan(), Plan::Open(ConnectionId(1)));
    assert_eq!(hand.plan(), Plan::Keep);
}

#[test]
fn there_is_no_trial_if_no_call_waits() {
    let mut hand = Hand::new(1, 64);
    (hand.waiting, hand.in_flight) = (0, 1);
    hand.answer_slowly(&[FIRST], SLOW, 20);
    assert_eq!(hand.plan(), Plan::Keep);
    hand.in_flight = 2;
    assert_eq!(hand.plan(), Plan::Open(ConnectionId(1)));
}

#[test]
fn there_is_no_trial_before_the_round_trip_is_known() {
    let mut hand = Hand::new(1, 64);
    hand.growth.closed(FIRST, hand.now);
    hand.growth.opened(FIRST, None, hand.now);
    hand.answer_slowly(&[FIRST], SLOW, 20);
    assert_eq!(hand.plan(), Plan::Keep);
    assert!(
        hand.growth.window(FIRST) > 20,
        "nothing is known to be slow"
    );
}

#[test]
fn there_is_no_trial_beyond_the_maximum() {
    let mut hand = Hand::new(1, 1);
    hand.answer_slowly(&[FIRST], SLOW, 20);
    assert_eq!(hand.plan(), Plan::Keep);
    assert_eq!(
        hand.growth.window(FIRST),
        2,
        "what waits can still be withdrawn"
    );
}

#[test]
fn no_more_connections_are_opened_at_once_than_are_open() {
    let mut hand = Hand::serial(1, 64);
    (hand.waiting, hand.in_flight) = (60, 1);
    let mut open = 2;
    while open < 32 {
        let mut dials = vec![];
        while let Plan::Open(id) = hand.plan() {
            dials.push(id);
        }
        assert_eq!(dials.len(), open);
        for id in dials {
            hand.growth.opened(id, Some(LONE), hand.now);
        }
        open *= 2;
    }
}

#[test]
fn a_trial_whose_connections_slow_each_other_down_fails_for_a_minute() {
    let mut hand = Hand::new(1, 64);
    let second = hand.begin_trial(LONE);
    hand.answer_slowly(&[FIRST, second], SLOW * 2, 3);
    hand.now += SLOW * 2;
    for id in [FIRST, second] {
        hand.growth.answered(id, SLOW * 4, 1, hand.now);
    }
    assert_eq!(hand.plan(), Plan::Close(second));
    assert_eq!(hand.growth.window(second), 0);
    assert!(hand.growth.is_pooled(), "it may still owe replies");
    hand.growth.closed(second, hand.now);
    assert!(!hand.growth.is_pooled());
    let end = hand.now + 60 * SECOND;
    while hand.now + 2 * SLOW < end {
        hand.answer_slowly(&[FIRST], SLOW, 1);
        assert_eq!(hand.plan(), Plan::Keep);
    }
    assert_eq!(hand.growth.next_deadline(), Some(end));
    hand.now = end;
    assert_eq!(hand.plan(), Plan::Open(ConnectionId(2)));
}

#[test]
fn a_slow_handshake_shows_that_the_server_as_a_whole_is_stalled() {
    let mut hand = Hand::new(1, 64);
    let second = hand.begin_trial(SLOW);
    hand.answer_slowly(&[FIRST, second], SLOW, 4);
    assert_eq!(hand.growth.mode(), Mode::Single);
    let window = hand.growth.window(FIRST);
    hand.growth.closed(second, hand.now);
    hand.answer_slowly(&[FIRST], SLOW, 10);
    assert!(
        hand.growth.window(FIRST) > window,
        "calls that wait here gain nothing"
    );
}

#[test]
fn a_trial_without_slow_gaps_ends_after_three_seconds() {
    let mut hand = Hand::new(1, 64);
    let second = hand.begin_trial(LONE);
    assert_eq!(hand.growth.next_deadline(), Some(hand.now + 3 * SECOND));
    hand.now += 3 * SECOND;
    assert_eq!(hand.plan(), Plan::Close(second));
    assert_eq!(hand.growth.mode(), Mode::Single);
}

#[test]
fn the_loss_of_a_connection_ends_the_trial() {
    for lost in [FIRST, ConnectionId(1)] {
        let mut hand = Hand::new(1, 64);
        hand.begin_trial(LONE);
        hand.growth.closed(lost, hand.now);
        assert_eq!(hand.growth.mode(), Mode::Single);
        assert_eq!(hand.plan(), Plan::Keep);
    }
}

#[test]
fn a_refusal_ends_growth_for_a_time() {
    for (random, seconds) in [(0.0, 30), (1.0, 60)] {
        let mut hand = Hand::serial(1, 64);
        let Plan::Open(id) = hand.plan() else {
            panic!("calls wait");
        };
        hand.growth.refused(hand.now, random);
        hand.growth.closed(id, hand.now);
        assert_eq!(hand.plan(), Plan::Keep);
        assert_eq!(hand.growth.mode(), Mode::Serial, "it uses what it has");
        assert_eq!(
            hand.growth.next_deadline(),
            Some(hand.now + seconds * SECOND)
        );
        hand.now += seconds * SECOND;
        assert!(matches!(hand.plan(), Plan::Open(_)));
    }
}

#[test]
fn attempts_that_fail_are_repeated_ever_more_slowly() {
    let mut hand = Hand::serial(1, 3);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        let Plan::Open(id) = hand.plan() else {
            panic!("calls wait");
        };
        hand.growth.closed(id, hand.now);
        assert_eq!(hand.plan(), Plan::Keep);
        assert_eq!(
            hand.growth.next_deadline(),
            Some(hand.now + seconds * SECOND)
        );
        hand.now += seconds * SECOND;
    }
}

#[test]
fn attempts_that_fail_together_count_as_one() {
    let mut hand = Hand::serial(1, 64);
    let opened = hand.open(LONE);
    assert!(opened.len() > 4, "{opened:?}");
    for id in opened {
        hand.growth.closed(id, hand.now);
    }
    assert_eq!(hand.plan(), Plan::Keep);
    assert_eq!(hand.growth.next_deadline(), Some(hand.now + SECOND));
}

/// A worker can be lost, and dialed again in vain, before the primary connection is lost.
#[test]
fn attempts_that_fail_while_the_server_is_gone_do_not_end_growth() {
    let mut hand = Hand::serial(1, 3);
    let Plan::Open(id) = hand.plan() else {
        panic!("calls wait");
    };
    hand.growth.closed(id, hand.now);
    hand.growth.refused(hand.now, 0.5);
    hand.growth.closed(ConnectionId(1), hand.now);
    hand.growth.closed(FIRST, hand.now);
    assert_eq!(hand.plan(), Plan::Keep);
    hand.growth.opened(FIRST, Some(LONE), hand.now);
    hand.answer_slowly(&[FIRST], SLOW, 3);
    assert_eq!(hand.open(LONE).len(), 2);
}

#[test]
fn connections_that_were_not_needed_for_ten_seconds_are_closed_one_at_a_time() {
    let mut hand = Hand::serial(1, 6);
    hand.open(LONE);
    hand.in_flight = 0;
    hand.waiting = 0;
    let mut closed = vec![];
    let start = hand.now;
    while let Plan::Keep = hand.plan() {
        let deadline = hand.growth.next_deadline();
        hand.now = deadline.expect("a time when a connection is not needed");
    }
    assert!(hand.now >= start + 9 * SECOND && hand.now <= start + 12 * SECOND);
    hand.now = start + 20 * SECOND;
    while hand.now < start + 40 * SECOND {
        if let Plan::Close(id) = hand.plan() {
            closed.push(id);
            assert_eq!(hand.plan(), Plan::Keep, "one at a time");
        }
        hand.now += SECOND;
    }
    // One was closed before, and the minimum stays.
    assert_eq!(closed, [4, 3, 2, 1].map(ConnectionId));
    assert_eq!(hand.growth.next_deadline(), None);
}

#[test]
fn the_minimum_is_opened_from_the_start() {
    let mut hand = Hand::new(4, 64);
    hand.waiting = 0;
    assert_eq!(hand.open(LONE).len(), 3);
    assert_eq!(hand.growth.mode(), Mode::Single);
    assert!(hand.growth.is_pooled());
    hand.growth.closed(ConnectionId(2), hand.now);
    hand.now += SECOND;
    assert_eq!(hand.open(LONE).len(), 1, "one that is lost is replaced");
}

#[test]
fn a_serial_server_gets_calls_while_the_primary_connection_is_lost() {
    let mut hand = Hand::serial(1, 64);
    hand.growth.closed(FIRST, hand.now);
    assert_eq!(hand.growth.mode(), Mode::Serial);
    assert_eq!(hand.growth.window(FIRST), 0);
    assert_eq!(hand.growth.window(ConnectionId(1)), 2);
    assert!(matches!(hand.plan(), Plan::Open(_)));
}

#[test]
fn if_all_connections_are_lost_the_primary_one_comes_first() {
    let mut hand = Hand::serial(1, 64);
    for id in [FIRST, ConnectionId(1)] {
        hand.growth.closed(id, hand.now);
    }
    assert_eq!(hand.plan(), Plan::Keep);
    hand.growth.opened(FIRST, Some(LONE), hand.now);
    hand.now += SECOND;
    assert!(
        matches!(hand.plan(), Plan::Open(_)),
        "the server is still serial"
    );
}

#[test]
fn another_server_is_measured_anew() {
    let mut hand = Hand::serial(1, 64);
    hand.growth.reset();
    assert_eq!(hand.growth.mode(), Mode::Single);
    assert_eq!(hand.plan(), Plan::Close(ConnectionId(1)));
}

#[test]
fn a_server_that_is_fast_for_a_minute_is_not_serial() {
    let mut hand = Hand::serial(1, 2);
    for _ in 0..70 {
        hand.now += SECOND;
        for id in [FIRST, ConnectionId(1)] {
            hand.growth.answered(id, LONE, 10, hand.now);
        }
        if hand.plan() == Plan::Close(ConnectionId(1)) {
            break;
        }
    }
    assert_eq!(hand.growth.mode(), Mode::Single);
}

#[test]
fn the_window_of_a_serial_server_hides_the_round_trip() {
    assert_eq!(Hand::serial(1, 64).growth.window(FIRST), 2);
    let far = Duration::from_millis(80);
    let mut hand = Hand::new(1, 64);
    hand.growth.closed(FIRST, hand.now);
    hand.growth.opened(FIRST, Some(far), hand.now);
    hand.answer_slowly(&[FIRST], SLOW, 3);
    hand.now += far;
    let second = hand.open(far)[0];
    hand.answer_slowly(&[FIRST, second], SLOW, 4);
    assert_eq!(hand.growth.mode(), Mode::Serial);
    for _ in 0..20 {
        hand.now += Duration::from_millis(10);
        hand.growth.answered(FIRST, far * 2, 1, hand.now);
    }
    assert!(
        hand.growth.window(FIRST) > 8,
        "{}",
        hand.growth.window(FIRST)
    );
}

/// No work was seen in a reply that took as long as the shortest round trip.
#[test]
fn a_first_fast_reply_does_not_open_the_window_of_a_serial_server() {
    for (handshake, most) in [(LONE, 2), (SLOW, 5)] {
        let mut hand = Hand::serial(1, 64);
        for id in 0..2 {
            hand.growth.closed(ConnectionId(id), hand.now);
        }
        hand.growth.opened(FIRST, Some(handshake), hand.now);
        hand.growth.answered(FIRST, handshake, 1, hand.now);
        assert_eq!(hand.growth.mode(), Mode::Serial);
        assert!(hand.growth.window(FIRST) <= most, "{handshake:?}");
    }
}

#[test]
fn a_trial_that_decides_nothing_is_repeated_soon() {
    let mut hand = Hand::new(1, 64);
    let second = hand.begin_trial(LONE);
    hand.answer_slowly(&[FIRST, second], SLOW * 31 / 20, 4);
    assert_eq!(hand.growth.mode(), Mode::Single);
    hand.growth.closed(second, hand.now);
    hand.answer_slowly(&[FIRST], SLOW, 3);
    assert_eq!(hand.plan(), Plan::Keep);
    hand.now += 10 * SECOND;
    assert_eq!(hand.plan(), Plan::Open(ConnectionId(2)));
}
