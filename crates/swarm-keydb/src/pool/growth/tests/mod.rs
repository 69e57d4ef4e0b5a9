//! Tests of the rule: by hand, with random events, and by simulation.

mod random;
mod rules;
mod simulation;

use super::*;
