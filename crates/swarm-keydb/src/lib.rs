//! Async client for SwarmKeyDb and other Redis-compatible servers.
//!
//! Any number of tasks share one [`Client`]: clone it, and call it through `&self`. Each command is
//! a method that returns a [`Reply`], a future that sends the command when it is first polled.
//!
//! ```
//! use std::time::Duration;
//! use swarm_keydb::{Client, ClientOptions, SetOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let gateway = swarm_gateway::test().await?;
//! # let url = gateway.ws_url();
//! let options = ClientOptions::new(url).request_timeout(Duration::from_secs(5));
//! let client = Client::connect(options).await?;
//!
//! client.set_with("session", "ann", SetOptions::new().ex(60)).await?;
//! let visits = client.incr("visits").await?;
//! let values = client.mget(["session", "visits", "missing"]).await?;
//! assert_eq!(visits, 1);
//! assert_eq!(values[0].as_deref(), Some(b"ann".as_slice()));
//! assert_eq!(values[2], None);
//! # Ok(())
//! # }
//! ```
//!
//! # Guide
//!
//! * [Getting started](guide::start): connect, write, read, share a client between tasks.
//! * [Handles](guide::handles): client, pipeline, transaction and the others.
//! * [Server guarantees](guide::guarantees): atomicity and isolation, which SwarmKeyDb does not
//!   provide between clients.
//! * [Errors](guide::errors): each error, and how to handle it.
//! * The rest of the [guide]: delivery, transports, dialects, limits, testing, tuning.
//!
//! [`ClientOptions`] lists all options of a client.
//!
//! # Guarantees
//!
//! * Replies reach the right caller, even if other callers time out or are cancelled.
//! * The client retries a command only if it was never sent, is read-only, or you allow it.
//!   [`Error::outcome`] tells you whether a failed command ran. Over HTTP in a web page, a
//!   [browser may repeat a write](guide::browser#what-differs) by itself.
//! * Every command completes within its timeout: [`ClientOptions::request_timeout`], or
//!   [`Reply::timeout`] for one command.
//! * All futures are cancel-safe for other callers: dropping one never affects another. A command
//!   that was not sent yet is never sent.
//!
//! See [delivery](guide::delivery) for details.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `ws` | `ws://`: SwarmKeyDb's WebSocket gateway | yes |
//! | `http` | `http://`, and the HTTP fallback while the WebSocket is unavailable | yes |
//! | `tcp` | `redis://`, `redis+unix://`: RESP over TCP and Unix sockets | yes |
//! | `web` | `ws` and `http`, which a [page in a browser](guide::browser) has, too | |
//! | `tls` | `wss://`, `https://`, `rediss://`: rustls with ring, which needs a C compiler | |
//! | `cluster` | `cluster`: a client of a Redis Cluster | |
//! | `blocking` | [`blocking`]: the same API for programs without an async runtime | |
//! | `failover` | lists of servers as URL: [several servers](guide::servers) | yes |
//! | `sentinel` | `redis+sentinel://`: the primary that [sentinels](guide::servers#sentinel) name | |
//! | `cache` | [`Cached`]: reads that are answered from memory until the server announces a change | |
//! | `serde` | `hset_struct`, `hget_struct`: structs stored as hashes | |
//! | `json` | [`Json`]: JSON values; includes `serde` | |
//!
//! Features are additive. The client requires a tokio runtime, except in a browser
//! (`wasm32-unknown-unknown`), where `tcp`, `tls` and `blocking` do not compile.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test says what it expects by failing"
    )
)]

#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
pub mod cluster;
mod command;
mod commands;
mod connection;
mod credentials;
mod effect;
mod error;
mod failure;
pub mod guide;
mod handles;
#[cfg(feature = "json")]
mod json;
mod key;
mod options;
mod pool;
mod pubsub;
mod request_reply;
mod runtime;
mod server;
mod status;

pub mod prelude {
    //! Traits with the commands of every handle, for code that is generic over handles.
    //!
    //! Handles have the same methods themselves, so most programs need no import.
    //!
    //! ```
    //! use swarm_keydb::{Client, Executor, prelude::*};
    //!
    //! /// Works on clients, pipelines and transactions.
    //! fn visit<H: Executor>(handle: &H) -> H::Output<i64> {
    //!     handle.incr("visits")
    //! }
    //!
    //! # #[tokio::main(flavor = "current_thread")]
    //! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    //! # let gateway = swarm_gateway::test().await?;
    //! # let client = Client::connect(gateway.ws_url()).await?;
    //! assert_eq!(visit(&client).await?, 1);
    //! let pipeline = client.pipeline();
    //! let visits = visit(&pipeline);
    //! assert_eq!(pipeline.send(visits).await?, 2);
    //! # Ok(())
    //! # }
    //! ```
    #[cfg(feature = "serde")]
    pub use crate::commands::StructCommands;
    pub use crate::commands::{
        AclCommands, BitmapCommands, DiagnosticCommands, FunctionCommands, GeoCommands,
        HashCommands, HyperLogLogCommands, KeyCommands, ListCommands, PubSubCommands, RawCommands,
        RunScript, ScriptCommands, ServerCommands, SetCommands, SortedSetCommands, StreamCommands,
        StringCommands, SwarmCommands,
    };
}

pub use bytes::Bytes;
pub use client::{
    Bulk, Client, Closed, Consumer, ConsumerBuilder, DeadLetter, DeletedEntries, Delivery,
    ElementStream, Exclusive, Handles, Pipeline, Queued, Reply, ScanStream, StopHandle,
    Transaction,
};
#[cfg(feature = "cache")]
#[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
pub use client::{CacheOptions, CacheStats, Cached, CachedReply};
pub use command::{Command, Executor};
pub use commands::{
    AclCommands, BitmapCommands, DiagnosticCommands, FunctionCommands, GeoCommands, HashCommands,
    HyperLogLogCommands, ListCommands, SetCommands, SortedSetCommands,
};
pub use commands::{
    Aggregate, BitField, BitGets, BitOffset, BitOp, BitOverflow, BitType, BitUnit, ClientKill,
    ClientPause, ClientType, CopyOptions, ExpireIf, ExpireTime, FieldExpiry, FunctionRestore,
    GeoAddOptions, GeoCenter, GeoMatch, GeoPoint, GeoSearch, GeoUnit, GetEx, LPosOptions,
    LatencyEvent, LcsMatch, LcsMatches, LexBounds, ListEnd, Replica, RestoreOptions, Role,
    ScanItems, SlowCommand, SortOptions, ZAddOptions, ZCombineOptions, ZEnd, ZPopped, ZRange,
};
pub use commands::{
    AutoClaim, AutoClaimIds, ConsumerInfo, GroupInfo, GroupRead, NewId, ParseStreamIdError,
    PendingEntry, PendingSummary, ReadAfter, StreamBatch, StreamCommands, StreamEntry,
    StreamFields, StreamId, StreamIds, StreamInfo, Trim, XAddOptions, XClaimOptions,
    XPendingOptions, XReadGroupOptions, XReadOptions,
};
pub use commands::{
    KeyCommands, KeyType, NoTtl, PubSubCommands, RawCommands, Resync, RunScript, ScanOptions,
    ScanPage, Script, ScriptCommands, ServerCommands, ServerInfo, SetOptions, StringCommands,
    SwarmCommands, Ttl,
};
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use commands::{StructCommands, StructError};
pub use credentials::Credentials;
pub use error::{Error, ErrorKind, Outcome, Result};
#[cfg(feature = "json")]
pub use json::{Json, JsonError, JsonErrorCategory, JsonText};
pub use key::{ToFields, ToKey, ToKeys, ToPairs};
#[cfg(feature = "sentinel")]
#[cfg_attr(docsrs, doc(cfg(feature = "sentinel")))]
pub use options::SentinelOptions;
pub use options::{
    ClientOptions, CommandOrder, ErrorEncoding, FallbackScope, HttpFallback, Operation,
    ProtocolVersion, RetryPolicy,
};
pub use pubsub::{Event, Handler, Message, Overflow, SubscribeOptions, Subscribing, Subscription};
pub use server::ServerKind;
pub use status::{DedicatedStats, Growth, RoundTrips, SharedStats, State, StateWatch, Stats};
pub use swarm_resp::{
    Arg, ArgSink, ConvertError, Frame, FrameRef, FromFrame, Limits, Milliseconds, Request, Seconds,
    ServerError, ToArg, ToArgs,
};
pub use swarm_transport::failover::FailoverOptions;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use swarm_transport::tls::TlsOptions;
pub use swarm_transport::{Connect, TransportError, TransportErrorKind, TransportOptions};

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
