//! Time to live of keys.

use std::fmt;
use std::time::Duration;

use swarm_resp::{ConvertError, Frame, FrameRef};

/// Remaining time to live of a key, or of a field of a hash.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use swarm_keydb::{Client, NoTtl, SetOptions};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let hour = SetOptions::new().ttl(Duration::from_secs(3600));
/// client.set_with("session", "ann", hour).await?;
/// let left: Duration = client.pttl("session").await?.try_into()?;
/// assert!(left <= Duration::from_secs(3600));
/// assert_eq!(Duration::try_from(client.pttl("other").await?), Err(NoTtl::Missing));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// The key or the field does not exist.
    Missing,
    /// It does not expire.
    Persistent,
    /// It expires after this time, in the unit of the command; zero means less than one unit.
    Expires(Duration),
}

impl Ttl {
    /// Returns the remaining time, if the key exists and expires.
    pub const fn remaining(self) -> Option<Duration> {
        match self {
            Self::Expires(left) => Some(left),
            Self::Missing | Self::Persistent => None,
        }
    }

    pub(super) fn read(
        reply: FrameRef<'_>,
        unit: fn(u64) -> Duration,
    ) -> Result<Self, ConvertError> {
        match reply.as_integer() {
            Some(-2) => Ok(Self::Missing),
            Some(-1) => Ok(Self::Persistent),
            Some(left @ 0..) => Ok(Self::Expires(unit(left.unsigned_abs()))),
            _ => Err(ConvertError::new("a time to live", reply)),
        }
    }
}

impl From<Ttl> for Option<Duration> {
    fn from(ttl: Ttl) -> Self {
        ttl.remaining()
    }
}

impl TryFrom<Ttl> for Duration {
    type Error = NoTtl;

    fn try_from(ttl: Ttl) -> Result<Self, NoTtl> {
        match ttl {
            Ttl::Expires(left) => Ok(left),
            Ttl::Persistent => Err(NoTtl::Persistent),
            Ttl::Missing => Err(NoTtl::Missing),
        }
    }
}

/// Error returned when a [`Ttl`] without a time is converted to a [`Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTtl {
    /// The key does not exist.
    Missing,
    /// The key does not expire.
    Persistent,
}

impl fmt::Display for NoTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the key does not exist",
            Self::Persistent => "the key does not expire",
        })
    }
}

impl std::error::Error for NoTtl {}

pub(in crate::commands) fn ttl_seconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::read(reply.view(), Duration::from_secs)
}

pub(in crate::commands) fn ttl_milliseconds(reply: &Frame) -> Result<Ttl, ConvertError> {
    Ttl::read(reply.view(), Duration::from_millis)
}
