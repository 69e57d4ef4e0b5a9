//! Control door, driven as a foreign program would: with raw HTTP, and with Python.

mod access;
mod contract;
mod door;
mod operations;
mod python;
mod readme;
mod snapshots;
