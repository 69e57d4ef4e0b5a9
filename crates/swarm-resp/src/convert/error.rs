//! Why a reply cannot be converted: what was expected, what came, and where in the reply.

use std::fmt;

use crate::ServerError;
use crate::frame::{FrameRef, Kind};

/// A reply that cannot be converted to the requested type. The connection is not affected.
///
/// The error names kinds and positions, never a key or a value. If the reply holds an error from the server where a
/// value was expected, the error carries that one too, and shows it.
///
/// ```
/// use swarm_resp::Decoder;
///
/// let reply = Decoder::new().decode_message("*2\r\n:1\r\n-WRONGTYPE not a list\r\n".into())?;
/// let error = reply.convert::<Vec<i64>>().unwrap_err();
/// assert!(error.position().eq([1]));
/// assert_eq!(error.server_error().map(|error| error.code()), Some("WRONGTYPE"));
/// assert_eq!(
///     error.to_string(),
///     "an error that cannot be read as an integer that fits i64, at position 1 of the reply: WRONGTYPE not a list",
/// );
/// # Ok::<(), swarm_resp::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvertError {
    /// The requested type.
    pub expected: &'static str,
    /// The kind of the value that is in its place.
    pub found: Kind,
    /// What few errors have, kept apart because results of conversions are moved a lot.
    detail: Option<Box<Detail>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Detail {
    server: Option<ServerError>,
    /// Innermost first.
    position: Vec<usize>,
}

impl ConvertError {
    /// An error that says that `found` is not what was `expected`.
    #[cold]
    pub fn new(expected: &'static str, found: FrameRef<'_>) -> Self {
        let detail = found.as_error().map(|server| {
            Box::new(Detail {
                server: Some(server),
                position: Vec::new(),
            })
        });
        Self {
            expected,
            found: found.kind(),
            detail,
        }
    }

    /// The error from the server that stands where a value was expected, if that is what was found.
    pub fn server_error(&self) -> Option<&ServerError> {
        self.detail.as_ref()?.server.as_ref()
    }

    /// Where in the reply the value is: its position among the values of each aggregate around it, outermost first,
    /// counted from 0. The keys and the values of a map count one each, as they do in [`FrameRef::items`]. Empty if the
    /// reply as a whole is not what was expected.
    pub fn position(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + '_ {
        let detail = self.detail.as_deref();
        detail
            .map_or(&[][..], |detail| &detail.position)
            .iter()
            .rev()
            .copied()
    }

    /// The same error, of a value that is at this position of the aggregate around it.
    ///
    /// Conversions to lists, maps and tuples call it. One that reads values one by one may do the same.
    #[must_use]
    #[cold]
    pub fn at(mut self, position: usize) -> Self {
        self.detail.get_or_insert_default().position.push(position);
        self
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} that cannot be read as {}", self.found, self.expected)?;
        for (depth, position) in self.position().enumerate() {
            f.write_str(if depth == 0 { ", at position " } else { "." })?;
            write!(f, "{position}")?;
        }
        if self.position().len() > 0 {
            f.write_str(" of the reply")?;
        }
        match self.server_error() {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConvertError {}
