//! Synchronization primitives of the queue and the reply channel. The loom tests replace them with
//! loom's.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
