//! Hostile clients: the gateway answers with an error or disconnects, and keeps serving other
//! clients.

mod fuzz;
mod http;
mod memory;
mod raw;
mod tcp;
mod ws;
