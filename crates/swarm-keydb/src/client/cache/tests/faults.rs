//! The faults that caches of other clients have had, and the limits of age and memory.

use std::collections::hash_map::RandomState;
use std::time::Duration;

use crate::runtime::Instant;
use swarm_resp::Frame;

use super::super::flights::{FlightId, Flights};
use super::super::invalidation::{Invalidations, apply};
use super::super::store::Store;
use super::{announcement, announcement_of_all, get, look_up};
use crate::request_reply::PushListener;

const BUDGET: usize = 1 << 20;

fn filled(keys: &[&str]) -> (Store, Instant) {
    let (store, now) = (Store::new(BUDGET, None, RandomState::new()), Instant::now());
    for key in keys {
        let stamp = look_up(&store, key, now).unwrap_err();
        store.insert(&get(key), &Frame::bulk("old"), stamp, now, None);
        assert!(look_up(&store, key, now).is_ok());
    }
    (store, now)
}

#[test]
fn a_null_announcement_drops_everything() {
    let (store, now) = filled(&["a", "b"]);
    apply(&store, &announcement_of_all());
    assert!(look_up(&store, "a", now).is_err());
    assert!(look_up(&store, "b", now).is_err());
    assert_eq!(store.stats().flushes, 1);
}

#[test]
fn an_announcement_of_several_keys_drops_all_of_them() {
    let (store, now) = filled(&["a", "b", "c"]);
    apply(&store, &announcement(&["a", "b"]));
    assert!(look_up(&store, "a", now).is_err());
    assert!(look_up(&store, "b", now).is_err());
    assert_eq!(store.stats().invalidations, 2);
}

#[test]
fn a_value_is_not_stored_after_its_key_was_announced() {
    let (store, now) = filled(&[]);
    let stamp = look_up(&store, "a", now).unwrap_err();
    apply(&store, &announcement(&["a"]));
    store.insert(&get("a"), &Frame::bulk("old"), stamp, now, None);
    assert!(look_up(&store, "a", now).is_err());
    assert_eq!(store.stats().poisoned, 1);
}

#[test]
fn a_lost_connection_drops_everything() {
    let (store, now) = filled(&["a"]);
    let store = std::sync::Arc::new(store);
    let stamp = look_up(&store, "b", now).unwrap_err();
    let invalidations = Invalidations {
        store: store.clone(),
        as_arrays: false,
        heard: std::sync::Arc::default(),
    };
    invalidations.lost();
    assert!(look_up(&store, "a", now).is_err());
    store.insert(&get("b"), &Frame::bulk("old"), stamp, now, None);
    assert!(look_up(&store, "b", now).is_err());
}

#[test]
fn an_unreadable_announcement_drops_everything_and_other_pushes_nothing() {
    let push = |fill: &dyn Fn(&mut swarm_resp::FrameBuilder)| {
        Frame::build(|reply| reply.push_message(|push| fill(push)))
    };
    let (store, now) = filled(&["a"]);
    apply(
        &store,
        &push(&|push| {
            push.bulk(b"message");
            push.bulk(b"a");
        }),
    );
    assert!(look_up(&store, "a", now).is_ok());
    apply(
        &store,
        &push(&|push| {
            push.bulk(b"invalidate");
            push.array(|keys| keys.integer(1));
        }),
    );
    assert!(look_up(&store, "a", now).is_err());
}

#[test]
fn readers_share_a_request_unless_the_key_was_announced_since() {
    let (store, now) = filled(&[]);
    let flights = Flights::<u32>::default();
    let read = |number: u32| {
        let stamp = look_up(&store, "a", now).unwrap_err();
        let join = |work: &u32| Some((*work, None));
        flights.join_or_begin(&get("a"), stamp, join, |id: FlightId| {
            (number, (number, Some(id)))
        })
    };
    let (first, id) = read(1);
    assert_eq!((first, read(2).0), (1, 1));
    apply(&store, &announcement(&["a"]));
    // Whoever has learned of the change must not get the value of the first request.
    let (third, later) = read(3);
    assert_eq!((third, read(4).0), (3, 3));
    // The end of the first request does not end the later one.
    flights.end(&get("a"), id.unwrap());
    assert_eq!((read(5).0, flights.len()), (3, 1));
    flights.end(&get("a"), later.unwrap());
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_value_is_used_no_longer_than_its_key_lives_and_the_maximum_age() {
    let second = Duration::from_secs(1);
    for (ttl, max_age, uses) in [
        (None, None, 3),
        (Some(second), None, 1),
        (None, Some(second * 2), 2),
        (Some(second), Some(second * 2), 1),
        (Some(Duration::ZERO), None, 0),
        (Some(Duration::MAX), Some(Duration::MAX), 3),
    ] {
        let (store, now) = (
            Store::new(BUDGET, max_age, RandomState::new()),
            Instant::now(),
        );
        let stamp = look_up(&store, "a", now).unwrap_err();
        store.insert(&get("a"), &Frame::bulk("v"), stamp, now, ttl);
        let hits = (0..3).filter(|at| look_up(&store, "a", now + second * *at).is_ok());
        assert_eq!(hits.count(), uses, "{ttl:?} {max_age:?}");
    }
}

#[test]
fn memory_stays_within_the_budget() {
    let (store, now) = (Store::new(BUDGET, None, RandomState::new()), Instant::now());
    for number in 0..10_000 {
        let key = format!("key:{number}");
        let stamp = look_up(&store, &key, now).unwrap_err();
        let value = Frame::bulk("v".repeat(number % 2_000));
        store.insert(&get(&key), &value, stamp, now, None);
        assert!(store.stats().bytes <= BUDGET, "{:?}", store.stats());
    }
    let stats = store.stats();
    assert!(stats.entries > 100 && stats.evictions > 1_000, "{stats:?}");
}
