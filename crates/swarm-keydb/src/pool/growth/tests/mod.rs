//! Tests of the rule, by hand and by simulation.

mod random;
mod simulation;

use super::*;

#[test]
fn one_connection_stays_alone_without_calls() {
    let now = Instant::now();
    let mut growth = Growth::new(Limits { min: 1, max: 64 });
    growth.opened(ConnectionId::PRIMARY, None, now);
    assert_eq!(growth.plan(now, 0, |_| 0), Plan::Keep);
    assert_eq!(growth.mode(), Mode::Single);
}
