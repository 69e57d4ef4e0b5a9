//! Operations on the data.

use super::door::Door;
use super::problem::Problem;
use super::route::Nothing;
use crate::snapshot::Snapshot;

pub(super) async fn snapshot(door: Door, (): (), _: Nothing) -> Result<Snapshot, Problem> {
    Ok(door.gateway()?.shared().backend.snapshot()?)
}

pub(super) async fn restore(door: Door, (): (), saved: Snapshot) -> Result<Nothing, Problem> {
    door.gateway()?.shared().backend.restore(&saved)?;
    Ok(Nothing {})
}

pub(super) async fn flush(door: Door, (): (), _: Nothing) -> Result<Nothing, Problem> {
    restore(door, (), Snapshot::default()).await
}
