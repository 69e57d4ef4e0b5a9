//! Blocking client for programs without an async runtime.
//!
//! It has the same commands as the async client; each call returns its reply.
//!
//! # Examples
//!
//! ```
//! use swarm_keydb::blocking::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let gateway = swarm_gateway::blocking::test()?;
//! # let url = gateway.ws_url();
//! let client = Client::connect(url)?;
//! client.set("hello", "world")?;
//! assert_eq!(client.get("hello")?.as_deref(), Some(b"world".as_slice()));
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! An async [client](crate::Client) does the work on one background thread, which all clones of a
//! blocking client share. It reconnects, pipelines the calls of many threads, and enforces
//! deadlines and retries. The thread ends when the last clone is dropped.
//!
//! A blocking client may be used on plain threads, inside async code of any runtime, and in `Drop`.
//! A call blocks its thread. In async code, that delays the other tasks of the thread, so prefer
//! the async client or `spawn_blocking` there. Calls on the client's own background thread, where
//! message handlers run, return an error.
//!
//! A client does not survive `fork`, because threads do not. Connect in the child process.

mod bulk;
#[cfg(feature = "cache")]
mod cached;
mod client;
mod consumer;
mod exclusive;
mod pipeline;
mod runtime;
mod scan;
mod subscription;
mod transaction;
#[cfg(test)]
mod twins;

pub use bulk::Bulk;
#[cfg(feature = "cache")]
pub use cached::Cached;
pub use client::Client;
pub use consumer::{Consumer, ConsumerBuilder, Delivery};
pub use exclusive::Exclusive;
pub use pipeline::Pipeline;
pub use scan::{Elements, Scan};
pub use subscription::{Handler, Subscription};
pub use transaction::Transaction;
