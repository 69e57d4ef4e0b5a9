//! The other clients.

pub mod fred;
pub mod redis_rs;
pub mod rustis;
