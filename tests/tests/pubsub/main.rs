//! Pub/Sub: delivery, sharing, reconnects, slow subscribers, and endings.

mod blocking;
mod delivery;
mod ending;
mod handler;
mod hearing;
mod reconnect;
mod scripted;
mod sharing;
mod slow;
