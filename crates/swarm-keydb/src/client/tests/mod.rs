//! Tests of whole clients.

#[cfg(feature = "tcp")]
mod schedules;
