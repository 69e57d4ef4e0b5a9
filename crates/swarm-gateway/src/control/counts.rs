//! Operations on counts of executed commands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::door::{Door, Wait};
use super::problem::Problem;
use super::route::{Body, CommandName, Nothing};

/// How often commands have run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Executions {
    /// Counts by the commands' names in upper case; a subcommand follows after `|`, as in
    /// `CLIENT|ID`. Commands that have not run are absent.
    executions: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Execution {
    command: String,
    /// How often the command has run, across all connections.
    executions: u64,
}

impl Body for Execution {}
impl Body for Executions {}

pub(super) async fn all(door: Door, (): (), _: Nothing) -> Result<Executions, Problem> {
    let executions = door.gateway()?.shared().faults.counts();
    Ok(Executions { executions })
}

pub(super) async fn of(
    door: Door,
    CommandName(command): CommandName,
    _: Nothing,
) -> Result<Execution, Problem> {
    let executions = door.gateway()?.shared().faults.executions(&command);
    Ok(Execution {
        command,
        executions,
    })
}

pub(super) async fn wait(
    door: Door,
    CommandName(command): CommandName,
    wait: Wait,
) -> Result<Execution, Problem> {
    // Not the gateway itself, which the wait would keep alive.
    let faults = door.gateway()?.shared().faults.clone();
    let in_time = wait.over(faults.executed(&command, wait.count)).await?;
    let executions = faults.executions(&command);
    match in_time {
        true => Ok(Execution {
            command,
            executions,
        }),
        false => Err(wait.timed_out(&format!("{command} has run"), executions)),
    }
}
