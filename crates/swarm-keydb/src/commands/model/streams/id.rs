//! Stream entry IDs.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, FrameRef, FromFrame, ToArgs};

/// ID of a stream entry: a time in milliseconds, and a sequence number within that millisecond.
///
/// The client always sends the full form `ms-seq`, which SwarmKeyDb requires. Text without a
/// sequence number is the first ID of its millisecond:
///
/// # Examples
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
    /// Milliseconds since 1970, by the clock that created the ID.
    pub ms: u64,
    /// Sequence number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`, which precedes every entry.
    pub const MIN: Self = Self::new(0, 0);

    /// The greatest possible ID.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// Creates an ID from its two numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Returns the first ID of an entry added at this time. Times before 1970 count as 1970.
    pub fn at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let ms = since.unwrap_or_default().as_millis();
        Self::new(u64::try_from(ms).unwrap_or(u64::MAX), 0)
    }

    /// Returns the time of the ID, if the clock can express it.
    pub fn time(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.ms))
    }

    /// Returns the next ID, or `None` after the greatest.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, 0)),
            (None, None) => None,
        }
    }

    /// Returns the previous ID, or `None` before `0-0`.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, u64::MAX)),
            (None, None) => None,
        }
    }
}

/// Error of text that is not a stream ID or a symbol allowed in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stream ID or a symbol allowed here")]
#[non_exhaustive]
pub struct ParseStreamIdError;

/// Accepts only digits; the standard parser would also accept a sign.
pub(super) fn number(text: &str) -> Result<u64, ParseStreamIdError> {
    (text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(ParseStreamIdError)
}

impl FromStr for StreamId {
    type Err = ParseStreamIdError;

    /// Parses `ms-seq`, or `ms` as `ms-0`.
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
        // Two numbers of at most twenty digits and the dash always fit.
        let mut text = [0; 41];
        let mut rest = text.as_mut_slice();
        let left = write!(rest, "{self}").map_or(0, |()| rest.len());
        sink.arg(text.get(..41 - left).unwrap_or_default());
    }
}

impl FromFrame for StreamId {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let id = frame.as_str().and_then(|text| text.parse().ok());
        id.ok_or_else(|| ConvertError::new("a stream ID", frame))
    }
}

/// One or more IDs: a [`StreamId`], or a list of them. Text is not accepted:
///
/// # Examples
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
    //! Keeps text from being accepted as IDs.
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
