//! Shared by the test suites: servers, clients, and time limits.

mod checks;
mod cluster;
pub mod failover;
mod kills;
mod order;
mod proxy;
mod redis;
mod sentinels;
mod surface;
mod target;

pub use checks::{Check, Finding, Keys, checks, listen};
pub use cluster::Cluster;
pub use kills::{Killed, kill_repeatedly, serve_until_killed};
pub use order::{Findings, Load};
pub use proxy::{Proxy, free_address};
pub use redis::Redis;
pub use sentinels::{PRIMARY, Sentinels};
pub use surface::{Scan, Surface};
pub use target::{Target, targets};

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_keydb::{Client, ClientOptions};

/// Compiles and runs the examples of pages outside of the crates.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/from-go.md")]
    struct FromGo;
    #[doc = include_str!("../../docs/from-js.md")]
    struct FromJs;
    #[doc = include_str!("../../docs/from-python.md")]
    struct FromPython;
    #[doc = include_str!("../../docs/from-redis-rs.md")]
    struct FromRedisRs;
    #[doc = include_str!("../../docs/real-server.md")]
    struct RealServer;
}

/// The deployed server without its write queue, for tests that do not depend on write latency.
pub const UPSTREAM: Dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);

/// Time limit of a test step. Shorter than every default timeout of the client (10 s and more), so
/// that no test passes because a default timeout has expired.
const LIMIT: u64 = 5;

/// Awaits a step that must complete soon; a hang becomes a failure.
///
/// # Panics
///
/// Panics if the step takes longer than 5 s. Use [`within_secs`] for steps that do more work.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    within_secs(LIMIT, work).await
}

/// Awaits a step that takes longer than 5 s because of the work it does. The caller states the
/// reason in a comment.
///
/// # Panics
///
/// Panics if the step takes longer than `secs` seconds.
pub async fn within_secs<T>(secs: u64, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(secs), work)
        .await
        .unwrap_or_else(|_| panic!("timed out after {secs} s"))
}

/// Returns a gateway without quirks, and a client connected to it.
pub async fn connected() -> (Gateway, Client) {
    connected_to(Dialect::STANDARD).await
}

/// Returns a gateway with the given dialect, and a client connected to it.
pub async fn connected_to(dialect: Dialect) -> (Gateway, Client) {
    let gateway = gateway(dialect).await;
    let client = within(Client::connect(gateway.ws_url()))
        .await
        .expect("the gateway is there");
    (gateway, client)
}

/// Returns a gateway without quirks, and a client with the given options.
pub async fn connected_with(
    options: impl FnOnce(ClientOptions) -> ClientOptions,
) -> (Gateway, Client) {
    let gateway = gateway(Dialect::STANDARD).await;
    let options = options(ClientOptions::new(gateway.ws_url()));
    let client = within(Client::connect(options))
        .await
        .expect("the gateway is there");
    (gateway, client)
}

/// Returns a gateway with the given dialect.
pub async fn gateway(dialect: Dialect) -> Gateway {
    let builder = Gateway::builder().dialect(dialect).ws("127.0.0.1:0");
    within(builder.start()).await.expect("a free port")
}

/// Returns every dialect that a client may encounter, by name.
pub fn dialects() -> Vec<(&'static str, Dialect)> {
    vec![
        ("standard", Dialect::STANDARD),
        ("upstream", UPSTREAM),
        ("array-errors", Dialect::STANDARD.with(Quirk::ArrayErrors)),
        ("hello-garbage", Dialect::STANDARD.with(Quirk::HelloGarbage)),
        (
            "upstream without hello-garbage",
            UPSTREAM.without(Quirk::HelloGarbage),
        ),
    ]
}

/// Polls a future at most `polls` times, then drops it.
pub async fn cancel_after<T>(polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(|cx| {
        let Some(next) = left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        left = next;
        work.as_mut().poll(cx).map(Some)
    })
    .await
}
