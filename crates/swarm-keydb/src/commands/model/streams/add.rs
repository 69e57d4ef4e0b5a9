//! Options of XADD.

use swarm_resp::{ArgSink, ToArgs};

use super::position::NewId;
use super::trim::Trim;
use crate::command::CommandOptions;
use crate::error::Result;

/// Which ID a new entry gets, and what becomes of old ones.
///
/// ```
/// use swarm_keydb::{NewId, StreamId, XAddOptions};
///
/// let capped = XAddOptions::new().maxlen(1000);
/// let numbered = XAddOptions::new().id(StreamId::new(5, 1));
/// let next = XAddOptions::new().id(NewId::AutoSequence(5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to xadd_with"]
pub struct XAddOptions {
    id: NewId,
    trim: Option<Trim>,
    nomkstream: bool,
}

impl XAddOptions {
    /// An ID of the server's, and nothing is removed.
    pub const fn new() -> Self {
        Self {
            id: NewId::Auto,
            trim: None,
            nomkstream: false,
        }
    }

    /// The ID of the new entry.
    pub fn id(mut self, id: impl Into<NewId>) -> Self {
        self.id = id.into();
        self
    }

    /// Removes the oldest entries until at most this many are left (`MAXLEN`).
    pub const fn maxlen(self, length: u64) -> Self {
        self.trim(Trim::maxlen(length))
    }

    /// Removes old entries after the new one was added. SwarmKeyDb knows [`Trim::maxlen`] alone here.
    pub const fn trim(mut self, trim: Trim) -> Self {
        self.trim = Some(trim);
        self
    }

    /// Adds nothing when there is no such stream yet (`NOMKSTREAM`). Redis alone.
    pub const fn nomkstream(mut self) -> Self {
        self.nomkstream = true;
        self
    }
}

impl ToArgs for XAddOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if self.nomkstream {
            sink.arg(b"NOMKSTREAM");
        }
        self.trim.write_args(sink);
        self.id.write_args(sink);
    }
}

impl CommandOptions for XAddOptions {
    fn validate(&self) -> Result<()> {
        self.trim.map_or(Ok(()), |trim| trim.validate())
    }
}
