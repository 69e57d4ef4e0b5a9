//! Scripts in Lua 5.1, the version that Redis has.

mod arguments;
mod bits;
mod convert;
mod engine;
mod interpreter;
mod json;
mod library;
mod msgpack;
mod numbers;
mod pack;
mod port;
mod raised;
mod redis;
mod shared;

pub(super) use engine::Engine;
pub(super) use port::Port;
