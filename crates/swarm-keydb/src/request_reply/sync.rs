//! Synchronization primitives of the queue and the reply channel. The loom tests compile both with loom's instead.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
