//! What no honest client sends: an error or the end answers it, and everybody else is served as before.

mod fuzz;
mod http;
mod memory;
mod raw;
mod tcp;
mod ws;
