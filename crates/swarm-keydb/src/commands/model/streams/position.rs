//! Positions in streams: IDs, and the symbols that stand for them.

use std::str::FromStr;

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::id::{ParseStreamIdError, StreamId, number};

/// ID of a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum NewId {
    /// Chosen by the server from its clock (`*`).
    #[default]
    Auto,
    /// This millisecond, with the next sequence number (`ms-*`).
    AutoSequence(u64),
    /// An explicit ID, which must be greater than all that the stream has ever had.
    Explicit(StreamId),
}

/// Position after which entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadAfter {
    /// The end of the stream: only entries added from now on (`$`).
    Last,
    /// An ID. [`StreamId::MIN`] reads all entries.
    Id(StreamId),
}

/// Entries that a consumer of a group reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum GroupRead {
    /// Entries that were not delivered to any consumer of the group (`>`).
    #[default]
    New,
    /// Pending entries of this consumer after this ID. SwarmKeyDb includes the entry with this ID.
    Pending(StreamId),
}

/// Meaning of a position at the time it is sent.
pub(crate) trait Position: ToArgs {
    /// Whether the position has another meaning if it is sent again later.
    fn moves(&self) -> bool {
        false
    }
}

impl Position for StreamId {}
impl Position for GroupRead {}
impl Position for ReadAfter {
    fn moves(&self) -> bool {
        *self == Self::Last
    }
}

impl ToArgs for NewId {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self {
            Self::Auto => sink.arg(b"*"),
            Self::AutoSequence(ms) => sink.arg(&[&*ms.to_arg(), b"-*"].concat()),
            Self::Explicit(id) => id.write_args(sink),
        }
    }
}

impl ToArgs for ReadAfter {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self {
            Self::Last => sink.arg(b"$"),
            Self::Id(id) => id.write_args(sink),
        }
    }
}

impl ToArgs for GroupRead {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self {
            Self::New => sink.arg(b">"),
            Self::Pending(id) => id.write_args(sink),
        }
    }
}

impl FromStr for NewId {
    type Err = ParseStreamIdError;

    /// Parses `*`, `ms-*`, or an ID.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        match (text, text.strip_suffix("-*")) {
            ("*", _) => Ok(Self::Auto),
            (_, Some(ms)) => number(ms).map(Self::AutoSequence),
            (id, None) => id.parse().map(Self::Explicit),
        }
    }
}

impl FromStr for ReadAfter {
    type Err = ParseStreamIdError;

    /// Parses `$` or an ID.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        match text {
            "$" => Ok(Self::Last),
            id => id.parse().map(Self::Id),
        }
    }
}

impl FromStr for GroupRead {
    type Err = ParseStreamIdError;

    /// Parses `>` or an ID.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        match text {
            ">" => Ok(Self::New),
            id => id.parse().map(Self::Pending),
        }
    }
}

macro_rules! conversions {
    ($($type:ident::$id:ident),+) => {$(
        impl From<StreamId> for $type {
            fn from(id: StreamId) -> Self {
                Self::$id(id)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = ParseStreamIdError;

            fn try_from(text: &str) -> Result<Self, ParseStreamIdError> {
                text.parse()
            }
        }
    )+};
}

conversions!(NewId::Explicit, ReadAfter::Id, GroupRead::Pending);
