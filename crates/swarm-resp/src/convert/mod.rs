//! From frames to the types that callers want.

mod duration;
mod error;
mod list;
mod map;
mod number;
mod text;
mod tuple;

pub use duration::{Milliseconds, Seconds};
pub use error::ConvertError;

use crate::ServerError;
use crate::frame::{Frame, FrameRef};

/// A type that can be made of a reply.
///
/// The same value comes out of RESP2 and RESP3 replies, whatever shape each gives it:
///
/// | Type | Made of |
/// |---|---|
/// | integers | integers, booleans, big numbers, and doubles and text that encode a whole number, such as `3.0` or `1e+19`; overflow is an error |
/// | floats | doubles, integers, text and big numbers, rounded to the nearest |
/// | `bool` | booleans, and 1 or 0 as a number or as text |
/// | text and bytes | strings of any kind, big numbers, and other numbers as RESP2 carries them: of a double, the text that the server sent |
/// | `Option<T>` | a null as `None`; an empty list is no null |
/// | lists, sets | arrays, sets, pushes; a map as its keys and values in turn |
/// | lists of tuples | also a flat list, cut into tuples, and a map, as its pairs |
/// | maps | maps, flat lists of keys and values, lists of pairs; of equal keys the last counts |
/// | tuples, arrays | lists of exactly their length |
/// | `Result<T, ServerError>` | an error as `Err`, as EXEC answers them among its replies |
/// | `()` | anything that is no error |
///
/// `u8` is none of them, so that `Vec<u8>` is bytes.
///
/// ```
/// use std::collections::HashMap;
/// use swarm_resp::{ConvertError, Decoder, FromFrame, FrameRef};
///
/// struct Server {
///     version: String,
///     protocol: u16,
/// }
///
/// impl FromFrame for Server {
///     fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
///         let missing = || ConvertError::new("a map with version and proto", frame);
///         let fields = HashMap::<String, FrameRef<'_>>::from_iter(
///             frame.pairs().ok_or_else(missing)?.filter_map(|(name, value)| {
///                 Some((name.as_str()?.to_owned(), value))
///             }),
///         );
///         let field = |name| fields.get(name).copied().ok_or_else(missing);
///         Ok(Self {
///             version: field("version")?.convert()?,
///             protocol: field("proto")?.convert()?,
///         })
///     }
/// }
///
/// let reply = Decoder::new().decode_message("%2\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n".into())?;
/// let server: Server = reply.convert()?;
/// assert_eq!((server.version.as_str(), server.protocol), ("7.0.0", 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FromFrame: Sized {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// When the reply is something else: also when it is a null and the type is not an `Option`.
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError>;

    /// Makes it of a frame that is not needed any more, which spares what shares a frame's bytes another share of them.
    ///
    /// # Errors
    ///
    /// As [`from_frame`](Self::from_frame).
    fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
        Self::from_frame(frame.view())
    }

    /// Makes a list of it. Tuples read flat lists and maps here; other types have no reason to say more than this
    /// does.
    ///
    /// # Errors
    ///
    /// When the reply is no list, or one of its values cannot be converted.
    fn list_from_frame(frame: FrameRef<'_>) -> Result<Vec<Self>, ConvertError> {
        let items = (frame.items()).ok_or_else(|| ConvertError::new("a list", frame))?;
        let read = |(at, item)| Self::from_frame(item).map_err(|error| error.at(at));
        items.enumerate().map(read).collect()
    }
}

impl Frame {
    /// Converts the frame: see [`FromFrame`].
    ///
    /// # Errors
    ///
    /// When the frame is not what `T` is made of.
    pub fn convert<T: FromFrame>(&self) -> Result<T, ConvertError> {
        T::from_frame(self.view())
    }
}

impl FrameRef<'_> {
    /// Converts the value: see [`FromFrame`].
    ///
    /// # Errors
    ///
    /// When the value is not what `T` is made of.
    pub fn convert<T: FromFrame>(self) -> Result<T, ConvertError> {
        T::from_frame(self)
    }
}

impl FromFrame for Frame {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        Ok(frame.to_frame())
    }

    fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
        Ok(frame)
    }
}

impl FromFrame for () {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match frame.error_bytes() {
            None => Ok(()),
            Some(_) => Err(ConvertError::new("a reply without an error", frame)),
        }
    }
}

impl<T: FromFrame> FromFrame for Option<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        if frame.is_null() {
            Ok(None)
        } else {
            T::from_frame(frame).map(Some)
        }
    }

    #[inline]
    fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
        if frame.is_null() {
            Ok(None)
        } else {
            T::from_owned(frame).map(Some)
        }
    }
}

impl<T: FromFrame> FromFrame for Result<T, ServerError> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match frame.as_error() {
            Some(error) => Ok(Err(error)),
            None => T::from_frame(frame).map(Ok),
        }
    }
}
