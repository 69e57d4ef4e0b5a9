//! Options of XADD.

use swarm_resp::{ArgSink, ToArgs};

use super::position::NewId;
use super::trim::Trim;
use crate::command::CommandOptions;
use crate::error::Result;

/// Options of XADD: the ID of the new entry, and trimming of old entries.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{NewId, StreamId, XAddOptions};
///
/// let capped = XAddOptions::new().maxlen(1000);
/// let numbered = XAddOptions::new().id(StreamId::new(5, 1));
/// let next = XAddOptions::new().id(NewId::AutoSequence(5));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to xadd_with"]
pub struct XAddOptions {
    id: NewId,
    trim: Option<Trim>,
    nomkstream: bool,
}

impl XAddOptions {
    /// Creates options with an ID chosen by the server, and without trimming.
    pub const fn new() -> Self {
        Self {
            id: NewId::Auto,
            trim: None,
            nomkstream: false,
        }
    }

    /// Sets the ID of the new entry.
    pub fn id(mut self, id: impl Into<NewId>) -> Self {
        self.id = id.into();
        self
    }

    /// Removes the oldest entries until at most this many remain (`MAXLEN`).
    pub const fn maxlen(self, length: u64) -> Self {
        self.trim(Trim::maxlen(length))
    }

    /// Trims the stream after the new entry was added. SwarmKeyDb supports only [`Trim::maxlen`]
    /// here.
    pub const fn trim(mut self, trim: Trim) -> Self {
        self.trim = Some(trim);
        self
    }

    /// Adds nothing if the stream does not exist (`NOMKSTREAM`). Not supported by SwarmKeyDb.
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
