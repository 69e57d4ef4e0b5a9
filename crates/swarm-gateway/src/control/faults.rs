//! Operations on faults.

use schemars::JsonSchema;
use serde::Serialize;

use super::door::{Door, Wait};
use super::fault::Fault;
use super::problem::{Code, Problem};
use super::registry::Seen;
use super::route::{Body, Nothing};

/// A fault that was created through the door.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FaultState {
    id: u64,
    fault: Fault,
    /// How many calls, replies or pushes the fault has applied to; null if it does not count them.
    applied: Option<u64>,
    /// How often the fault will still apply; null if it applies until it is deleted.
    remaining: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FaultList {
    /// Faults in the order in which they were created. Beyond 1,000, those that no longer apply are
    /// forgotten.
    faults: Vec<FaultState>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deleted {
    /// Number of faults.
    deleted: usize,
}

impl From<Seen<Fault>> for FaultState {
    fn from(seen: Seen<Fault>) -> Self {
        Self {
            id: seen.id,
            fault: seen.fault,
            applied: seen.applied,
            remaining: seen.remaining,
        }
    }
}

impl Body for Deleted {}
impl Body for Fault {}
impl Body for FaultList {}
impl Body for FaultState {}

pub(super) async fn create(door: Door, (): (), fault: Fault) -> Result<FaultState, Problem> {
    let faults = door.gateway()?.shared().faults.clone();
    let seen = door.faults.add(fault.clone(), || fault.create(&faults))?;
    Ok(seen.into())
}

pub(super) async fn list(door: Door, (): (), _: Nothing) -> Result<FaultList, Problem> {
    let faults = door.faults.list().into_iter().map(FaultState::from);
    let faults = faults.collect();
    Ok(FaultList { faults })
}

pub(super) async fn get(door: Door, id: u64, _: Nothing) -> Result<FaultState, Problem> {
    door.faults.get(id).map(FaultState::from)
}

pub(super) async fn wait(door: Door, id: u64, wait: Wait) -> Result<FaultState, Problem> {
    let count = usize::try_from(wait.count).unwrap_or(usize::MAX);
    let in_time = wait.over(door.faults.when_applied(id, count)?).await?;
    let seen = door.faults.get(id)?;
    let applied = seen.applied.unwrap_or(0);
    if applied >= wait.count {
        return Ok(seen.into());
    }
    Err(match in_time {
        true => Problem::new(
            Code::Replaced,
            format!("a newer fault has replaced fault {id}"),
        ),
        false => wait.timed_out("the fault has applied", applied),
    })
}

pub(super) async fn delete(door: Door, id: u64, _: Nothing) -> Result<Nothing, Problem> {
    door.faults.delete(id)?;
    Ok(Nothing {})
}

pub(super) async fn delete_all(door: Door, (): (), _: Nothing) -> Result<Deleted, Problem> {
    let deleted = door.faults.delete_all();
    Ok(Deleted { deleted })
}
