//! Tasks, timers and clock of a client, on tokio or in a browser. Only this module and the
//! transports know which of them it is.
//!
//! On native targets, all items are tokio's, so they cost nothing and follow its paused clock. In a
//! browser, they have the same names and contracts. Tokio's channels and macros work everywhere;
//! its runtime and timers do not exist in a browser, so other code cannot use them by mistake.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use native as platform;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use web as platform;

pub(crate) use platform::{
    AbortHandle, Elapsed, EnterGuard, Instant, JoinHandle, Sleep, StdInstant, SystemTime, Tasks,
    consume_budget, into_std, pause, sleep, sleep_until, timeout, timeout_at, unconstrained,
};
