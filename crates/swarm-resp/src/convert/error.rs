//! The error of a failed conversion: expected type, found kind, and position.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::ServerError;
use crate::frame::{FrameRef, Kind};

/// The error of a reply that cannot be converted to the requested type. The connection is not
/// affected.
///
/// The error contains kinds and positions, never a key or a value. If the reply contains a server
/// error in place of a value, [`server_error`](Self::server_error) returns it, and `Display` shows
/// it.
///
/// # Examples
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
///     "an error that cannot be read as an integer that fits i64, \
///      at position 1 of the reply: WRONGTYPE not a list",
/// );
/// # Ok::<(), swarm_resp::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvertError {
    /// The requested type.
    pub expected: &'static str,
    /// The kind of the value that was found.
    pub found: Kind,
    /// Rarely used fields, boxed to keep results of conversions small.
    detail: Option<Box<Detail>>,
}

#[derive(Debug, Clone, Default)]
struct Detail {
    server: Option<ServerError>,
    /// Positions, innermost first.
    position: Vec<usize>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Ignores the source, because errors of any type cannot be compared.
impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        (&self.server, &self.position) == (&other.server, &other.position)
    }
}

impl Eq for Detail {}

impl ConvertError {
    /// Creates the error for a frame that does not have the `expected` type.
    #[cold]
    pub fn new(expected: &'static str, found: FrameRef<'_>) -> Self {
        let detail = found.as_error().map(|server| {
            Box::new(Detail {
                server: Some(server),
                ..Detail::default()
            })
        });
        Self {
            expected,
            found: found.kind(),
            detail,
        }
    }

    /// Sets the [source](Error::source): why the conversion failed. Neither `Display` nor `Debug` of
    /// the source may contain a key or a value. Equality ignores the source.
    #[must_use]
    #[cold]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.detail.get_or_insert_default().source = Some(Arc::new(source));
        self
    }

    /// Returns the server error that was found in place of a value, if any.
    pub fn server_error(&self) -> Option<&ServerError> {
        self.detail.as_ref()?.server.as_ref()
    }

    /// Returns the position of the value in the reply: an index into each enclosing aggregate,
    /// outermost first, counted from 0. The keys and values of a map count one each, as in
    /// [`FrameRef::items`]. Empty if the reply as a whole has the wrong type.
    pub fn position(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + '_ {
        let detail = self.detail.as_deref();
        detail
            .map_or(&[][..], |detail| &detail.position)
            .iter()
            .rev()
            .copied()
    }

    /// Adds the position of the value in its enclosing aggregate.
    ///
    /// Conversions to lists, maps and tuples call this method. Call it if you convert the values of
    /// an aggregate yourself.
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

impl Error for ConvertError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.detail.as_ref()?.source.as_ref()?;
        Some(&**source)
    }
}
