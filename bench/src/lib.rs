//! What the benchmarks share: replies to decode, and a way to time contestants fairly on a busy machine.

pub mod corpus;
pub mod lower_bound;
pub mod timing;
