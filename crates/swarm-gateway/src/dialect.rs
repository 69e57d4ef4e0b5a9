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
    /// `push-buffer`: when 256 pushes wait for a connection, further ones are dropped silently.
    PushBuffer,
    /// `swarm-streams`: the embedded store has streams as SwarmKeyDb has them. IDs must be complete; bounds are inclusive; XADD
    /// knows MAXLEN alone, XCLAIM no option, XAUTOCLAIM no JUSTID; there is no XDEL, XINFO, XSETID, XGROUP CREATECONSUMER. What a
    /// consumer holds begins with the ID asked for, and leaves out what was deleted. XAUTOCLAIM names the last entry that
    /// it saw. XACK wants the group to exist.
    SwarmStreams,
    /// `slow-writes`: a command that writes waits 100 ms before it runs.
    SlowWrites,
}

impl Quirk {
    const ALL: [Self; 13] = [
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
        Self::SlowWrites,
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
            Self::SlowWrites => "slow-writes",
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
/// assert_eq!(dialect, Dialect::FIXED.with(Quirk::ArrayErrors).with(Quirk::Utf8Input));
/// assert_eq!(dialect.to_string(), "array-errors,utf8-input");
/// # Ok::<(), swarm_gateway::ParseDialectError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dialect {
    quirks: u32,
}

impl Dialect {
    /// No quirk: binary-safe input, real errors, full RESP3.
    pub const FIXED: Self = Self { quirks: 0 };

    /// The quirks of the newest deployed SwarmKeyDb server. `HELLO 3` works there, so `hello-garbage` is not among them,
    /// and `slow-writes` only makes tests slow.
    pub const UPSTREAM: Self = Self::FIXED
        .with(Quirk::ArrayErrors)
        .with(Quirk::SimpleAsBulk)
        .with(Quirk::Utf8Input)
        .with(Quirk::RestDiscarded)
        .with(Quirk::JsonNullObject)
        .with(Quirk::TrackingEverything)
        .with(Quirk::Overtaking)
        .with(Quirk::LateReplies)
        .with(Quirk::PushBuffer)
        .with(Quirk::SwarmStreams);

    /// The dialect with one quirk more.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks | quirk.bit(),
        }
    }

    /// The dialect without one of its quirks.
    pub(crate) const fn without(self, quirk: Quirk) -> Self {
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
            return f.write_str("fixed");
        };
        f.write_str(first.name())?;
        quirks.try_for_each(|quirk| write!(f, ",{}", quirk.name()))
    }
}

impl FromStr for Dialect {
    type Err = ParseDialectError;

    /// Reads `fixed`, `upstream`, or names of quirks with commas between them.
    fn from_str(text: &str) -> Result<Self, ParseDialectError> {
        match text {
            "fixed" => return Ok(Self::FIXED),
            "upstream" => return Ok(Self::UPSTREAM),
            _ => {}
        }
        text.split(',').try_fold(Self::FIXED, |dialect, name| {
            let name = name.trim();
            let quirk = Quirk::ALL.into_iter().find(|quirk| quirk.name() == name);
            quirk
                .map(|quirk| dialect.with(quirk))
                .ok_or_else(|| ParseDialectError { name: name.into() })
        })
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
        f.write_str(" with commas between them")
    }
}

impl std::error::Error for ParseDialectError {}
