//! A guide to the client: pages to be read, without code of their own.
//!
//! | page | answers |
//! |---|---|
//! | [`start`] | how to get going in five minutes |
//! | [`handles`] | which handle is for what: client, pipeline, transaction, … |
//! | [`delivery`] | whether a command ran, what is sent again, what timeouts cover and what dropping a future does |
//! | [`errors`] | what each fault looks like, and what to do about it |
//! | [`transports`] | which wires there are, what each can carry, and what happens when one is down |
//! | [`dialects`] | how deployed servers differ, and what the client makes of it |
//! | [`limits`] | how much memory it takes, and what bounds it |
//! | [`testing`] | how to test an application without a server |
//! | [`tuning`] | what to turn when it should be faster |
//!
//! Every example runs on the gateway embedded in [`swarm_gateway`](https://docs.rs/swarm-gateway).

#[doc = include_str!("start.md")]
pub mod start {}

#[doc = include_str!("handles.md")]
pub mod handles {}

#[doc = include_str!("delivery.md")]
pub mod delivery {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("transports.md")]
pub mod transports {}

#[doc = include_str!("dialects.md")]
pub mod dialects {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("tuning.md")]
pub mod tuning {}
