//! Integration tests of the gateway's client-facing behavior.

mod backends;
mod client;
mod close_drops;
mod collections;
mod commands;
#[cfg(feature = "control")]
mod control;
mod cr_lf;
mod dialects;
mod errorstats;
mod faults;
mod forwarding;
#[cfg(feature = "lua")]
mod functions;
mod handshake;
mod http;
mod http_idle;
mod introspection;
mod json;
mod lifecycle;
mod nagle;
mod peer;
mod program;
mod pubsub;
#[path = "../redis/mod.rs"]
mod redis;
mod redis_backend;
mod scripts;
mod single_quirks;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod torn;
mod tracking;
mod transactions;
mod upstream;
mod write_queue;
