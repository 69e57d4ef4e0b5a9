//! Operations on the clock.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::door::Door;
use super::problem::{Code, Problem};
use super::route::{Body, Nothing};
use crate::clock::Clock;

/// End of the year 9999. Arithmetic with later times could overflow.
const LATEST: i64 = 253_402_300_799_999;

/// The clock that keys expire by.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Time {
    /// Whether the clock stands still until it is advanced.
    manual: bool,
    /// Milliseconds since the Unix epoch.
    unix_ms: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    milliseconds: u64,
}

fn read(clock: &Clock) -> Time {
    Time {
        manual: clock.is_manual(),
        unix_ms: clock.unix_millis(),
    }
}

impl Body for Advance {}
impl Body for Time {}

pub(super) async fn get(door: Door, (): (), _: Nothing) -> Result<Time, Problem> {
    Ok(read(&door.gateway()?.shared().clock))
}

pub(super) async fn advance(door: Door, (): (), by: Advance) -> Result<Time, Problem> {
    let gateway = door.gateway()?;
    let clock = &gateway.shared().clock;
    if !clock.is_manual() {
        let text = "the clock is the system's; start the gateway with --manual-clock, or \
                    `Clock::manual` in Rust";
        return Err(Problem::new(Code::ClockNotManual, text));
    }
    let by = by.milliseconds;
    let then = i64::try_from(by).map(|by| clock.unix_millis().saturating_add(by));
    if then.map_or(true, |then| then > LATEST) {
        let text = "`milliseconds` would advance the clock beyond the year 9999";
        return Err(Problem::new(Code::InvalidRequest, text));
    }
    clock.advance(Duration::from_millis(by));
    Ok(read(clock))
}
