//! Where in a stream a command adds or begins to read: IDs, and the signs that stand for one.

use std::str::FromStr;

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::id::{ParseStreamIdError, StreamId, number};

/// The ID that a new entry gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum NewId {
    /// The server's time (`*`).
    #[default]
    Auto,
    /// This millisecond, with the next number in it (`ms-*`).
    AutoSequence(u64),
    /// This one, which must be greater than all that the stream ever had.
    Explicit(StreamId),
}

/// Which entries are read: those behind a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadAfter {
    /// Those that are added from now on (`$`).
    Last,
    /// Those behind this ID; all of them behind [`StreamId::MIN`].
    Id(StreamId),
}

/// Which entries a consumer of a group reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum GroupRead {
    /// Those that no consumer of the group was given yet (`>`).
    #[default]
    New,
    /// Those that this consumer was given and has not acknowledged, behind this ID. SwarmKeyDb counts the entry of the ID in.
    Pending(StreamId),
}

/// What a position means when it is sent.
pub(crate) trait Position: ToArgs {
    /// Whether it means something else when it is sent again later.
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

    /// Reads `*`, `ms-*` or an ID.
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

    /// Reads `$` or an ID.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        match text {
            "$" => Ok(Self::Last),
            id => id.parse().map(Self::Id),
        }
    }
}

impl FromStr for GroupRead {
    type Err = ParseStreamIdError;

    /// Reads `>` or an ID.
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
