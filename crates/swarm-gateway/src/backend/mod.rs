//! Boundary between client connections and the data store behind them.

pub(crate) mod memory;
pub(crate) mod redis;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use swarm_resp::{Request, RespVersion};
use tokio::sync::watch;

use crate::command_name::CommandName;
use crate::dialect::{Dialect, Quirk};
use crate::error::StoreError;
use crate::fault::Faults;
use crate::listener_kind::ListenerKind;
use crate::outbox::Outbox;
use crate::snapshot::Snapshot;
use crate::stream::Addresses;

/// A data store that client connections attach to.
pub(crate) trait Backend: Send + Sync {
    /// Returns whether links [forward](Link::forward) commands.
    fn forwards(&self) -> bool {
        false
    }

    /// Returns whether the backend applies the write queue itself.
    fn paces_writes(&self) -> bool {
        false
    }

    /// Loses what does not outlast a crash. All sessions have ended.
    fn crashed(&self) {}

    /// Copies all data.
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Err(StoreError::NotEmbedded)
    }

    /// Replaces all data.
    fn restore(&self, _: &Snapshot) -> Result<(), StoreError> {
        Err(StoreError::NotEmbedded)
    }

    /// Opens a session for one client connection. Session state lives as long as the returned link.
    fn open(&self, client: Client) -> Box<dyn Link>;
}

/// Client connection as seen by a backend.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: u64,
    /// Receives replies and pushes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) faults: Faults,
    pub(crate) quirks: Quirks,
    pub(crate) addresses: Addresses,
    pub(crate) listener: ListenerKind,
    /// Set for a session that serves a single HTTP request.
    pub(crate) is_http: bool,
    /// Password that AUTH and HELLO require.
    pub(crate) password: Option<Bytes>,
    /// Number of the EXEC or script that is running.
    pub(crate) burst: Option<u64>,
}

/// Deviations of deployed servers that a backend reproduces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quirks {
    /// CLIENT TRACKING announces every key written by others, whatever its options.
    pub(crate) tracks_everything: bool,
    /// Commands are SwarmKeyDb's.
    pub(crate) swarm: bool,
    /// Errors and status replies keep their line breaks.
    pub(crate) line_breaks: bool,
    /// TTL rounds down.
    pub(crate) floored_ttl: bool,
    /// SCAN cursors are offsets into the sorted keys.
    pub(crate) offset_cursors: bool,
    /// XAUTOCLAIM returns no end.
    pub(crate) endless_autoclaim: bool,
    /// Acknowledgments of SUBSCRIBE are arrays in RESP3, too.
    pub(crate) plain_messages: bool,
    /// INCRBY with a text crashes the connection.
    pub(crate) incrby_crash: bool,
}

impl Quirks {
    pub(crate) const fn of(dialect: Dialect) -> Self {
        Self {
            tracks_everything: dialect.has(Quirk::TrackingEverything),
            swarm: dialect.has(Quirk::SwarmCommands),
            line_breaks: dialect.has(Quirk::CrLf),
            floored_ttl: dialect.has(Quirk::FlooredTtl),
            offset_cursors: dialect.has(Quirk::OffsetCursors),
            endless_autoclaim: dialect.has(Quirk::EndlessAutoclaim),
            plain_messages: dialect.has(Quirk::PlainMessages),
            incrby_crash: dialect.has(Quirk::IncrbyCrash),
        }
    }
}

/// Session of one client with the store.
pub(crate) trait Link: Send {
    /// Runs one command and puts its replies into the client's outbox. `name` is the first argument
    /// in upper case.
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called;

    /// Forwards a command as it is. Returns `false`, and does nothing, if it must be
    /// [called](Self::call) instead.
    fn forward(&mut self, name: &CommandName, request: &Request) -> bool {
        let _ = (name, request);
        false
    }

    /// Goes on with a command whose [detached](Called::Detached) part is over.
    fn go_on(&mut self) -> Called {
        Called::Done
    }

    /// Begins a turn of the connection. Commands within a turn may share a reading of the clock.
    fn begin_turn(&mut self) {}

    /// Sends and receives what [forwarded](Called::Forwarded) commands need. Ready once the replies
    /// to all of them are in the outbox; receives pushes even then.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Returns whether replies to forwarded commands are not in the outbox yet.
    fn is_in_flight(&self) -> bool {
        false
    }

    /// Returns whether commands are being queued for EXEC. Accurate unless commands are in flight
    /// that [must be alone](Forwarded::Alone).
    fn in_transaction(&self) -> bool;

    /// Returns whether a new connection needs no login, if the backend has users.
    fn starts_authenticated(&self) -> Option<bool> {
        None
    }

    /// Logs the connection in with the arguments of AUTH, if the backend has users. `command` is
    /// AUTH or HELLO.
    ///
    /// # Errors
    ///
    /// The text of the error reply if the credentials are wrong.
    fn authenticate(
        &mut self,
        command: &'static str,
        credentials: &[Bytes],
    ) -> Option<Result<(), String>> {
        let _ = (command, credentials);
        None
    }

    /// Switches the protocol and sets the connection name, as HELLO with SETNAME does. Returns the
    /// connection ID. The link must be polled until the future completes.
    ///
    /// # Errors
    ///
    /// The text of the error reply if the request is rejected.
    fn greet(
        &mut self,
        protocol: Option<RespVersion>,
        name: Option<&Bytes>,
    ) -> BoxFuture<'static, Result<u64, String>>;
}

/// Progress of a command.
pub(crate) enum Called {
    /// Replies are in the outbox.
    Done,
    /// Sent to a server behind the gateway. [`Link::poll`] puts the replies into the outbox.
    Forwarded(Forwarded),
    /// Writes step by step and runs to completion even if the client disconnects. While `blocked`
    /// is set, the command waits for data, and dropping the future cancels it.
    Detached {
        over: BoxFuture<'static, ()>,
        blocked: watch::Receiver<bool>,
    },
    /// Waits for data. The next command must not run before the future completes; dropping it
    /// cancels the command.
    Blocked(BoxFuture<'static, ()>),
}

/// What else may happen while a forwarded command is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarded {
    /// Other commands may follow.
    Pipelined,
    /// The next command must not be called before the link has nothing in flight.
    Alone,
    /// Alone, and waits for data that another client could receive. Dropping the link cancels it.
    Blocking,
}
