//! Tests of the cache without a connection.

mod faults;
mod model;

use crate::runtime::Instant;
use bytes::Bytes;
use swarm_resp::{Frame, Request};

use super::store::Store;
use super::validity::Stamp;

fn get(key: &str) -> Bytes {
    Request::new("GET", key).encoded().clone()
}

/// Looks up `GET key`.
fn look_up(store: &Store, key: &str, now: Instant) -> Result<Frame, Stamp> {
    (store.hit(&get(key), || now)).ok_or_else(|| store.miss(key.as_bytes()))
}

/// The message that announces changes of keys.
fn announcement(keys: &[&str]) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| {
            push.bulk(b"invalidate");
            push.array(|list| keys.iter().for_each(|key| list.bulk(key.as_bytes())));
        });
    })
}

/// The message that announces that all keys have changed.
fn announcement_of_all() -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| {
            push.bulk(b"invalidate");
            push.null();
        });
    })
}
