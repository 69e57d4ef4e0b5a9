//! What clients see of a gateway.

mod client;
mod commands;
mod dialects;
mod faults;
mod handshake;
mod http;
mod json;
mod lifecycle;
mod pubsub;
mod tcp;
mod tracking;
mod transactions;
