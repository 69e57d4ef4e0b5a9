//! A client for programs without an async runtime: the same commands, each a call that returns its reply.
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
//! Everything is done by the async [client](crate::Client) behind it, on one thread that all clones of a blocking client
//! share: reconnecting, pipelining of calls from many threads, deadlines, retries. The thread ends when the last clone is dropped.
//!
//! # Where it may be used
//!
//! Anywhere: on plain threads, inside async code of any runtime, in `Drop`. A call blocks the thread it is made on; in async
//! code this holds up the other tasks of that thread, so use the async client there, or `spawn_blocking`. Only on the
//! client's own thread, where handlers of messages run, calls are errors.
//!
//! A client does not survive `fork`, for threads do not: connect in the child.

mod client;
mod consumer;
mod exclusive;
mod pipeline;
mod runtime;
mod scan;
mod subscription;
mod transaction;

pub use client::Client;
pub use consumer::{Consumer, ConsumerBuilder, Delivery};
pub use exclusive::Exclusive;
pub use pipeline::Pipeline;
pub use scan::Scan;
pub use subscription::{Handler, Subscription};
pub use transaction::Transaction;
