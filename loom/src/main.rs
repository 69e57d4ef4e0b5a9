//! Checks the client's queue and reply channel with loom, in every schedule of up to three
//! preemptions.
//!
//! Run with `cargo xtask loom`. Both modules are compiled from the client's sources; only their
//! synchronization primitives are loom's. Tokio's semaphore, on which senders wait, is assumed to
//! be correct.

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

mod runtime {
    pub(super) use tokio::task::unconstrained;
}

mod models;

/// Maximum number of preemptions per schedule: three find nearly all bugs, and take seconds.
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
