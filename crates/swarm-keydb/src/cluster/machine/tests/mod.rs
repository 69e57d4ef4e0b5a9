//! Tests of the machine: single events, and random schedules against a simulated cluster.

mod events;
mod schedules;
mod world;
