//! Conversion of frames to Rust types.

mod duration;
mod error;
mod list;
mod map;
mod number;
mod text;
mod tuple;

pub use duration::{Milliseconds, Seconds};
pub use error::ConvertError;

use std::rc::Rc;
use std::sync::Arc;

use crate::ServerError;
use crate::frame::{Frame, FrameRef};

/// A type that a reply can be converted to.
///
/// RESP2 and RESP3 replies convert to the same value, although their encodings differ:
///
/// | Type | Converted from |
/// |---|---|
/// | integers | integers, booleans, big numbers, and doubles and text that encode a whole number, such as `3.0` or `1e+19`; overflow is an error |
/// | floats | doubles, integers, text and big numbers, rounded to the nearest |
/// | `bool` | booleans, and 1 or 0 as a number or as text |
/// | `NonZero` | integers other than 0 |
/// | `char` | text of exactly one character |
/// | text and bytes | strings of any kind, big numbers, and other numbers as RESP2 encodes them: for a double, the text that the server sent |
/// | `Option<T>` | a null as `None`; an empty list is not a null |
/// | lists, sets | arrays, sets, pushes; a map as alternating keys and values |
/// | lists of tuples | also a flat list, split into tuples, and a map, as its pairs |
/// | maps | maps, flat lists of keys and values, lists of pairs; for equal keys, the last value wins |
/// | tuples, arrays | lists of exactly that length |
/// | `Box<T>`, `Rc<T>`, `Arc<T>` | whatever `T` is converted from |
/// | `Result<T, ServerError>` | an error as `Err`, such as those among the replies to EXEC |
/// | `()` | anything except an error |
///
/// `u8` does not implement this trait, so that `Vec<u8>` means bytes.
///
/// # Examples
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
/// let message = "%2\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n";
/// let reply = Decoder::new().decode_message(message.into())?;
/// let server: Server = reply.convert()?;
/// assert_eq!((server.version.as_str(), server.protocol), ("7.0.0", 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a reply cannot be converted to `{Self}`",
    label = "not a type of a reply",
    note = "replies convert to text, bytes, numbers, `bool`, `Option`, lists, maps and tuples of \
            these, and types that implement `FromFrame`",
    note = "a `u8` is ambiguous: request `Vec<u8>` or `Bytes` for bytes, a wider integer such as \
            `u16` for a number",
    note = "for a `Duration`, name the unit: `Milliseconds` or `Seconds`",
    note = "for a structure, implement `FromFrame`, or request `Json<…>` of swarm-keydb's feature \
            `json` if it is stored as JSON"
)]
pub trait FromFrame: Sized {
    /// Converts a frame.
    ///
    /// # Errors
    ///
    /// Returns an error if the reply has another type, including a null for a type that is not an
    /// `Option`.
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError>;

    /// Converts an owned frame, which can avoid sharing its bytes.
    ///
    /// # Errors
    ///
    /// Same as [`from_frame`](Self::from_frame).
    fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
        Self::from_frame(frame.view())
    }

    /// Converts a frame to a list. Tuples override this method to accept flat lists and maps; other
    /// types rarely need to.
    ///
    /// # Errors
    ///
    /// Returns an error if the reply is not a list, or one of its values cannot be converted.
    fn list_from_frame(frame: FrameRef<'_>) -> Result<Vec<Self>, ConvertError> {
        let items = (frame.items()).ok_or_else(|| ConvertError::new("a list", frame))?;
        let read = |(at, item)| Self::from_frame(item).map_err(|error| error.at(at));
        items.enumerate().map(read).collect()
    }
}

impl Frame {
    /// Converts the frame to `T`. See [`FromFrame`].
    ///
    /// # Errors
    ///
    /// Returns an error if the frame cannot be converted to `T`.
    pub fn convert<T: FromFrame>(&self) -> Result<T, ConvertError> {
        T::from_frame(self.view())
    }
}

impl FrameRef<'_> {
    /// Converts the value to `T`. See [`FromFrame`].
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be converted to `T`.
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

macro_rules! pointers {
    ($($pointer:ident)+) => {$(
        impl<T: FromFrame> FromFrame for $pointer<T> {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                T::from_frame(frame).map(Self::new)
            }

            fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
                T::from_owned(frame).map(Self::new)
            }
        }
    )+};
}

pointers!(Box Rc Arc);

impl<T: FromFrame> FromFrame for Result<T, ServerError> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match frame.as_error() {
            Some(error) => Ok(Err(error)),
            None => T::from_frame(frame).map(Ok),
        }
    }
}
