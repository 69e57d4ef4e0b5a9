//! Tests of the selector: single rules, and random schedules on simulated time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn selector(options: FailoverOptions, endpoints: usize) -> (Selector, Vec<EndpointId>) {
    let mut selector = Selector::new(options);
    let names: Vec<Arc<str>> = (0..endpoints).map(|at| format!("{at}").into()).collect();
    let ids = selector.set_endpoints(&names);
    (selector, ids)
}

/// Dials the endpoints in order until one accepts. Returns it, and when it was dialed.
fn dial(
    selector: &mut Selector,
    now: Duration,
    accepts: impl Fn(EndpointId) -> bool,
) -> Option<(EndpointId, Sequence)> {
    for id in selector.order(now) {
        let began = selector.begin();
        if accepts(id) {
            return selector.dialed(id, now).then_some((id, began));
        }
        if selector.dial_failed(id, began, DialFailure::Refused, now) {
            return None;
        }
    }
    None
}

#[test]
fn the_first_endpoint_that_accepts_stays_in_use() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 3);
    let (first, _) = dial(&mut selector, Duration::ZERO, |id| id != ids[0]).unwrap();
    assert_eq!(first, ids[1]);
    assert_eq!(selector.moves(), 0, "the first connection is no move");
    for second in 1..100 {
        let (next, _) = dial(&mut selector, second * SECOND, |_| true).unwrap();
        assert_eq!(
            next, ids[1],
            "the preferred endpoint is back, but this one works"
        );
    }
}

#[test]
fn an_endpoint_that_refuses_connections_is_left_at_once() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 2);
    dial(&mut selector, Duration::ZERO, |_| true).unwrap();
    let (next, _) = dial(&mut selector, SECOND, |id| id != ids[0]).unwrap();
    assert_eq!((next, selector.moves()), (ids[1], 1));
    assert_eq!(selector.active(), Some(ids[1]));
}

#[test]
fn while_connections_are_open_an_endpoint_is_left_after_several_failures_only() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 2);
    dial(&mut selector, Duration::ZERO, |_| true).unwrap();
    for failures in 1..=3 {
        assert_eq!(selector.order(SECOND)[0], ids[0]);
        let began = selector.begin();
        let stays = selector.dial_failed(ids[0], began, DialFailure::Other, SECOND);
        assert_eq!(stays, failures < 3);
    }
    assert_eq!(selector.active(), None);
    assert_eq!(selector.order(SECOND), [ids[1], ids[0]]);
}

#[test]
fn what_fails_together_counts_once() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 2);
    let connections: Vec<_> = (0..64)
        .map(|_| dial(&mut selector, Duration::ZERO, |_| true).unwrap())
        .collect();
    for (id, began) in connections {
        selector.lost(id, began, Duration::ZERO, Loss::Lost, SECOND);
        selector.closed(id);
    }
    assert_eq!(selector.active(), Some(ids[0]), "one failure of three");
    assert!(selector.has_alternative(ids[0], SECOND));
    assert!(!selector.has_alternative(ids[1], SECOND));
}

#[test]
fn a_connection_that_lasted_is_no_failure_when_it_is_lost() {
    let (mut selector, ids) = selector(FailoverOptions::new().failures(1), 2);
    let (id, began) = dial(&mut selector, Duration::ZERO, |_| true).unwrap();
    selector.lost(id, began, Duration::ZERO, Loss::Lost, MIN_UPTIME);
    selector.closed(id);
    assert_eq!(selector.order(MIN_UPTIME)[0], ids[0]);
    let (id, began) = dial(&mut selector, MIN_UPTIME, |_| true).unwrap();
    let opened = MIN_UPTIME;
    selector.lost(id, began, opened, Loss::Unresponsive, 100 * MIN_UPTIME);
    assert_eq!(selector.active(), None);
}

#[test]
fn an_open_breaker_is_half_open_later_and_then_takes_twice_as_long() {
    let options = FailoverOptions::new().failures(1).open_for(SECOND);
    let (mut selector, ids) = selector(options, 2);
    let mut now = Duration::ZERO;
    for period in [1, 2, 4, 8, 16, 32, 64, 64] {
        let began = selector.begin();
        selector.dial_failed(ids[0], began, DialFailure::Other, now);
        let began = selector.begin();
        selector.dial_failed(ids[1], began, DialFailure::Other, now);
        let rank = |selector: &Selector, now| selector.find(ids[0]).unwrap().rank(now, SECOND);
        let reopens = now + period * SECOND;
        assert_eq!(rank(&selector, reopens - SECOND / 2), 3);
        assert_eq!(rank(&selector, reopens), 2);
        now = reopens;
    }
}

#[test]
fn a_slow_endpoint_is_blamed_only_if_another_one_is_faster() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 2);
    dial(&mut selector, Duration::ZERO, |_| true).unwrap();
    selector.dial_slow(ids[0], SECOND);
    assert_eq!(selector.active(), None);
    assert!(selector.dialed(ids[1], SECOND));
    assert_eq!(selector.active(), Some(ids[1]));
}

#[test]
fn an_endpoint_that_is_removed_is_left_and_the_others_keep_their_history() {
    let (mut selector, ids) = selector(FailoverOptions::new(), 3);
    dial(&mut selector, Duration::ZERO, |_| true).unwrap();
    let names: Vec<Arc<str>> = ["2", "3", "1"].map(Into::into).into();
    let now = selector.set_endpoints(&names);
    assert_eq!((now[0], now[2]), (ids[2], ids[1]));
    assert!(!ids.contains(&now[1]));
    assert_eq!(selector.active(), None);
    assert!(
        !selector.dialed(ids[0], SECOND),
        "an attempt that was under way"
    );
}

#[test]
fn the_client_returns_to_an_endpoint_that_was_healthy_for_long_enough() {
    let options = FailoverOptions::new().failback_after(8 * SECOND);
    let (mut selector, ids) = selector(options, 2);
    let (id, _) = dial(&mut selector, Duration::ZERO, |id| id == ids[1]).unwrap();
    assert_eq!(id, ids[1]);
    let mut returned = None;
    for second in 1..30 {
        let now = second * SECOND;
        while let Some(probed) = selector.next_probe(now) {
            assert_eq!(probed, ids[0], "only preferred endpoints are probed");
            // It fails once more.
            if selector.probed(probed, second != 3, now) {
                returned.get_or_insert(second);
            }
        }
    }
    // The probes are due every two seconds.
    assert_eq!((returned, selector.active()), (Some(13), Some(ids[0])));
    assert_eq!(selector.next_probe_at(), None);
}

/// An endpoint that answers probes but loses its connections is not returned to again and again.
#[test]
fn an_endpoint_that_limps_gets_fewer_and_fewer_chances() {
    let hour = Duration::from_secs(3600);
    for failback in [None, Some(10 * SECOND)] {
        let mut options = FailoverOptions::new();
        options.failback_after = failback;
        let (mut selector, ids) = selector(options, 2);
        let mut connection: Option<(EndpointId, Sequence, Duration)> = None;
        let mut now = Duration::ZERO;
        while now < hour {
            now += SECOND / 10;
            if let Some((id, began, opened)) = connection
                && id == ids[0]
                && now > opened + SECOND
            {
                selector.lost(id, began, opened, Loss::Lost, now);
                selector.closed(id);
                connection = None;
            }
            let is_outdated = |(id, ..): &(EndpointId, _, _)| selector.active() != Some(*id);
            if connection.as_ref().is_some_and(is_outdated) {
                selector.closed(connection.take().unwrap().0);
            }
            if connection.is_none()
                && let Some((id, began)) = dial(&mut selector, now, |_| true)
            {
                selector.established(id);
                connection = Some((id, began, now));
            }
            while let Some(id) = selector.next_probe(now) {
                selector.probed(id, true, now);
            }
        }
        let expected = if failback.is_some() { 1..=30 } else { 1..=1 };
        assert!(
            expected.contains(&selector.moves()),
            "{failback:?}: {}",
            selector.moves()
        );
    }
}

/// Whatever fails, the endpoint in use is one of the list, at most one is in use, a client without
/// connections always finds an endpoint that works, and no endpoint that works is left without a
/// reason.
#[test]
fn random_schedules_keep_the_rules() {
    let schedules = std::env::var("SWARM_FAILOVER_SCHEDULES").map_or(300, |n| n.parse().unwrap());
    let (mut moves, mut opened) = (0, 0);
    for seed in 0..schedules {
        let mut random = Random(seed);
        let mut options = FailoverOptions::new().failures(random.below(3) + 1);
        options.failback_after = (random.below(2) == 0).then_some(5 * SECOND);
        let (mut selector, ids) = selector(options, random.below(4) + 1);
        let mut works = vec![true; ids.len()];
        let mut connections: Vec<(EndpointId, Sequence, Duration)> = Vec::new();
        let mut now = Duration::ZERO;
        for _ in 0..500 {
            now += Duration::from_millis(random.below(3000) as u64);
            let (at, active) = (random.below(ids.len()), selector.active());
            match random.below(6) {
                0 => works[at] = !works[at],
                1 => {
                    let is_lost = |(id, ..): &(EndpointId, _, _)| *id == ids[at] && !works[at];
                    for (id, began, since) in connections.extract_if(.., |one| is_lost(one)) {
                        selector.lost(id, began, since, Loss::Lost, now);
                        selector.closed(id);
                    }
                }
                2 => {
                    if let Some(id) = selector.next_probe(now) {
                        let is_healthy = works[ids.iter().position(|known| *known == id).unwrap()];
                        let returns = selector.probed(id, is_healthy, now);
                        assert!(!returns || is_healthy);
                    }
                }
                _ => {
                    let is_up = |id| works[ids.iter().position(|known| *known == id).unwrap()];
                    let dialed = dial(&mut selector, now, is_up);
                    if let Some((id, began)) = dialed {
                        assert!(is_up(id));
                        assert_eq!(selector.active(), Some(id));
                        if random.below(2) == 0 {
                            selector.established(id);
                        }
                        connections.push((id, began, now));
                        opened += 1;
                    } else if connections.is_empty() {
                        assert!(!works.contains(&true), "seed {seed}: none was found");
                    }
                    if let Some(active) = active.filter(|id| is_up(*id))
                        && connections.iter().any(|(id, ..)| *id == active)
                        && selector.is_usable(active)
                    {
                        assert_eq!(selector.active(), Some(active), "seed {seed}: left");
                    }
                }
            }
            let left = selector.active();
            let outdated = connections.extract_if(.., |(id, ..)| Some(*id) != left);
            outdated.for_each(|(id, ..)| selector.closed(id));
        }
        moves += selector.moves();
    }
    println!("{schedules} schedules: {opened} connections, {moves} moves");
    assert!(moves > schedules && opened > schedules);
}

/// A small generator, so that a seed gives the same schedule everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}
