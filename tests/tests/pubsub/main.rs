//! Pub/Sub: delivery, sharing, reconnects, slow subscribers, endings.

mod blocking;
mod delivery;
mod ending;
mod handler;
mod hearing;
mod reconnect;
mod scripted;
mod sharing;
mod slow;
