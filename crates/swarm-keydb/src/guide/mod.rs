//! A guide to the client. These modules hold documentation only.
//!
//! | page | topic |
//! |---|---|
//! | [`start`] | getting started in five minutes |
//! | [`handles`] | which handle to use: client, pipeline, bulk, transaction, … |
//! | [`connections`] | how many connections a client opens, and which commands stay in order |
//! | [`servers`] | when one server is not enough: several gateways, Sentinel, Cluster |
//! | [`guarantees`] | what each server guarantees: atomicity, isolation, expiry, delivery of messages |
//! | [`delivery`] | whether a command ran, retries, timeouts, cancellation |
//! | [`commands`] | each command: its method, transports, servers and retries |
//! | [`errors`] | each error, and how to handle it |
//! | [`mistakes`] | common mistakes, and the error for each |
//! | [`transports`] | what each transport supports, reconnects, and the HTTP fallback |
//! | [`browser`] | the client in a web page |
//! | [`dialects`] | how deployed servers differ, and how the client adapts |
//! | [`caching`] | answering reads from memory until the server announces a change |
#![cfg_attr(
    feature = "cluster",
    doc = "| [`cluster`] | Redis Cluster: slots, order, redirects, failover |"
)]
//! | [`limits`] | memory use and its bounds |
//! | [`many_writes`] | loading many records: bounded concurrency, errors, resuming |
//! | [`observability`] | logs, OpenTelemetry spans, and metrics |
//! | [`testing`] | testing an application without a server |
//! | [`tuning`] | performance |
//!
//! The examples run on the gateway embedded in [`swarm_gateway`](https://docs.rs/swarm-gateway).

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("handles.md")]
pub mod handles {}

#[doc = include_str!("connections.md")]
pub mod connections {}

#[doc = include_str!("servers.md")]
pub mod servers {}

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[doc = include_str!("commands.md")]
pub mod commands {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("mistakes.md")]
pub mod mistakes {}

#[doc = include_str!("transports.md")]
pub mod transports {}

#[doc = include_str!("browser.md")]
pub mod browser {}

#[doc = include_str!("dialects.md")]
pub mod dialects {}

#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
#[doc = include_str!("caching.md")]
pub mod caching {}

#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
#[doc = include_str!("cluster.md")]
pub mod cluster {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("many_writes.md")]
pub mod many_writes {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("tuning.md")]
pub mod tuning {}
