//! Transport contract: the same suite over WebSocket, HTTP, TCP, Unix sockets, and memory, plain
//! and with TLS.

mod acks;
mod contract;
mod faults;
mod hooks;
mod identity;
mod peer;
mod proxy;
mod wire;
