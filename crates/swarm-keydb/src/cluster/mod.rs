//! Client of a Redis Cluster, whose nodes share the keys among them by hash slot.
//!
//! A [`Client`] has the same command methods as [`crate::Client`]. It sends each command to the
//! node that owns the slot of its keys, and follows slots that move. See the
//! [guide](crate::guide::cluster) for what a cluster guarantees, and what it does not.
//!
//! ```
//! use swarm_keydb::cluster::Client;
//!
//! # async fn example() -> swarm_keydb::Result<()> {
//! let client = Client::connect("redis+cluster://10.0.0.1:7000,10.0.0.2:7000").await?;
//! client.set("session", "ann").await?;
//! let values = client.mget(["session", "visits"]).await?;
//! assert_eq!(values[0].as_deref(), Some(b"ann".as_slice()));
//! # Ok(())
//! # }
//! ```

mod address;
mod blocking;
mod call;
mod client;
mod follow;
mod handle;
mod join;
mod joined;
mod machine;
mod options;
mod pipeline;
mod plan;
mod read;
mod read_from;
mod readers;
mod refusal;
mod reply;
mod routed;
mod router;
mod scan;
mod shards;
mod slot;
mod subscribe;
mod target;
mod transaction;

pub use client::Client;
pub use options::Options;
pub use pipeline::Pipeline;
pub use read_from::ReadFrom;
pub use reply::Reply;
pub use scan::{ElementStream, ScanStream};
pub use transaction::Transaction;
