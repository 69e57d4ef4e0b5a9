//! IDs of stream entries.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, FrameRef, FromFrame, ToArgs};

/// The ID of a stream entry: a time in milliseconds, and a number among the entries of that millisecond.
///
/// It is always sent in full, `ms-seq`, as SwarmKeyDb wants it. Text without the sequence is read as the first of its
/// millisecond:
///
/// ```
/// use swarm_keydb::StreamId;
///
/// let id: StreamId = "5".parse()?;
/// assert_eq!(id, StreamId::new(5, 0));
/// assert_eq!(id.to_string(), "5-0");
/// assert!(id < StreamId::new(5, 1));
/// # Ok::<(), swarm_keydb::ParseStreamIdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since 1970, by the clock of whoever made the ID.
    pub ms: u64,
    /// The number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`: before every entry.
    pub const MIN: Self = Self::new(0, 0);

    /// The greatest ID there is.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The ID of these two numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The first ID that an entry added at this time can have. Times before 1970 count as 1970.
    pub fn at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let ms = since.unwrap_or_default().as_millis();
        Self::new(u64::try_from(ms).unwrap_or(u64::MAX), 0)
    }

    /// The time in it, if the clock can express it.
    pub fn time(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.ms))
    }

    /// The ID right behind this one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, 0)),
            (None, None) => None,
        }
    }

    /// The ID right before this one.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, u64::MAX)),
            (None, None) => None,
        }
    }
}

/// A text that is no ID of a stream entry, or none that may stand where it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ID of a stream entry that may stand here")]
#[non_exhaustive]
pub struct ParseStreamIdError;

/// Digits alone: the parser of numbers would take a sign, too.
pub(super) fn number(text: &str) -> Result<u64, ParseStreamIdError> {
    (text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(ParseStreamIdError)
}

impl FromStr for StreamId {
    type Err = ParseStreamIdError;

    /// Reads `ms-seq`, or `ms` alone as `ms-0`.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Self::new(number(ms)?, number(seq)?))
    }
}

impl TryFrom<&str> for StreamId {
    type Error = ParseStreamIdError;

    fn try_from(text: &str) -> Result<Self, ParseStreamIdError> {
        text.parse()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl ToArgs for StreamId {
    fn write_args(&self, sink: &mut impl ArgSink) {
        // Twice the twenty digits of the greatest number, and the dash: it always fits.
        let mut text = [0; 41];
        let mut rest = text.as_mut_slice();
        let left = write!(rest, "{self}").map_or(0, |()| rest.len());
        sink.arg(text.get(..41 - left).unwrap_or_default());
    }
}

impl FromFrame for StreamId {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let id = frame.as_str().and_then(|text| text.parse().ok());
        id.ok_or_else(|| ConvertError::new("the ID of a stream entry", frame))
    }
}

/// One or more IDs: a [`StreamId`], or a list of them. Text is none:
///
/// ```compile_fail
/// # use swarm_keydb::Client;
/// # fn f(client: &Client) {
/// let _ = client.xack("events", "workers", "5-1");
/// # }
/// ```
///
/// ```
/// # use swarm_keydb::Client;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let first = client.xadd("events", [("kind", "start")]).await?;
/// let second = client.xadd("events", [("kind", "stop")]).await?;
/// assert_eq!(client.xdel("events", first).await?, 1);
/// assert_eq!(client.xdel("events", [first, second]).await?, 1);
/// # Ok(())
/// # }
/// ```
pub trait StreamIds: ToArgs + sealed::Sealed {}

mod sealed {
    //! Keeps text from standing where IDs are wanted.
    pub trait Sealed {}
}

macro_rules! ids {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($generics)*> sealed::Sealed for $type {}
        impl<$($generics)*> StreamIds for $type {}
    )+};
}

ids!(
    [] StreamId,
    [T: StreamIds + ?Sized] &T,
    [] [StreamId],
    [] Vec<StreamId>,
    [] BTreeSet<StreamId>,
    [const N: usize] [StreamId; N],
);
