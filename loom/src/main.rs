//! Checks the client's queue and reply channel with loom: every schedule with up to three preemptions.
//!
//! Run with `cargo xtask loom`. Both modules are compiled from the client's sources; only their synchronization primitives are
//! loom's. Tokio's semaphore, in which senders wait, is taken as correct.

#![allow(
    dead_code,
    reason = "the modules have more methods than the models use"
)]

#[path = "../../crates/swarm-keydb/src/request_reply/queue/mod.rs"]
mod queue;
#[path = "../../crates/swarm-keydb/src/request_reply/reply_channel.rs"]
mod reply_channel;

mod sync {
    pub(super) use std::sync::PoisonError;

    pub(super) use loom::sync::atomic::{AtomicUsize, Ordering};
    pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
}

mod models;

/// How often a thread is interrupted in one schedule: three find nearly all bugs that exist, and take seconds.
const MAX_PREEMPTIONS: usize = 3;

fn main() {
    for (name, model) in models::MODELS {
        let start = std::time::Instant::now();
        let mut check = loom::model::Builder::new();
        check.preemption_bound = Some(MAX_PREEMPTIONS);
        check.check(model);
        println!("{name}: ok in {:.1?}", start.elapsed());
    }
}
