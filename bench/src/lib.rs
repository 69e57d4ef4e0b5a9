//! Shared by the benchmarks: servers, replies to decode, and fair timing on a noisy machine.

pub mod corpus;
pub mod lower_bound;
pub mod server;
pub mod timing;
