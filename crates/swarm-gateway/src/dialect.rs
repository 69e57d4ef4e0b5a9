//! Dialects: sets of quirks that reproduce deployed servers.

use std::fmt;
use std::str::FromStr;

/// A deviation of deployed servers from the documented protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// `array-errors`: command errors arrive as an array of the error's words, the first with a
    /// dash: `-ERR`, `unknown`, `command`, `'X'`. Errors about authentication, the protocol
    /// version, and malformed messages remain errors, and so do all errors over HTTP, which has its
    /// own format.
    ArrayErrors,
    /// `hello-garbage`: `HELLO 3` is answered with `*1 $2 %7`, and each later reply is a leftover
    /// of the previous one.
    HelloGarbage,
    /// `simple-as-bulk`: simple string replies arrive as bulk strings, such as `$2 OK`.
    SimpleAsBulk,
    /// `utf8-input`: messages are first decoded as UTF-8. Invalid bytes become U+FFFD, which
    /// changes the length.
    Utf8Input,
    /// `rest-discarded`: data after the first command of a message is dropped silently instead of
    /// rejected.
    RestDiscarded,
    /// `json-null-object`: in JSON mode, null arrives as `{}`, unless `json-envelope` wraps it.
    JsonNullObject,
    /// `json-envelope`: in JSON mode, replies arrive as `{"cmd":…,"data":…}` and pushes as
    /// `{"push":[…]}` instead of `{"type":"push","data":[…]}`, as in the first version of the
    /// server: `upstream,json-envelope`. Errors of the gateway itself stay as they are.
    JsonEnvelope,
    /// `tracking-everything`: `CLIENT TRACKING ON` announces every key written by others, whether
    /// or not the client has read it, and in RESP2 too.
    TrackingEverything,
    /// `overtaking`: replies to AUTH and HELLO, and rejections before authentication, overtake
    /// pending replies.
    Overtaking,
    /// `late-replies`: after a command with several replies, such as SUBSCRIBE with two names,
    /// every reply is late by that number of commands, and pushes are queued behind them.
    LateReplies,
    /// `push-buffer`: while 256 pushes are pending for a connection, further ones are dropped
    /// silently. One EXEC or script delivers at most 256 pushes to a connection, however fast it
    /// reads.
    PushBuffer,
    /// `swarm-commands`: the embedded store has SwarmKeyDb's commands instead of Redis's. Their
    /// names, options, numbers, and error texts differ, and arguments are checked when a command
    /// runs, in EXEC too. Each write of a value or stream clears the time to live. Stream IDs must
    /// be complete and stay as written, and trimmed entries leave the pending lists. WATCH and
    /// CLIENT TRACKING take the keys of each successful command for written, whether or not it had
    /// an effect; for XGROUP and XREADGROUP, these are their second words.
    ///
    /// Includes the quirks `floored-ttl`, `offset-cursors`, `endless-autoclaim`, `incrby-crash`,
    /// and `plain-messages`: adding or removing this quirk adds or removes them, too. Each of them
    /// can also be added to Redis's commands, or removed from SwarmKeyDb's.
    SwarmCommands,
    /// `floored-ttl`: TTL rounds down, so it is 0 in the last second, and PTTL counts only whole
    /// milliseconds.
    FlooredTtl,
    /// `offset-cursors`: a SCAN cursor is an offset into the sorted keys, so that deleting keys
    /// during an iteration makes it skip others.
    OffsetCursors,
    /// `endless-autoclaim`: at the end, XAUTOCLAIM returns the ID of the last entry that it
    /// scanned instead of `0-0`, so that a loop until `0-0` never ends.
    EndlessAutoclaim,
    /// `incrby-crash`: INCRBY with a text that is no number crashes the command processor: the
    /// connection ends over TCP, and never answers again over WebSocket.
    IncrbyCrash,
    /// `plain-messages`: in RESP3, published messages and acknowledgments of SUBSCRIBE are arrays
    /// instead of pushes. Only invalidations are pushes.
    PlainMessages,
    /// `late-sweeps`: expired keys are swept every 100 ms. Until then, nothing reads such a key,
    /// but DEL, and EXPIRE with a time that has passed, count it as removed. Requires the embedded
    /// store.
    LateSweeps,
    /// `swarm-input`: malformed input is answered with SwarmKeyDb's texts and read on. A message
    /// needs its CRLF; arguments that are no strings count as empty. Half of a surrogate pair in
    /// JSON ends the connection.
    SwarmInput,
    /// `json-escapes`: JSON escapes everything but plain ASCII.
    JsonEscapes,
    /// `close-reason`: close frames that the client has asked for have the reason `closing`.
    CloseReason,
    /// `unasked-pongs`: the WebSocket gateway sends an empty pong every 30 s.
    UnaskedPongs,
    /// `mute-upgrades`: a WebSocket upgrade without a valid key, or with another version than 13,
    /// is never answered; the connection stays open. A request for no upgrade is answered 400 with
    /// an empty chunked body.
    MuteUpgrades,
    /// `swarm-http`: requests are answered as by SwarmKeyDb's HTTP gateway: its routes, which
    /// ignore case, its statuses and texts, `?auth=`, `/docs`, and CORS headers on every answer.
    SwarmHttp,
    /// `idle-resets`: an HTTP connection is reset when it has been idle for 15 s after an answer,
    /// or for 90 s without any request.
    IdleResets,
    /// `write-queue`: each written key waits in the server's write queue, which is flushed every
    /// 100 ms. SET with a time to live costs two writes, MSET and DEL cost one per key, and EXEC
    /// and scripts the sum of their commands. Only writes of different connections share a flush.
    /// Stream writes, MSET, and MSETNX run one at a time for the whole server. Reads and errors are
    /// not delayed, and see the old value until the write has been applied.
    ///
    /// [`Builder::write_queue`](crate::Builder::write_queue) sets the interval. Without
    /// `torn-writes`, and in front of Redis, each command first waits as long as its arguments
    /// suggest and then runs atomically.
    WriteQueue,
    /// `torn-writes`: nothing is atomic across connections, except stream commands, MSET, and
    /// MSETNX among each other. A command reads first and writes later, key by key. EXEC and
    /// scripts run command by command. WATCH ignores changes made by scripts, HTTP requests, and
    /// expiry. Requires the embedded store.
    TornWrites,
    /// `close-drops`: when a client closes its WebSocket or sends QUIT, the server aborts the
    /// running command, drops the ones queued behind it, and closes without replying to QUIT. A
    /// write that is already in the write queue is still applied.
    CloseDrops,
    /// `nagle`: bulk and array replies over TCP are split into several writes, and each WebSocket
    /// message is written separately, on sockets without `TCP_NODELAY`. A client that delays its
    /// acknowledgements then waits 40 ms for the second write.
    Nagle,
    /// `plain-null-arrays`: null arrays, such as the reply to an aborted EXEC, stay `*-1` in RESP3.
    PlainNullArrays,
    /// `cr-lf`: errors and status replies are written as ASCII with unescaped line breaks. A TCP
    /// client parses the rest of the text as further replies. Over WebSocket, the gateway's
    /// internal reader does so: all later replies are shifted, and a CR without LF or a wrong
    /// length makes the connection unresponsive.
    CrLf,
    /// `no-tcp-auth`: the TCP listener requires no password and does not know AUTH; HELLO verifies
    /// a password that it is given.
    NoTcpAuth,
    /// `busy-scripts`: with `torn-writes`, a script that exceeds its time limit is answered with
    /// `BUSY` and keeps running. [`Builder::script_limit`](crate::Builder::script_limit) sets the
    /// limit.
    BusyScripts,
}

impl Quirk {
    const ALL: [Self; 33] = [
        Self::ArrayErrors,
        Self::HelloGarbage,
        Self::SimpleAsBulk,
        Self::Utf8Input,
        Self::RestDiscarded,
        Self::JsonNullObject,
        Self::JsonEnvelope,
        Self::TrackingEverything,
        Self::Overtaking,
        Self::LateReplies,
        Self::PushBuffer,
        Self::SwarmCommands,
        Self::FlooredTtl,
        Self::OffsetCursors,
        Self::EndlessAutoclaim,
        Self::IncrbyCrash,
        Self::PlainMessages,
        Self::LateSweeps,
        Self::SwarmInput,
        Self::JsonEscapes,
        Self::CloseReason,
        Self::UnaskedPongs,
        Self::MuteUpgrades,
        Self::SwarmHttp,
        Self::IdleResets,
        Self::WriteQueue,
        Self::TornWrites,
        Self::CloseDrops,
        Self::Nagle,
        Self::PlainNullArrays,
        Self::CrLf,
        Self::NoTcpAuth,
        Self::BusyScripts,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::ArrayErrors => "array-errors",
            Self::HelloGarbage => "hello-garbage",
            Self::SimpleAsBulk => "simple-as-bulk",
            Self::Utf8Input => "utf8-input",
            Self::RestDiscarded => "rest-discarded",
            Self::JsonNullObject => "json-null-object",
            Self::JsonEnvelope => "json-envelope",
            Self::TrackingEverything => "tracking-everything",
            Self::Overtaking => "overtaking",
            Self::LateReplies => "late-replies",
            Self::PushBuffer => "push-buffer",
            Self::SwarmCommands => "swarm-commands",
            Self::FlooredTtl => "floored-ttl",
            Self::OffsetCursors => "offset-cursors",
            Self::EndlessAutoclaim => "endless-autoclaim",
            Self::IncrbyCrash => "incrby-crash",
            Self::PlainMessages => "plain-messages",
            Self::LateSweeps => "late-sweeps",
            Self::SwarmInput => "swarm-input",
            Self::JsonEscapes => "json-escapes",
            Self::CloseReason => "close-reason",
            Self::UnaskedPongs => "unasked-pongs",
            Self::MuteUpgrades => "mute-upgrades",
            Self::PlainNullArrays => "plain-null-arrays",
            Self::SwarmHttp => "swarm-http",
            Self::IdleResets => "idle-resets",
            Self::WriteQueue => "write-queue",
            Self::TornWrites => "torn-writes",
            Self::CloseDrops => "close-drops",
            Self::Nagle => "nagle",
            Self::CrLf => "cr-lf",
            Self::NoTcpAuth => "no-tcp-auth",
            Self::BusyScripts => "busy-scripts",
        }
    }

    const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// Returns the bits of this quirk and of those that it includes.
    const fn bits(self) -> u64 {
        match self {
            Self::SwarmCommands => {
                self.bit()
                    | Self::FlooredTtl.bit()
                    | Self::OffsetCursors.bit()
                    | Self::EndlessAutoclaim.bit()
                    | Self::IncrbyCrash.bit()
                    | Self::PlainMessages.bit()
            }
            _ => self.bit(),
        }
    }
}

/// Set of quirks that a gateway reproduces; empty by default.
///
/// # Examples
///
/// ```
/// use swarm_gateway::{Dialect, Quirk};
///
/// let dialect: Dialect = "array-errors,utf8-input".parse()?;
/// assert_eq!(dialect, Dialect::STANDARD.with(Quirk::ArrayErrors).with(Quirk::Utf8Input));
/// assert_eq!(dialect.to_string(), "array-errors,utf8-input");
///
/// let fast: Dialect = "upstream,-write-queue".parse()?;
/// assert_eq!(fast, Dialect::UPSTREAM.without(Quirk::WriteQueue));
/// # Ok::<(), swarm_gateway::ParseDialectError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dialect {
    quirks: u64,
}

impl Dialect {
    /// No quirks: binary-safe input, proper error replies, full RESP3.
    pub const STANDARD: Self = Self { quirks: 0 };

    /// The quirks of the deployed SwarmKeyDb server with default settings, except `nagle`, which
    /// only makes replies slower.
    ///
    /// Writes take 100 ms in this dialect. Tests that do not depend on write latency use
    /// `Dialect::UPSTREAM.without(Quirk::WriteQueue)` or a shorter
    /// [`WriteQueue::interval`](crate::WriteQueue::interval).
    pub const UPSTREAM: Self = Self::STANDARD
        .with(Quirk::ArrayErrors)
        .with(Quirk::SimpleAsBulk)
        .with(Quirk::Utf8Input)
        .with(Quirk::RestDiscarded)
        .with(Quirk::JsonNullObject)
        .with(Quirk::TrackingEverything)
        .with(Quirk::Overtaking)
        .with(Quirk::LateReplies)
        .with(Quirk::PushBuffer)
        .with(Quirk::SwarmCommands)
        .with(Quirk::SwarmInput)
        .with(Quirk::JsonEscapes)
        .with(Quirk::CloseReason)
        .with(Quirk::UnaskedPongs)
        .with(Quirk::MuteUpgrades)
        .with(Quirk::PlainNullArrays)
        .with(Quirk::SwarmHttp)
        .with(Quirk::IdleResets)
        .with(Quirk::LateSweeps)
        .with(Quirk::CrLf)
        .with(Quirk::HelloGarbage)
        .with(Quirk::WriteQueue)
        .with(Quirk::TornWrites)
        .with(Quirk::CloseDrops)
        .with(Quirk::NoTcpAuth)
        .with(Quirk::BusyScripts);

    /// A later version of the server, whose WebSocket gateway answers HELLO itself:
    /// [`UPSTREAM`](Self::UPSTREAM) without `hello-garbage`.
    pub const UPSTREAM_NEW: Self = Self::UPSTREAM.without(Quirk::HelloGarbage);

    /// Returns the dialect with a quirk added, and those that it includes.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks | quirk.bits(),
        }
    }

    /// Returns the dialect with a quirk removed, and those that it includes.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks & !quirk.bits(),
        }
    }

    /// Returns whether the dialect includes a quirk.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.quirks & quirk.bit() != 0
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quirks = Quirk::ALL.into_iter().filter(|quirk| self.has(*quirk));
        let Some(first) = quirks.next() else {
            return f.write_str("standard");
        };
        f.write_str(first.name())?;
        quirks.try_for_each(|quirk| write!(f, ",{}", quirk.name()))
    }
}

impl FromStr for Dialect {
    type Err = ParseDialectError;

    /// Parses a comma-separated list: optionally `standard`, `upstream`, or `upstream-new` first,
    /// then quirks to add, or to remove if prefixed with a minus sign.
    fn from_str(text: &str) -> Result<Self, ParseDialectError> {
        let mut dialect = Self::STANDARD;
        for (place, name) in text.split(',').map(str::trim).enumerate() {
            let (removed, quirk) = match name.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, name),
            };
            let quirk = Quirk::ALL.into_iter().find(|known| known.name() == quirk);
            dialect = match (name, quirk) {
                ("standard", _) if place == 0 => Self::STANDARD,
                ("upstream", _) if place == 0 => Self::UPSTREAM,
                ("upstream-new", _) if place == 0 => Self::UPSTREAM_NEW,
                (_, Some(quirk)) if removed => dialect.without(quirk),
                (_, Some(quirk)) => dialect.with(quirk),
                (name, None) => return Err(ParseDialectError { name: name.into() }),
            };
        }
        Ok(dialect)
    }
}

/// Error returned for a name that is neither a dialect nor a quirk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseDialectError {
    name: Box<str>,
}

impl fmt::Display for ParseDialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown dialect `{}`; expected standard, upstream, upstream-new, or any of",
            self.name
        )?;
        Quirk::ALL
            .iter()
            .try_for_each(|quirk| write!(f, " {}", quirk.name()))?;
        f.write_str(", separated by commas; a minus sign removes a quirk")
    }
}

impl std::error::Error for ParseDialectError {}
