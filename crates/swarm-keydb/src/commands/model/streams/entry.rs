//! Stream entries.

use std::fmt;

use bytes::Bytes;
use swarm_resp::{ConvertError, Frame, FrameRef, FromFrame};

use super::id::StreamId;
use crate::error::{Error, Result};

/// Entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StreamEntry {
    /// ID of the entry.
    pub id: StreamId,
    /// Fields of the entry.
    pub fields: StreamFields,
}

impl StreamEntry {
    /// Returns the value of a field; the first, if the name occurs more than once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{Client, StreamId};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.xadd("events", [("sensor", "temp"), ("value", "22.5")]).await?;
    /// for entry in client.xrange("events", ..).await? {
    ///     assert_eq!(entry.get("sensor").unwrap(), "temp");
    ///     assert_eq!(entry.field_as::<f64>("value")?, Some(22.5));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, field: impl AsRef<[u8]>) -> Option<&Bytes> {
        self.fields.get(field)
    }

    /// Returns the value of a field, converted to `T`; the first, if the name occurs more than
    /// once.
    ///
    /// # Errors
    ///
    /// Kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the value cannot be converted
    /// to `T`.
    pub fn field_as<T: FromFrame>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.fields.get_as(field)
    }
}

impl FromFrame for StreamEntry {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (id, fields) = FromFrame::from_frame(frame)?;
        Ok(Self { id, fields })
    }
}

/// Fields and values of a stream entry, in the order in which they were added. A name may occur
/// more than once.
///
/// Large names and values share the bytes of their reply; small ones are copied. See
/// [Memory](swarm_resp#memory).
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct StreamFields(Vec<(Bytes, Bytes)>);

impl StreamFields {
    /// Returns the value of a field; the first, if the name occurs more than once.
    pub fn get(&self, field: impl AsRef<[u8]>) -> Option<&Bytes> {
        let field = field.as_ref();
        let found = self.0.iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value)
    }

    /// Returns the value of a field, converted to `T`; the first, if the name occurs more than
    /// once.
    ///
    /// # Errors
    ///
    /// Kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply) if the value cannot be converted
    /// to `T`.
    pub fn get_as<T: FromFrame>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let value = self.get(field).cloned().map(Frame::bulk);
        let value = value.map(|value| T::from_frame(value.view()));
        value.transpose().map_err(Error::convert)
    }

    /// Returns an iterator over the fields and values, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Bytes, Bytes)> {
        self.0.iter()
    }

    /// Returns the number of fields.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no fields.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for StreamFields {
    /// Shows the number of fields, but no names or values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamFields({} fields)", self.len())
    }
}

impl FromFrame for StreamFields {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        FromFrame::from_frame(frame).map(Self)
    }
}

impl IntoIterator for StreamFields {
    type Item = (Bytes, Bytes);
    type IntoIter = std::vec::IntoIter<(Bytes, Bytes)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a StreamFields {
    type Item = &'a (Bytes, Bytes);
    type IntoIter = std::slice::Iter<'a, (Bytes, Bytes)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An entry in a list of pending entries. Of one that was deleted by XDEL or by trimming, only the
/// ID is left.
pub(super) enum Listed {
    Entry(StreamEntry),
    Deleted(StreamId),
}

impl FromFrame for Listed {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (id, fields) = FromFrame::from_frame(frame)?;
        Ok(match fields {
            Some(fields) => Self::Entry(StreamEntry { id, fields }),
            None => Self::Deleted(id),
        })
    }
}

impl Listed {
    /// Separates the entries from the IDs of deleted ones.
    pub(super) fn split(
        listed: impl IntoIterator<Item = Self>,
    ) -> (Vec<StreamEntry>, Vec<StreamId>) {
        let (mut entries, mut deleted) = (Vec::new(), Vec::new());
        for item in listed {
            match item {
                Self::Entry(entry) => entries.push(entry),
                Self::Deleted(id) => deleted.push(id),
            }
        }
        (entries, deleted)
    }
}

/// Reads entries. Redis replies with null if a count of zero was requested.
pub(in crate::commands) fn entries(reply: &Frame) -> Result<Vec<StreamEntry>, ConvertError> {
    reply
        .convert::<Option<Vec<StreamEntry>>>()
        .map(Option::unwrap_or_default)
}
