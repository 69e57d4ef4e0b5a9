//! Other clients to compare with.

pub mod fred;
pub mod redis_rs;
pub mod rustis;
