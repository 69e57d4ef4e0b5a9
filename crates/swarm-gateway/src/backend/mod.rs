//! What stands behind the doors: the seam between connections and data.

pub(crate) mod memory;
pub(crate) mod redis;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use swarm_resp::RespVersion;
use tokio::sync::watch;

use crate::dialect::{Dialect, Quirk};
use crate::fault::Faults;
use crate::outbox::Outbox;

/// A store that connections are opened to.
pub(crate) trait Backend: Send + Sync {
    /// Whether the backend itself makes writes wait for the write queue.
    fn paces_writes(&self) -> bool {
        false
    }

    /// Opens the line of one client connection, whose state lives as long as the line.
    fn open(&self, client: Client) -> Box<dyn Link>;
}

/// A client connection, as a backend sees it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: u64,
    /// Where replies and pushes go.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) faults: Faults,
    pub(crate) quirks: Quirks,
    /// It is one request over HTTP.
    pub(crate) is_http: bool,
    /// The number of the EXEC or script that runs.
    pub(crate) burst: Option<u64>,
}

/// What a backend does as the deployed server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quirks {
    /// CLIENT TRACKING tells of every key that others write, whatever is asked.
    pub(crate) tracks_everything: bool,
    /// Streams are as SwarmKeyDb has them, and so are the refusals of what it does not know.
    pub(crate) streams: bool,
    /// Texts of errors and status replies keep their line breaks.
    pub(crate) line_breaks: bool,
}

impl Quirks {
    pub(crate) const fn of(dialect: Dialect) -> Self {
        Self {
            tracks_everything: dialect.has(Quirk::TrackingEverything),
            streams: dialect.has(Quirk::SwarmStreams),
            line_breaks: dialect.has(Quirk::CrLf),
        }
    }
}

/// One client's line to the store.
pub(crate) trait Link: Send {
    /// Runs one command (`name` is its first argument in capitals) and puts its replies into the client's outbox.
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called;

    /// Whether commands are being queued for EXEC.
    fn in_transaction(&self) -> bool;

    /// Changes the protocol and the connection's name, as HELLO and its option SETNAME do. Gives the connection's number;
    /// the error is the text of the refusal.
    fn greet(
        &mut self,
        protocol: Option<RespVersion>,
        name: Option<&Bytes>,
    ) -> BoxFuture<'static, Result<u64, String>>;
}

/// How far a command got.
pub(crate) enum Called {
    /// Its replies are in the outbox.
    Done,
    /// It is under way: its replies will be in the outbox when this is over.
    Soon(BoxFuture<'static, ()>),
    /// It writes, step by step, to the end even if the client is gone by then. While it is `blocked`, it waits for data, and
    /// dropping it withdraws it.
    Detached {
        over: BoxFuture<'static, ()>,
        blocked: watch::Receiver<bool>,
    },
    /// It waits for data. The next command must not run before this is over; dropping it withdraws the command.
    Blocked(BoxFuture<'static, ()>),
}
