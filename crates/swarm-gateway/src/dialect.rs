//! How the gateway speaks: as it should, or with the quirks of servers that are deployed.

use std::fmt;
use std::str::FromStr;

/// One way in which deployed servers differ from a correct one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// `array-errors`: errors of commands arrive as an array of their words, the first with the dash: `-ERR`,
    /// `unknown`, `command`, `'X'`. Errors about authentication, the protocol version and malformed messages stay errors, and
    /// so do all on the HTTP door, which has a form of its own for them.
    ArrayErrors,
    /// `hello-garbage`: `HELLO 3` is answered by `*1 $2 %7`, and every later reply is a left-over of the one before.
    HelloGarbage,
    /// `simple-as-bulk`: simple strings of commands arrive as bulk strings, such as `$2 OK`.
    SimpleAsBulk,
    /// `utf8-input`: messages are decoded as UTF-8 first, so that bytes which are not become U+FFFD and change lengths.
    Utf8Input,
    /// `rest-discarded`: what follows the first command in a message is dropped silently instead of refused.
    RestDiscarded,
    /// `json-null-object`: in JSON mode a null arrives as `{}`.
    JsonNullObject,
    /// `json-envelope`: in JSON mode replies arrive as `{"cmd":…,"data":…}`, pushes as `{"push":[…]}`: the first
    /// version.
    JsonEnvelope,
    /// `tracking-everything`: `CLIENT TRACKING ON` announces every key that others write, read or not, in RESP2 too.
    TrackingEverything,
    /// `overtaking`: AUTH, HELLO and refusals without a password are answered ahead of replies that are still owed.
    Overtaking,
    /// `late-replies`: after a command with several replies, such as SUBSCRIBE with two names, every reply is that
    /// much late, and pushes wait behind them.
    LateReplies,
    /// `push-buffer`: when 256 pushes wait for a connection, further ones are dropped silently. One EXEC or script delivers
    /// at most 256 to a connection, however fast that reads.
    PushBuffer,
    /// `swarm-streams`: the embedded store has streams as SwarmKeyDb has them. IDs must be complete; bounds are inclusive; XADD
    /// knows MAXLEN alone, XCLAIM no option, XAUTOCLAIM no JUSTID; there is no XDEL, XINFO, XSETID, XGROUP CREATECONSUMER. What a
    /// consumer holds begins with the ID asked for, and leaves out what was deleted. XAUTOCLAIM names the last entry that
    /// it saw. XACK wants the group to exist.
    /// SET knows EX, PX and EXAT alone.
    SwarmStreams,
    /// `write-queue`: each key that is written waits for the server's write queue, which is flushed every 100 ms. SET with a
    /// time to live costs two writes, MSET and DEL one per key, EXEC and scripts the sum of their commands. Only writes of
    /// different connections share a flush. Stream writes, MSET and MSETNX run one at a time for the whole server. Reads and
    /// errors take no time, and see the old value until the write has been applied.
    ///
    /// [`Builder::write_queue`](crate::Builder::write_queue) sets the interval. Without `torn-writes`, and over a Redis, each
    /// command waits first, as long as its arguments suggest, and then runs as a whole.
    WriteQueue,
    /// `torn-writes`: nothing is atomic between connections, except stream commands, MSET and MSETNX among themselves. A
    /// command reads first and writes later, key by key; EXEC and scripts run command by command; WATCH does not see what
    /// scripts, HTTP requests and expiry change. Needs the embedded store.
    TornWrites,
    /// `close-drops`: when a client closes its WebSocket or says QUIT, the server stops the command that runs, midway, drops
    /// those behind it, and closes without a reply to QUIT. A write that is in the write queue is still applied.
    CloseDrops,
    /// `nagle`: bulk and array replies over TCP are written in pieces, WebSocket messages one by one, on sockets without
    /// `TCP_NODELAY`. The kernels do the rest: a client that delays its acknowledgements waits 40 ms for the second piece.
    Nagle,
    /// `cr-lf`: errors and status replies are written in ASCII, with the line breaks that their texts contain. Over TCP, the
    /// client sees the rest of the text as further replies. Over WebSocket, the gateway's internal reader does: all later
    /// replies are shifted, and a CR without LF or a wrong length makes the connection mute.
    CrLf,
    /// `no-tcp-auth`: the TCP door needs no password and does not know AUTH; HELLO checks one that it is given.
    NoTcpAuth,
    /// `busy-scripts`: with `torn-writes`, a script that takes longer than its limit is answered `BUSY`, and runs on.
    /// [`Builder::script_limit`](crate::Builder::script_limit) sets the limit.
    BusyScripts,
}

impl Quirk {
    const ALL: [Self; 19] = [
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
        Self::SwarmStreams,
        Self::WriteQueue,
        Self::TornWrites,
        Self::CloseDrops,
        Self::Nagle,
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
            Self::SwarmStreams => "swarm-streams",
            Self::WriteQueue => "write-queue",
            Self::TornWrites => "torn-writes",
            Self::CloseDrops => "close-drops",
            Self::Nagle => "nagle",
            Self::CrLf => "cr-lf",
            Self::NoTcpAuth => "no-tcp-auth",
            Self::BusyScripts => "busy-scripts",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The quirks that a gateway shows: none by default.
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
    quirks: u32,
}

impl Dialect {
    /// No quirk: binary-safe input, real errors, full RESP3.
    pub const STANDARD: Self = Self { quirks: 0 };

    /// The quirks of the deployed SwarmKeyDb server at its default settings, except `nagle` and `cr-lf`, which few tests
    /// are about.
    ///
    /// Writes take 100 ms there. Tests that are not about that use
    /// `Dialect::UPSTREAM.without(Quirk::WriteQueue)`, or a shorter [`WriteQueue::interval`](crate::WriteQueue::interval).
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
        .with(Quirk::SwarmStreams)
        .with(Quirk::HelloGarbage)
        .with(Quirk::WriteQueue)
        .with(Quirk::TornWrites)
        .with(Quirk::CloseDrops)
        .with(Quirk::NoTcpAuth)
        .with(Quirk::BusyScripts);

    /// The dialect with one quirk more.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks | quirk.bit(),
        }
    }

    /// The dialect without one of its quirks.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks & !quirk.bit(),
        }
    }

    /// Whether the dialect has a quirk.
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

    /// Reads names with commas between them: `fixed` or `upstream` to start from, then quirks to add, or to remove with a
    /// minus sign.
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
                (_, Some(quirk)) if removed => dialect.without(quirk),
                (_, Some(quirk)) => dialect.with(quirk),
                (name, None) => return Err(ParseDialectError { name: name.into() }),
            };
        }
        Ok(dialect)
    }
}

/// A name that is neither a dialect's nor a quirk's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseDialectError {
    name: Box<str>,
}

impl fmt::Display for ParseDialectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown dialect `{}`: use fixed, upstream, or any of",
            self.name
        )?;
        Quirk::ALL
            .iter()
            .try_for_each(|quirk| write!(f, " {}", quirk.name()))?;
        f.write_str(" with commas between them, those to remove with a minus sign")
    }
}

impl std::error::Error for ParseDialectError {}
